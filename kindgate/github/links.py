"""URLs of a run's pages on GitHub: kindgate's links, and the only ones in a comment."""

from __future__ import annotations

import re

from kindgate.report.run_report import Link

PAGE_PREFIX = "kindgate-page-"
HTML_REPORT = "HTML report"


def run_links(run_url: str) -> tuple[Link, ...]:
    """The attempt, the run (whose page has the re-run button) and its artifacts; empty without a URL."""
    if not run_url:
        return ()
    run = run_url.partition("/attempts/")[0]
    return (Link(name="run", url=run_url), Link(name="re-run", url=run), Link(name="artifacts", url=f"{run}#artifacts"))


def page_name(leg: str, attempt: int) -> str:
    """The artifact name of a leg's HTML report: GitHub shows a single-file artifact in the browser."""
    return f"{PAGE_PREFIX}{leg}-{attempt}.html"


def own_page(address: str, run_url: str) -> Link | None:
    """The HTML report that the run of `run_url` itself uploaded; None if `address` is not one of its artifacts."""
    run = run_url.partition("/attempts/")[0]
    found = run and re.fullmatch(rf"{re.escape(run)}/artifacts/[0-9]{{1,15}}", address)
    return Link(name=HTML_REPORT, url=address) if found else None
