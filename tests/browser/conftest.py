"""The HTML page in a real browser: `make browser`. Only collected if the run selects the marker `browser`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kindgate.report.html import report_page
from kindgate.report.run_report import RunReport
from tests.browser.chromium import SCREENS, chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

HERE = Path(__file__).parent
UNFOLD = """() => [...document.querySelectorAll('.part'), ...[...document.querySelectorAll('.data')].slice(0, 2)]
  .forEach((fold) => { fold.open = true; })"""
REPORTS = {file.stem: file for file in sorted((HERE / "reports").glob("*.json"))}
"""Reports of real runs; reports/README.md describes their origin."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Ignore these tests unless requested: they need a browser, a validator and Playwright."""
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
    """Each screen in turn."""
    return str(request.param)


@pytest.fixture(scope="session", name="page")
def _page(browser: Browser, addresses: dict[str, Path], report: str, screen: str) -> Iterator[Page]:
    """A report's page on a screen, unfolded. Console messages and network requests fail its last test.

    Only two of the charts' similar data tables are unfolded: with all of them, axe would take a minute.
    """
    unexpected: list[str] = []
    context = browser.new_context(**SCREENS[screen])
    page = context.new_page()
    page.on("console", lambda message: unexpected.append(message.text))
    page.on("pageerror", lambda error: unexpected.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith("file:") else unexpected.append(request.url))
    page.goto(addresses[report].as_uri())
    page.evaluate(UNFOLD)
    yield page
    context.close()
    assert unexpected == []


@pytest.fixture(name="fresh")
def _fresh(browser: Browser, addresses: dict[str, Path]) -> Iterator[Page]:
    """The passing run's page as it opens on a desktop, for tests that change it."""
    with browser.new_context(**SCREENS["light"]) as context:
        page = context.new_page()
        page.goto(addresses["passing"].as_uri())
        yield page
