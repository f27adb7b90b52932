"""The comment on a pull request and the job's summary: pure functions from reports to Markdown.

Nothing foreign stands outside of code, no link but ours is a link, and the text fits GitHub's limits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kindgate.report.escape import cell_code, code_span
from kindgate.report.headline import headline, trusted
from kindgate.report.layout import Block, fitted, table
from kindgate.report.measure_blocks import (
    bursts_block,
    chart_block,
    footer_block,
    links_block,
    notes_block,
    phases_block,
    resources_block,
)
from kindgate.report.numbers import NONE, plural, span
from kindgate.report.run import Outcome, RunReport
from kindgate.report.verdict_blocks import (
    comparison_block,
    details_block,
    failing_block,
    gate_block,
    headline_block,
    objectives_block,
)

COMMENT_LIMIT = 65_536
"""Characters that GitHub takes in a comment; bytes are held to the same number."""

MARKER_ROOM = 512
"""What is left free in a comment for the marker in front of it."""

SUMMARY_LIMIT = 1024 * 1024
"""Bytes of one step's job summary: GitHub drops the whole of a longer one."""

SECTIONS: tuple[Callable[[RunReport], Block | None], ...] = (
    objectives_block,
    comparison_block,
    failing_block,
    details_block,
    gate_block,
    resources_block,
    chart_block,
    bursts_block,
    phases_block,
    notes_block,
    links_block,
    footer_block,
)
"""The order of a comment, most wanted first."""

WORST_FIRST = (
    Outcome.SETUP_FAILED,
    Outcome.FAILED,
    Outcome.INVALID,
    Outcome.INTERRUPTED,
    Outcome.INCONCLUSIVE,
    Outcome.PASSED,
)


@dataclass(frozen=True)
class Leg:
    """One of several runs that are judged together, such as one Kubernetes version of a matrix."""

    name: str
    report: RunReport
    conclusion: str = ""


def comment(report: RunReport, *, conclusion: str = "", limit: int = COMMENT_LIMIT - MARKER_ROOM) -> str:
    """The comment about one run, at most `limit` characters and bytes long.

    `conclusion` is GitHub's own word about the run of an untrusted report; see `headline`.
    """
    return fitted([headline_block(headline(report, conclusion)), *_sections(report)], limit)


def matrix_comment(legs: Sequence[Leg], missing: Sequence[str] = (), *, limit: int = COMMENT_LIMIT - MARKER_ROOM) -> str:
    """The comment about several runs: the worst one's headline, a table of all, then each in turn.

    `missing` names runs that should have sent a report and did not; with any of them the comment's verdict is a failure.
    """
    ordered = sorted(legs, key=lambda leg: (trusted(leg.report, leg.conclusion), WORST_FIRST.index(leg.report.outcome), leg.name))
    blocks = [_matrix_headline(ordered, missing), _matrix_table(ordered, missing)]
    for leg in ordered:
        blocks.append(headline_block(headline(leg.report, leg.conclusion), prefix=f"{code_span(leg.name)} "))
        blocks += _sections(leg.report)
    return fitted(blocks, limit)


def job_summary(report: RunReport, *, used: int = 0) -> str:
    """The page of the job's summary; `used` are the bytes that the step's summary already holds."""
    return fitted([headline_block(headline(report)), *_sections(report)], max(0, SUMMARY_LIMIT - used))


def _sections(report: RunReport) -> list[Block]:
    return [block for section in SECTIONS if (block := section(report)) is not None]


def _matrix_headline(ordered: Sequence[Leg], missing: Sequence[str]) -> Block:
    if missing:
        names = ", ".join(code_span(name) for name in missing[:20])
        return Block(
            (
                f"### ❌ FAIL: no report from {names}",
                f"**Cause:** {plural(len(missing), 'run')} ended without a report. **Next:** read the log of each.",
            )
        )
    if not ordered:
        return Block(("### ❌ FAIL: there is no report", "**Cause:** no run sent one. **Next:** read the workflow's log."))
    worst = ordered[0]
    return headline_block(headline(worst.report, worst.conclusion), prefix=f"{code_span(worst.name)} ")


def _matrix_table(ordered: Sequence[Leg], missing: Sequence[str]) -> Block:
    rows = [(cell_code(name), "❌ no report", NONE) for name in missing]
    rows += [(cell_code(leg.name), headline(leg.report, leg.conclusion).verdict, span(leg.report.run.seconds)) for leg in ordered]
    return table(f"{plural(len(rows), 'run')}", ("run", "verdict", "time"), rows, usefulness=95, noun="run")
