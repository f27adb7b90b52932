"""The pull request comment and the job summary: pure functions from reports to Markdown.

Foreign text appears only as code, only kindgate's links are links, and the text fits GitHub's limits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from kindgate.report.comment_layout import Block, fitted, table
from kindgate.report.decision import Decision, badness, no_verdict
from kindgate.report.headline import headline, without_report
from kindgate.report.markdown_escape import cell_code, code_span
from kindgate.report.measure_blocks import (
    bursts_block,
    chart_block,
    footer_block,
    links_block,
    links_of,
    load_scope_block,
    notes_block,
    phases_block,
    resources_block,
)
from kindgate.report.run_report import Link, RunReport
from kindgate.report.units import NONE, plural, span
from kindgate.report.untrusted_text import UntrustedText
from kindgate.report.verdict_blocks import (
    answers_block,
    capacity_block,
    comparison_block,
    details_block,
    failing_block,
    gate_block,
    gate_files_block,
    gate_notes_block,
    headline_block,
    no_longer_block,
    objectives_block,
    recomputation_block,
    scenarios_block,
)

COMMENT_LIMIT = 65_536
"""GitHub's limit for a comment in characters; the same number is used for bytes."""

MARKER_RESERVE = 512
"""Space reserved in a comment for the marker before it."""

SUMMARY_LIMIT = 1024 * 1024
"""Bytes of one step's job summary: GitHub drops a longer one entirely."""

SECTIONS: tuple[Callable[[RunReport], Block | None], ...] = (
    objectives_block,
    comparison_block,
    answers_block,
    scenarios_block,
    capacity_block,
    load_scope_block,
    recomputation_block,
    failing_block,
    details_block,
    gate_block,
    no_longer_block,
    gate_notes_block,
    resources_block,
    chart_block,
    bursts_block,
    gate_files_block,
    phases_block,
    notes_block,
    links_block,
    footer_block,
)
"""The order of a comment, most important first."""


NO_MISSING_LEGS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Leg:
    """One of several runs that are judged together, such as one Kubernetes version of a matrix."""

    name: str
    report: RunReport
    decision: Decision


def comment(report: RunReport, decision: Decision | None = None, *, limit: int = COMMENT_LIMIT - MARKER_RESERVE) -> str:
    """The comment about one run, at most `limit` characters and bytes long.

    `decision` defaults to the one the report's content gives.
    """
    return fitted([headline_block(headline(report, decision)), *_sections(report)], limit)


def comment_without_report(decision: Decision, head: str, links: Sequence[Link]) -> str:
    """The comment about a commit whose run left no report."""
    return fitted([headline_block(without_report(decision, head)), links_of(links)], COMMENT_LIMIT - MARKER_RESERVE)


def matrix_comment(
    legs: Sequence[Leg], missing: Mapping[str, str] = NO_MISSING_LEGS, *, head: str = "", limit: int = COMMENT_LIMIT - MARKER_RESERVE
) -> str:
    """The comment about several runs: the worst one's headline, a table of all, then each in turn.

    `head` is the commit. `missing` are runs without the report they should have sent, with the reason; with any of them the
    comment's verdict is not PASS.
    """
    ordered = sorted(legs, key=lambda leg: (badness(leg.decision), leg.name))
    blocks = [_matrix_headline(ordered, missing, head), _matrix_table(ordered, missing)]
    for leg in ordered:
        blocks.append(headline_block(headline(leg.report, leg.decision), prefix=f"{code_span(leg.name)} "))
        blocks += _sections(leg.report)
    return fitted(blocks, limit)


def job_summary(report: RunReport, *, used: int = 0) -> str:
    """The page for the job summary; `used` is the number of bytes already in the step's summary."""
    return fitted([headline_block(headline(report)), *_sections(report)], max(0, SUMMARY_LIMIT - used))


def _sections(report: RunReport) -> list[Block]:
    return [block for section in SECTIONS if (block := section(report)) is not None]


def _matrix_headline(ordered: Sequence[Leg], missing: Mapping[str, str], head: str) -> Block:
    no_report = no_verdict("no report was found")
    if not ordered or (missing and badness(ordered[0].decision) > badness(no_report)):
        top = without_report(no_report, head)
        if not missing:
            return headline_block(top)
        summary = ("no report from ", *(word for name in tuple(missing)[:20] for word in (UntrustedText(name), ", ")))[:-1]
        return headline_block(replace(top, summary=summary, cause=(UntrustedText("; ".join(sorted(set(missing.values()))[:3])),)))
    worst = ordered[0]
    return headline_block(headline(worst.report, worst.decision), prefix=f"{code_span(worst.name)} ")


def _matrix_table(ordered: Sequence[Leg], missing: Mapping[str, str]) -> Block:
    rows = [(cell_code(name), "❌ no report", NONE) for name in missing]
    rows += [(cell_code(leg.name), headline(leg.report, leg.decision).verdict, span(leg.report.run.seconds)) for leg in ordered]
    return table(f"{plural(len(rows), 'run')}", ("run", "verdict", "time"), rows, usefulness=95, noun="run")
