"""Screenshots of a report for the documentation: run `make browser` first, then this with a report.html and a target folder."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.browser.chromium import SCREENS, chromium

if TYPE_CHECKING:
    from playwright.sync_api import Page

BURST = "document.querySelector('.part figure').getBoundingClientRect().top + scrollY"
MARGIN = 12
HEIGHTS = {"light": 1120, "dark": 940, "phone": 1500}
"""The visible part of the page, in pixels."""


def main(report: Path, folder: Path) -> None:
    """Write report-light.png (from the top), report-dark.png (a burst) and report-phone.png (from the top)."""
    with chromium() as browser:
        for screen, height in HEIGHTS.items():
            context = browser.new_context(**SCREENS[screen])
            page = context.new_page()
            page.goto(report.resolve().as_uri())
            begin = _burst(page) if screen == "dark" else 0.0
            width = page.viewport_size["width"] if page.viewport_size else 0
            page.screenshot(
                path=folder / f"report-{screen}.png", full_page=True, clip={"x": 0, "y": begin, "width": width, "height": height}
            )
            context.close()


def _burst(page: Page) -> float:
    """The position of the first burst's charts."""
    return float(page.evaluate(BURST)) - MARGIN


if __name__ == "__main__":
    main(*(Path(name) for name in sys.argv[1:3]))
