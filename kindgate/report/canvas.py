"""One drawing by matplotlib as a part of the page: its axes, the keys to its colours, and the words and rows beside it.

Titles, keys and tables are HTML: they wrap on a phone and are read aloud; only axes and marks are drawn.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import to_hex, to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from kindgate.report.escape import visible
from kindgate.report.numbers import number
from kindgate.report.svg import COLOURS, adopted

INK, GRID, BAD, LIMIT, SHADE = (COLOURS[name] for name in ("ink", "grid", "bad", "limit", "shade"))
SERIES = tuple(COLOURS[f"series-{place}"] for place in range(1, 5))

SIZE = (4.6, 2.4)
"""Inches: as wide as a phone, so that a letter of 9 points is one there; the page's style makes letters smaller where a chart is larger."""

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
"""Labels per decade of a log scale, by how many decades there are at most."""

EMPTY_RANGE = (0.1, 1000.0)
"""Milliseconds, or microseconds, that an axis without data shows."""

Draw = Callable[[Axes], None]
Shape = Literal["line", "dashes", "dots", "area"]

_SHAPES: dict[object, Shape] = {"-": "line", "--": "dashes", ":": "dots"}
_NAMES = {colour: name for name, colour in COLOURS.items()}


@dataclass(frozen=True)
class Key:
    """What a line or an area of a chart means; `colour` is the name of the page's CSS variable, `opacity` between 0 and 1."""

    name: str
    colour: str
    shape: Shape
    opacity: float


@dataclass(frozen=True)
class Rows:
    """A chart's figures as a table: what is drawn, for those who do not see it."""

    columns: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Chart:
    """A drawing for a page, with its title and description, the keys to its colours, and its figures."""

    title: str
    description: str
    svg: str
    keys: tuple[Key, ...]
    rows: Rows


def chart(draw: Draw, prefix: str, title: str, description: str, rows: Rows) -> Chart:
    """The drawing that `draw` makes, with ids that begin with `prefix`, given to no other chart of the page."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=SIZE)
        figure.subplots_adjust(left=0.11, right=0.97, bottom=0.18, top=0.91)
        figure.patch.set_alpha(0)
        axes = figure.add_subplot()
        axes.patch.set_alpha(0)
        draw(axes)
        keys = tuple(_key(handle, visible(name)) for handle, name in zip(*axes.get_legend_handles_labels(), strict=True))
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    title, description = visible(title), visible(description)
    return Chart(title, description, adopted(buffer.getvalue(), prefix, title, description), keys, rows)


def rows_of(columns: Sequence[str], *values: Sequence[float | None]) -> Rows:
    """A table whose columns are series of numbers of one length."""
    return Rows(tuple(columns), tuple(tuple(number(cell) for cell in row) for row in zip(*values, strict=True)))


def gaps(values: Sequence[float | None]) -> list[float]:
    """The values with `nan`, at which a line is broken, for what does not exist."""
    return [float("nan") if value is None else value for value in values]


def draw_limits(axes: Axes, limits: Sequence[float], unit: str, *, upright: bool = False) -> None:
    """A dashed line for each limit, with one key that names them."""
    known = sorted(set(limits))
    name = f"limit{'' if len(known) == 1 else 's'} {', '.join(number(limit) for limit in known)} {unit}"
    for place, limit in enumerate(known):
        line = axes.axvline if upright else axes.axhline
        line(limit, color=LIMIT, linestyle="--", linewidth=1.2, label="" if place else name)


def log_ticks(axis: Axis) -> None:
    """1, 2, 5, 10, ..., or fewer or more of them: a range below a factor of ten still gets labels, and a wide one has room for them.

    To be called when everything is drawn that decides on the range.
    """
    low, high = axis.get_view_interval()
    decades = math.log10(high / low)
    steps = next(steps for most, steps in _STEPS if decades <= most)
    axis.set_major_locator(LogLocator(subs=steps, numticks=8))
    axis.set_major_formatter(lambda value, _: number(value))
    axis.set_minor_locator(NullLocator())


def log_scale(axes: Axes) -> None:
    """Values on a log scale: what is twice as slow is as far up everywhere.

    Where every request failed there is nothing above zero that the scale's ends could come from.
    """
    axes.set_yscale("log")
    if not math.isfinite(axes.yaxis.get_minpos()):
        axes.set_ylim(*EMPTY_RANGE)
    log_ticks(axes.yaxis)


def from_nothing(axes: Axes) -> None:
    """Values from zero up, with whole numbers shortened as everywhere on the page."""
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.yaxis.set_major_formatter(lambda value, _: number(value))


def _key(handle: object, name: str) -> Key:
    """The key to what matplotlib drew: a line, or something filled."""
    if isinstance(handle, Line2D):
        return Key(name, _NAMES[to_hex(handle.get_color())], _SHAPES[handle.get_linestyle()], 1.0)
    filled: Any = handle
    colour = filled.get_facecolor()
    rgba = to_rgba(colour if isinstance(colour, tuple) else colour[0])
    return Key(name, _NAMES[to_hex(rgba)], "area", round(rgba[3], 2))
