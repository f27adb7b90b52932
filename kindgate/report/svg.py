"""Adapt a matplotlib drawing to a page: unique ids, no inline style, colours that follow the page's theme.

A page may forbid inline styles (Content-Security-Policy), so every style becomes a plain SVG attribute.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

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
_MEASURES = {"d", "x", "y", "width", "height", "transform"}
_DROPPED = {"font-family", "font", "stroke-miterlimit"}


def adopted(drawing: str, prefix: str, title: str, description: str) -> str:
    """The drawing as an `<svg>` element; `prefix` must be unique on the page.

    `title` and `description` are for screen readers.
    """
    root = ET.fromstring(drawing)  # noqa: S314  # matplotlib's output of a moment ago, not foreign XML
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in {f"{{{SVG}}}metadata", f"{{{SVG}}}style"}:
                parent.remove(child)
    for element in root.iter():
        _plain(element, prefix)
    view_box = root.get("viewBox", "")
    root.attrib.clear()
    root.attrib.update({"viewBox": view_box, "role": "img", "aria-labelledby": f"{prefix}-title {prefix}-desc"})
    for tag, text in (("desc", description), ("title", title)):
        child = ET.Element(f"{{{SVG}}}{tag}", {"id": f"{prefix}-{tag}"})
        child.text = text
        root.insert(0, child)
    ET.register_namespace("", SVG)
    return re.sub(r">\s+<", "><", ET.tostring(root, encoding="unicode"))


def _plain(element: ET.Element, prefix: str) -> None:
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
        elif name in _MEASURES:
            element.set(name, _short(value))
        else:
            element.set(name, _VARIABLES.get(value, value))


def _short(value: str) -> str:
    """Coordinates with two decimals: a hundredth of a point is invisible, but more digits take a third of the page."""
    return re.sub(r"\s+", " ", re.sub(r"(\.\d\d)\d+", r"\1", value)).strip()


def _declarations(style: str) -> list[tuple[str, str]]:
    found = []
    for declaration in style.split(";"):
        name, _, value = (part.strip() for part in declaration.partition(":"))
        if name == "font":
            size = re.search(r"([\d.]+)px", value)
            found += [("font-size", size[1])] if size else []
        elif name and name not in _DROPPED:
            found.append((name, value))
    return found
