"""One matplotlib chart as part of a page: its drawing, its legend, its texts and its data table.

Titles, legends and tables are HTML: they wrap on a phone and work with screen readers; only axes and marks are drawn. The
drawing becomes an inline SVG with unique ids and with colours that follow the page's theme. Every style becomes a plain SVG
attribute, because a page may forbid inline styles (Content-Security-Policy).
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from xml.etree import ElementTree as ET

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import to_hex, to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from kindgate.report.markdown_escape import visible
from kindgate.report.units import number

SVG = "http://www.w3.org/2000/svg"
XLINK = "{http://www.w3.org/1999/xlink}"

COLOURS = {
    "ink": "#000001",
    "grid": "#000002",
    "surface": "#000003",
    "series-1": "#000004",
    "series-2": "#000005",
    "series-3": "#000006",
    "series-4": "#000007",
    "bad": "#000008",
    "limit": "#000009",
    "shade": "#00000a",
}
"""Colours that charts draw with, by the name of the CSS variable that replaces them in the page."""

_VARIABLES = {colour: f"var(--{name})" for name, colour in COLOURS.items()}
_COORDINATES = {"d", "x", "y", "width", "height", "transform"}
_DROPPED = {"font-family", "font", "stroke-miterlimit"}


def embedded_svg(drawing: str, prefix: str, title: str, description: str) -> str:
    """The drawing as an `<svg>` element; `prefix` must be unique on the page.

    `title` and `description` are for screen readers.
    """
    root = ET.fromstring(drawing)  # noqa: S314  # matplotlib's output of a moment ago, not foreign XML
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in {f"{{{SVG}}}metadata", f"{{{SVG}}}style"}:
                parent.remove(child)
    for element in root.iter():
        _inline_styles(element, prefix)
    view_box = root.get("viewBox", "")
    root.attrib.clear()
    root.attrib.update({"viewBox": view_box, "role": "img", "aria-labelledby": f"{prefix}-title {prefix}-desc"})
    for tag, text in (("desc", description), ("title", title)):
        child = ET.Element(f"{{{SVG}}}{tag}", {"id": f"{prefix}-{tag}"})
        child.text = text
        root.insert(0, child)
    ET.register_namespace("", SVG)
    return re.sub(r">\s+<", "><", ET.tostring(root, encoding="unicode"))


def _inline_styles(element: ET.Element, prefix: str) -> None:
    """Move the element's style into attributes, remove the namespace from its tag, and make its id unique on the page."""
    for name, value in _declarations(element.attrib.pop("style", "")):
        element.set(name, value)
    if "id" in element.attrib:
        element.set("id", f"{prefix}-{element.attrib['id']}")
    target = element.attrib.pop(f"{XLINK}href", None)
    if target is not None:
        element.set("href", f"#{prefix}-{target.removeprefix('#')}")
    for name, value in element.attrib.items():
        if value.startswith("url(#"):
            element.set(name, f"url(#{prefix}-{value.removeprefix('url(#')}")
        elif name in _COORDINATES:
            element.set(name, _rounded_coordinates(value))
        else:
            element.set(name, _VARIABLES.get(value, value))


def _rounded_coordinates(value: str) -> str:
    """Coordinates with two decimals: a hundredth of a point is invisible, but more digits take a third of the page."""
    return re.sub(r"\s+", " ", re.sub(r"(\.\d\d)\d+", r"\1", value)).strip()


def _declarations(style: str) -> list[tuple[str, str]]:
    declarations = []
    for declaration in style.split(";"):
        name, _, value = (part.strip() for part in declaration.partition(":"))
        if name == "font":
            size = re.search(r"([\d.]+)px", value)
            declarations += [("font-size", size[1])] if size else []
        elif name and name not in _DROPPED:
            declarations.append((name, value))
    return declarations


INK, GRID, BAD, LIMIT, SHADE = (COLOURS[name] for name in ("ink", "grid", "bad", "limit", "shade"))
SERIES = tuple(COLOURS[f"series-{place}"] for place in range(1, 5))

SIZE = (4.6, 2.4)
"""Inches: the width of a phone, so 9 pt letters are 9 pt there; the page's style reduces letters in larger charts."""

STACKED_HEIGHT = 1.2
"""Inches that each further drawing adds to a stack."""

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "kindgate",
    "svg.id": None,
    "text.color": INK,
    "axes.edgecolor": GRID,
    "axes.labelcolor": INK,
    "axes.labelpad": 3,
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.titlelocation": "left",
    "axes.titlepad": 5,
    "axes.titlesize": 9,
    "axes.titley": 1.0,  # otherwise each title is placed around the labels, which takes a sixth of the time
    "grid.color": GRID,
    "grid.linewidth": 0.5,
    "xtick.color": GRID,
    "xtick.labelcolor": INK,
    "xtick.major.size": 3,
    "ytick.color": GRID,
    "ytick.labelcolor": INK,
    "ytick.major.size": 0,
    "font.size": 9,
    "lines.linewidth": 1.5,
    "path.simplify_threshold": 0.5,
}

