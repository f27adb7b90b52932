"""The pages generated from a report: written at the end of a run, and again on request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from kindgate.errors import SettingsError
from kindgate.report.html import report_page
from kindgate.report.markdown import job_summary
from kindgate.report.run_report import LINKS, Link, RunReport


@dataclass(frozen=True)
class Pages:
    """A line about each page, and whether all were written to the requested place."""

    lines: tuple[str, ...]
    complete: bool


def write_pages(report: RunReport, artifacts: Path, rescue: Path | None = None, *, quick: bool = False) -> Pages:
    """Write report.json, summary.md and report.html.

    A page that cannot be written to the artifacts (a full disk) goes to the folder `rescue`, and its line says so. `quick`
    leaves out the HTML page, which takes most of the time.
    """
    pages = {"report.json": lambda: report.model_dump_json(indent=1), **_pages(report)}
    if quick:
        del pages["report.html"]
    return _write_all(artifacts, pages, rescue)


def rewrite_pages(file: Path, links: Sequence[Link] = ()) -> list[str]:
    """Regenerate summary.md and report.html next to their report.json.

    `links` are first added to the report, replacing those with the same name. Raises `SettingsError` if the file is not a
    report of this version.
    """
    try:
        report = RunReport.model_validate_json(file.read_bytes())
    except OSError as error:
        raise SettingsError(
            f"{file}: cannot be read: {error.strerror}", next_step="run the suite first, or set a report with --input"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"{file}: not a report of this version: {place}: {first['msg']}") from error
    if not links:
        return list(_write_all(file.parent, _pages(report), None).lines)
    names = {link.name for link in links}
    others = [link for link in report.links if link.name not in names]
    linked = report.model_copy(update={"links": (*others, *links)[:LINKS]})
    pages = {file.name: lambda: linked.model_dump_json(indent=1), **_pages(linked)}
    return list(_write_all(file.parent, pages, None).lines)


def parse_links(texts: Sequence[str]) -> tuple[Link, ...]:
    """Parse `NAME=URL` links. Raises `SettingsError` for one of another form, or one that a comment could not contain."""
    return tuple(_parse_link(text) for text in texts)


def _parse_link(text: str) -> Link:
    name, _, url = text.partition("=")
    try:
        link = Link(name=name, url=url)
    except ValidationError:
        link = Link(name="", url="")
    if not (link.name and link.url):
        raise SettingsError(f"--link {text}: not in the form NAME=URL", next_step="use a value such as 'HTML report=https://example.com/1'")
    return link


def _pages(report: RunReport) -> dict[str, Callable[[], str]]:
    return {"summary.md": lambda: job_summary(report), "report.html": lambda: report_page(report)}


def _write_all(folder: Path, pages: dict[str, Callable[[], str]], rescue: Path | None) -> Pages:
    lines: list[str] = []
    complete = True
    for name, render in pages.items():
        text = render()
        try:
            lines.append(f"wrote {_write_text(folder / name, text)}")
        except OSError as error:
            complete = False
            lines.append(f"could not write {folder / name}: {error.strerror}{_write_rescue(rescue, name, text)}")
    return Pages(tuple(lines), complete)


def _write_text(path: Path, text: str) -> Path:
    """Write the whole text or leave nothing: half a report is useless."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        raise
    return path


def _write_rescue(rescue: Path | None, name: str, text: str) -> str:
    """Write the page to `rescue`; return a phrase with the location."""
    if rescue is None:
        return ""
    try:
        return f"; wrote it to {_write_text(rescue / name, text)} instead"
    except OSError as error:
        return f", or to {rescue}: {error.strerror}"
