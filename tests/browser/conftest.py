"""The HTML page in a real browser: `make browser`. Only a run that asks for the marker `browser` collects these tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kindgate.report.html import report_page
from kindgate.report.run import RunReport
from tests.browser.chromium import SCREENS, chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

HERE = Path(__file__).parent
UNFOLD = """() => [...document.querySelectorAll('.part'), ...[...document.querySelectorAll('.data')].slice(0, 2)]
  .forEach((fold) => { fold.open = true; })"""
REPORTS = {file.stem: file for file in sorted((HERE / "reports").glob("*.json"))}
"""Reports of real runs; reports/README.md says how they came about."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave these tests to runs that ask for them: they need a browser, a validator and Playwright."""
    del collection_path
    return None if "browser" in str(config.option.markexpr) else True


@pytest.fixture(scope="session", name="addresses")
def _addresses(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The page of each report, as a file."""
    folder = tmp_path_factory.mktemp("pages")
    pages = {}
    for name, report in REPORTS.items():
        pages[name] = folder / f"{name}.html"
        pages[name].write_text(report_page(RunReport.model_validate_json(report.read_bytes())), encoding="utf-8")
    return pages


@pytest.fixture(scope="session", name="browser")
def _browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session", params=REPORTS, name="report")
def _report(request: pytest.FixtureRequest) -> str:
    """Each real run in turn."""
    return str(request.param)


@pytest.fixture(scope="session", params=SCREENS, name="screen")
def _screen(request: pytest.FixtureRequest) -> str:
    """Each way to look at a page in turn."""
    return str(request.param)


@pytest.fixture(scope="session", name="page")
def _page(browser: Browser, addresses: dict[str, Path], report: str, screen: str) -> Iterator[Page]:
    """A report's page on a screen, unfolded. What it complains about or asks of any network fails its last test.

    Of the tables of charts, which are alike, two are unfolded: all of them would take axe a minute.
    """
    complaints: list[str] = []
    context = browser.new_context(**SCREENS[screen])
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith("file:") else complaints.append(request.url))
    page.goto(addresses[report].as_uri())
    page.evaluate(UNFOLD)
    yield page
    context.close()
    assert complaints == []


@pytest.fixture(name="fresh")
def _fresh(browser: Browser, addresses: dict[str, Path]) -> Iterator[Page]:
    """The page of the passing run as it opens on a desk, for tests that change it."""
    with browser.new_context(**SCREENS["light"]) as context:
        page = context.new_page()
        page.goto(addresses["passing"].as_uri())
        yield page
