"""The pages that are made from a report: written at the end of a run, and again whenever somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import ValidationError

from kindgate.errors import SettingsError
from kindgate.report.html import report_page
from kindgate.report.markdown import job_summary
from kindgate.report.run import LINKS, Link, RunReport


def write_pages(report: RunReport, artifacts: Path) -> list[str]:
    """Write report.json, summary.md and report.html; returns a line for each, or for what kept it from being written."""
    return _written(artifacts, {"report.json": lambda: report.model_dump_json(indent=1), **_pages(report)})


def rewrite_pages(file: Path, links: Sequence[Link] = ()) -> list[str]:
    """Make summary.md and report.html again, beside the report.json that they are made from.

    `links` are added to the report first, each in place of one of its name. Raises `SettingsError` when the file is no
    report of this version.
    """
    try:
        report = RunReport.model_validate_json(file.read_bytes())
    except OSError as error:
        raise SettingsError(
            f"{file}: cannot be read: {error.strerror}", next_step="run the suite first, or name a report with --input"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"{file}: is not a report of this version: {place}: {first['msg']}") from error
    if not links:
        return _written(file.parent, _pages(report))
    names = {link.name for link in links}
    kept = [link for link in report.links if link.name not in names]
    linked = report.model_copy(update={"links": (*kept, *links)[:LINKS]})
    return _written(file.parent, {file.name: lambda: linked.model_dump_json(indent=1), **_pages(linked)})


def parse_links(texts: Sequence[str]) -> tuple[Link, ...]:
    """The links that `NAME=URL` texts name. Raises `SettingsError` for one that is not so, or that could not stand in a comment."""
    return tuple(_parse_link(text) for text in texts)


def _parse_link(text: str) -> Link:
    name, _, url = text.partition("=")
    try:
        found = Link(name=name, url=url)
    except ValidationError:
        found = Link(name="", url="")
    if not (found.name and found.url):
        raise SettingsError(f"--link {text}: is not NAME=URL", next_step="write one such as 'HTML report=https://example.com/1'")
    return found


def _pages(report: RunReport) -> dict[str, Callable[[], str]]:
    return {"summary.md": lambda: job_summary(report), "report.html": lambda: report_page(report)}


def _written(folder: Path, pages: dict[str, Callable[[], str]]) -> list[str]:
    lines = []
    for name, render in pages.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(render(), encoding="utf-8")
            lines.append(f"wrote {path}")
        except OSError as error:
            lines.append(f"could not write {path}: {error.strerror}")
    return lines
