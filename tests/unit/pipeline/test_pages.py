"""Pages are rendered from a report, and again from its file."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindgate.errors import SettingsError
from kindgate.pipeline.pages import parse_links, rewrite_pages, write_pages
from kindgate.report.run_report import LINKS, Link, Outcome, Run, RunReport

REPORT = RunReport(run=Run(id="1", started=1_790_000_000.0, seconds=60.0), outcome=Outcome.PASSED, exit_code=0)
ADDRESS = "https://github.com/acme/shop/actions/runs/9001/artifacts/5"


@pytest.fixture(name="written")
def _written(tmp_path: Path) -> Path:
    """Write a run's report.json with one link."""
    links = (Link(name="run", url="https://github.com/acme/shop/actions/runs/9001"),)
    report = RunReport(run=Run(id="1", started=0.0, seconds=1.0), outcome=Outcome.PASSED, exit_code=0, links=links)
    write_pages(report, tmp_path)
    return tmp_path / "report.json"


def read(file: Path) -> RunReport:
    """Read the report from a file."""
    return RunReport.model_validate_json(file.read_bytes())


def test_a_link_is_added_to_the_report_and_its_pages(written: Path) -> None:
    """The address is known only after the upload; adding it again replaces the first."""
    for number in (4, 5):
        rewrite_pages(written, parse_links([f"HTML report={ADDRESS[:-1]}{number}"]))

    assert [(link.name, link.url) for link in read(written).links][1:] == [("HTML report", ADDRESS)]
    assert f"[HTML report]({ADDRESS})" in (written.parent / "summary.md").read_text()
    assert ADDRESS in (written.parent / "report.html").read_text()


def test_without_links_the_report_is_unchanged(written: Path) -> None:
    """Only the pages are rendered again."""
    before = written.read_bytes()
    (written.parent / "report.html").unlink()

    rewrite_pages(written)

    assert written.read_bytes() == before
    assert (written.parent / "report.html").is_file()


def test_links_beyond_the_reports_limit_are_dropped(written: Path) -> None:
    """A report with more links could not be read back."""
    rewrite_pages(written, parse_links([f"page {number}={ADDRESS}" for number in range(30)]))

    assert len(read(written).links) == LINKS


@pytest.mark.parametrize("text", ["HTML report", "page=javascript:alert(1)", "page=https://x/)[y](https://z", f"{'x' * 400}={ADDRESS}"])
def test_an_invalid_link_is_refused(text: str) -> None:
    """An invalid link is refused before anything is written."""
    with pytest.raises(SettingsError, match="NAME=URL"):
        parse_links([text])


def test_pages_are_written_to_the_requested_folder(tmp_path: Path) -> None:
    """Each page is reported in one line, and the default folder stays empty."""
    pages = write_pages(REPORT, tmp_path / "artifacts", tmp_path / "rescue")

    assert pages.complete
    assert sorted(path.name for path in (tmp_path / "artifacts").iterdir()) == ["report.html", "report.json", "summary.md"]
    assert not (tmp_path / "rescue").exists()


def test_a_page_that_does_not_fit_on_the_disk_is_rescued(tmp_path: Path) -> None:
    """The message states the reason and the fallback location; the page is complete."""
    (tmp_path / "artifacts").write_text("a file where a folder is needed")

    pages = write_pages(REPORT, tmp_path / "artifacts", tmp_path / "rescue")

    assert not pages.complete
    assert all("could not write" in line and str(tmp_path / "rescue") in line for line in pages.lines)
    assert RunReport.model_validate_json((tmp_path / "rescue" / "report.json").read_bytes()) == REPORT


def test_no_partial_page_is_left(tmp_path: Path) -> None:
    """On a full device the error names it, and no empty file is left to be mistaken for a report."""
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "artifacts" / "report.json").symlink_to("/dev/full")

    pages = write_pages(REPORT, tmp_path / "artifacts", tmp_path / "rescue")

    assert "No space left on device" in pages.lines[0]
    assert not (tmp_path / "artifacts" / "report.json").exists()
    assert (tmp_path / "rescue" / "report.json").is_file()


def test_a_quick_write_skips_the_html_page(tmp_path: Path) -> None:
    """Pages are rendered from the data and take most of the time."""
    pages = write_pages(REPORT, tmp_path / "artifacts", tmp_path / "rescue", quick=True)

    assert pages.complete
    assert sorted(path.name for path in (tmp_path / "artifacts").iterdir()) == ["report.json", "summary.md"]
