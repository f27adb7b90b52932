"""SVG drawings embedded in a page."""

from __future__ import annotations

from kindgate.report.canvas import COLOURS, embedded_svg

DRAWING = f"""<?xml version="1.0"?>
<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="9pt" height="9pt" viewBox="0 0 9 9" version="1.1">
 <metadata><x xmlns="urn:x">secret</x></metadata>
 <defs><style type="text/css">*{{stroke-linecap: butt}}</style><path id="m1" d="M 1.23456 2  L 3 4 "/></defs>
 <g id="axes_1" clip-path="url(#p1)" style="fill: {COLOURS["ink"]}; font: 10px 'DejaVu Sans', sans-serif; stroke-width: 1.5">
  <use xlink:href="#m1" x="1.98765"/><text>a</text>
 </g>
</svg>"""


def test_a_drawing_has_unique_ids_and_no_inline_style() -> None:
    """Styles become attributes, IDs and references get a prefix, colors become variables, and excess digits are dropped."""
    svg = embedded_svg(DRAWING, "c7", "Title & more", "Description")
    assert "style" not in svg
    assert "secret" not in svg
    assert 'id="c7-axes_1"' in svg
    assert 'clip-path="url(#c7-p1)"' in svg
    assert 'href="#c7-m1"' in svg
    assert 'fill="var(--ink)"' in svg
    assert 'font-size="10"' in svg
    assert 'd="M 1.23 2 L 3 4"' in svg
    assert "DejaVu" not in svg


def test_a_drawing_has_a_title_and_a_description() -> None:
    """Title and description come first, escaped, and the page decides the size."""
    svg = embedded_svg(DRAWING, "c7", "Title & more", "Description")
    assert svg.startswith('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9" role="img" aria-labelledby="c7-title c7-desc">')
    assert '<title id="c7-title">Title &amp; more</title><desc id="c7-desc">Description</desc>' in svg
