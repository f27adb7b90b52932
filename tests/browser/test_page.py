"""The page of runs with every outcome, and of scenarios: in both themes, on a phone, on paper, without JavaScript."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.chromium import SCREENS
from tests.browser.conftest import REPORTS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, ViewportSize

pytestmark = pytest.mark.browser

A4: ViewportSize = {"width": 703, "height": 1032}
"""Pixels of a sheet within margins of 12 mm, at 96 per inch."""

LETTERS = """() => [...document.querySelectorAll('figure svg text')].filter((text) => text.textContent)
  .map((text) => parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a)"""
CLIPPED = """() => [...document.querySelectorAll('figure')].flatMap((figure) => {
  const frame = figure.getBoundingClientRect();
  return [...figure.querySelectorAll(':scope > svg text')].map((text) => [text.textContent, text.getBoundingClientRect()])
    .filter(([, box]) => box.width && (box.left < frame.left || box.right > frame.right)).map(([words]) => words);
})"""
OVERLAPPING = """() => [...document.querySelectorAll('figure > svg')].flatMap((chart) => {
  const labels = [...chart.querySelectorAll('[id*="xtick"] text')].map((text) => text.getBoundingClientRect());
  return labels.slice(1).filter((box, place) => box.left < labels[place].right + 2).map(() => chart.querySelector('title').textContent);
})"""
COLOURS = """() => {
  const page = getComputedStyle(document.body), line = document.querySelector('figure > svg path[stroke^="var(--series"]');
  return [page.backgroundColor, page.color, getComputedStyle(line).stroke];
}"""
COLUMN = "(table, column) => [...table.tBodies[0].rows].map((row) => Number(row.cells[column].dataset.value))"


def test_the_reports_cover_every_outcome() -> None:
    """The reports cover a passing, a failing and an inconclusive run, and one of scenarios."""
    assert list(REPORTS) == ["failing", "inconclusive", "passing", "scenarios"]


def test_the_page_is_no_wider_than_the_screen(page: Page, screen: str) -> None:
    """The unfolded page never scrolls sideways; wide tables scroll by themselves. A phone would zoom out and hide the overflow."""
    assert page.evaluate("document.documentElement.scrollWidth") <= SCREENS[screen]["viewport"]["width"]


def test_chart_text_is_legible(page: Page) -> None:
    """Letters are between 8 and 16 pixels, even on a phone, stay within their frame and do not overlap."""
    sizes = page.evaluate(LETTERS)
    assert len(sizes) > 50
    assert min(sizes) >= 8
    assert max(sizes) <= 16
    assert page.evaluate(CLIPPED) == []
    assert page.evaluate(OVERLAPPING) == []


def test_axe_finds_no_accessibility_violation(page: Page, screen: str) -> None:
    """Axe finds no violation of any impact on the unfolded page; in the dark theme it checks only colors, which differ there."""
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415  # installed only by `make browser`

    rules = {"runOnly": ["color-contrast", "link-in-text-block"]} if screen == "dark" else {}
    found: dict[str, Any] = Axe().run(page, options={"resultTypes": ["violations"], **rules}).response
    assert len(found["passes"]) >= (1 if rules else 20)
    assert {(rule["id"], rule["impact"], rule["nodes"][0]["html"]) for rule in found["violations"]} == set()


def test_charts_follow_the_color_theme(fresh: Page) -> None:
    """One chart has two themes: background, text and lines all change."""
    light = fresh.evaluate(COLOURS)
    fresh.emulate_media(color_scheme="dark")
    dark = fresh.evaluate(COLOURS)
    assert all(before != after for before, after in zip(light, dark, strict=True))


def test_a_table_is_sorted_by_mouse_and_by_keyboard(fresh: Page) -> None:
    """Columns sort numerically; a second click reverses the order, and the column announces it to a screen reader."""
    table = fresh.get_by_role("region", name="Bursts", exact=True).locator("table")
    head = table.get_by_role("columnheader", name="p99 ms")
    column = head.evaluate("(head) => head.cellIndex")
    before = table.evaluate(COLUMN, column)
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert table.evaluate(COLUMN, column) == sorted(before)
    head.get_by_role("button").press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    assert table.evaluate(COLUMN, column) == sorted(before, reverse=True)


def test_printing_unfolds_every_part_and_omits_data_tables(fresh: Page, tmp_path: Path) -> None:
    """The printed page is white and no wider than a sheet, has the charts of every drawn burst, and omits pages of numbers."""
    fresh.set_viewport_size(A4)
    fresh.emulate_media(media="print", color_scheme="dark")
    assert fresh.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert fresh.locator("details.data").first.is_hidden()
    assert fresh.evaluate("document.documentElement.scrollWidth") <= A4["width"]
    charts = fresh.locator("details.part figure > svg")
    assert charts.count() >= 12
    assert all(charts.nth(place).is_visible() for place in (0, charts.count() - 1))
    assert fresh.pdf(path=tmp_path / "report.pdf", format="A4").startswith(b"%PDF-")


def test_the_page_is_complete_without_javascript(browser: Browser, addresses: dict[str, Path], report: str) -> None:
    """Verdict, tables and charts are in the page, folds open natively, and buttons that would not work are missing."""
    with browser.new_context(**SCREENS["light"], java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(addresses[report].as_uri())
        verdicts = {"failing": "FAIL", "passing": "PASS", "inconclusive": "INCONCLUSIVE", "scenarios": "PASS"}
        assert page.locator("h1 .verdict-word").inner_text() == verdicts[report]
        assert page.get_by_role("button").count() == 0
        table = "Events of rollout restart, episode 1" if report == "scenarios" else "Bursts"
        assert page.get_by_role("region", name=table, exact=True).locator("tbody tr").count() >= 10
        fold = page.locator("figure details").first
        fold.locator("summary").click()
        assert fold.locator("td").first.is_visible()
