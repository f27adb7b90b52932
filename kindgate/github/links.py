"""Addresses of a run's pages on GitHub: our links, and the only ones that a comment has."""

from __future__ import annotations

import re

from kindgate.report.run import Link

PAGE_PREFIX = "kindgate-page-"
HTML_REPORT = "HTML report"


def run_links(run_url: str) -> tuple[Link, ...]:
    """The attempt, the run (whose page has the button that runs it again) and its artifacts; none without an address."""
    if not run_url:
        return ()
    run = run_url.partition("/attempts/")[0]
    return (Link(name="run", url=run_url), Link(name="re-run", url=run), Link(name="artifacts", url=f"{run}#artifacts"))


def page_name(leg: str, attempt: int) -> str:
    """What a leg's HTML report is called as an artifact: GitHub shows one that is a single file in the browser."""
    return f"{PAGE_PREFIX}{leg}-{attempt}.html"


def own_page(address: str, run_url: str) -> Link | None:
    """The HTML report that the run of `run_url` itself has uploaded; None where `address` is none of its artifacts."""
    run = run_url.partition("/attempts/")[0]
    found = run and re.fullmatch(rf"{re.escape(run)}/artifacts/[0-9]{{1,15}}", address)
    return Link(name=HTML_REPORT, url=address) if found else None