_STEPS = ((0.6, (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0)), (2.2, (1.0, 2.0, 5.0)), (3.5, (1.0, 3.0)), (math.inf, (1.0,)))
"""Labels per decade of a log scale, by maximum number of decades."""

EMPTY_RANGE = (0.1, 1000.0)
"""Range of an axis without data, in milliseconds or microseconds."""

DrawAxes = Callable[[Axes], None]
Shape = Literal["line", "dashes", "dots", "area"]

_SHAPES: dict[object, Shape] = {"-": "line", "--": "dashes", ":": "dots"}
_NAMES = {colour: name for name, colour in COLOURS.items()}


@dataclass(frozen=True)
class LegendEntry:
    """Legend entry of a line or an area; `colour` is the name of the page's CSS variable, `opacity` is between 0 and 1."""

    name: str
    colour: str
    shape: Shape
    opacity: float


@dataclass(frozen=True)
class Rows:
    """A chart's data as a table, for readers who cannot see it."""

    columns: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Chart:
    """A chart for a page, with its title, description, legend and data."""

    title: str
    description: str
    svg: str
    keys: tuple[LegendEntry, ...]
    rows: Rows


def chart(draw: DrawAxes, prefix: str, title: str, description: str, rows: Rows) -> Chart:
    """Render the chart that `draw` draws, with ids that begin with `prefix`, which must be unique on the page."""
    return stacked_chart([draw], prefix, title, description, rows)


def stacked_chart(draws: Sequence[DrawAxes], prefix: str, title: str, description: str, rows: Rows) -> Chart:
    """Render one drawing above the other, with a common horizontal axis and one legend; otherwise as `chart`."""
    with mpl.rc_context(STYLE):
        width, height = SIZE
        figure = Figure(figsize=(width, height + (len(draws) - 1) * STACKED_HEIGHT))
        scale = height / figure.get_figheight()
        figure.subplots_adjust(left=0.11, right=0.97, bottom=0.18 * scale, top=1 - 0.09 * scale, hspace=0.32)
        figure.patch.set_alpha(0)
        keys: dict[str, LegendEntry] = {}
        for axes, draw in zip(np.ravel(figure.subplots(len(draws), sharex=True)), draws, strict=True):
            axes.patch.set_alpha(0)
            draw(axes)
            for handle, name in zip(*axes.get_legend_handles_labels(), strict=True):
                keys.setdefault(name, _legend_entry(handle, visible(name)))
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    title, description = visible(title), visible(description)
    return Chart(title, description, embedded_svg(buffer.getvalue(), prefix, title, description), tuple(keys.values()), rows)


def rows_of(columns: Sequence[str], *values: Sequence[float | None]) -> Rows:
    """A table whose columns are equally long series of numbers."""
    return Rows(tuple(columns), tuple(tuple(number(cell) for cell in row) for row in zip(*values, strict=True)))


def with_gaps(values: Sequence[float | None]) -> list[float]:
    """The values with `nan` for None, which interrupts a line."""
    return [float("nan") if value is None else value for value in values]


def draw_limits(axes: Axes, limits: Sequence[float], unit: str, *, upright: bool = False) -> None:
    """Draw a dashed line for each limit, with one legend entry for all."""
    known = sorted(set(limits))
    name = f"limit{'' if len(known) == 1 else 's'} {', '.join(number(limit) for limit in known)} {unit}"
    for place, limit in enumerate(known):
        line = axes.axvline if upright else axes.axhline
        line(limit, color=LIMIT, linestyle="--", linewidth=1.2, label="" if place else name)


def log_ticks(axis: Axis) -> None:
    """Label 1, 2, 5, 10, ..., or more or fewer values: even a range below a factor of ten gets labels, and a wide one is not crowded.

    Call it after everything that determines the range is drawn.
    """
    low, high = axis.get_view_interval()
    decades = math.log10(high / low)
    steps = next(steps for most, steps in _STEPS if decades <= most)
    axis.set_major_locator(LogLocator(subs=steps, numticks=8))
    axis.set_major_formatter(lambda value, _: number(value))
    axis.set_minor_locator(NullLocator())


def log_scale(axes: Axes) -> None:
    """Use a log scale for values, on which twice as slow is the same distance everywhere.

    If every request failed, no value above zero determines the ends of the scale.
    """
    axes.set_yscale("log")
    if not math.isfinite(axes.yaxis.get_minpos()):
        axes.set_ylim(*EMPTY_RANGE)
    log_ticks(axes.yaxis)


def start_at_zero(axes: Axes) -> None:
    """Start the value axis at zero, with numbers formatted as on the rest of the page."""
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.yaxis.set_major_formatter(lambda value, _: number(value))


def _legend_entry(handle: object, name: str) -> LegendEntry:
    """The legend entry for a matplotlib line or filled shape."""
    if isinstance(handle, Line2D):
        return LegendEntry(name, _NAMES[to_hex(handle.get_color())], _SHAPES[handle.get_linestyle()], 1.0)
    filled: Any = handle
    colour = filled.get_facecolor()
    rgba = to_rgba(colour if isinstance(colour, tuple) else colour[0])
    return LegendEntry(name, _NAMES[to_hex(rgba)], "area", round(rgba[3], 2))
