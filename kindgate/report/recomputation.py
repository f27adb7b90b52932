"""A report's recomputed verdicts, set where it is published; the run itself leaves them empty."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from kindgate.model import Verdict
from kindgate.report.frozen_record import Line, Name, Record
from kindgate.report.judged import COMPARISON_LIMIT, OBJECTIVES_LIMIT
from kindgate.report.scenario_records import SCENARIO_OBJECTIVES_LIMIT

ROWS_LIMIT = 2 * (OBJECTIVES_LIMIT + COMPARISON_LIMIT) + 300 + SCENARIO_OBJECTIVES_LIMIT + 2400
"""All rows that a report can have judged, plus as many that claim something else, the compared answers, the scenarios, and policies."""


class RecomputedVerdict(Record):
    """One objective or compared figure: the report's claim and the verdict of its figures.

    `claimed` is `None` for an objective that the report omits, `verdict` if it could not be judged; `reason` explains it.
    `own` objectives are written in the pull request's tests.
    """

    objective: Line
    test: Line = ""
    own: bool = False
    claimed: Verdict | None = None
    verdict: Verdict | None = None
    reason: Line = ""


class BaseVerdict(Record):
    """The base branch's objectives, judged from this report's figures.

    `edited` is whether the pull request's run uses different ones. `accepted_by` is the maintainer who lets those count.
    `strict` makes an inconclusive objective a failure.
    """

    branch: Name
    edited: bool = False
    accepted_by: Name = ""
    strict: bool = False
    rows: Annotated[tuple[RecomputedVerdict, ...], Field(max_length=ROWS_LIMIT)] = ()

    @property
    def counts(self) -> bool:
        """Whether these rows decide the check."""
        return not self.accepted_by


class Recomputation(Record):
    """Every verdict of the report, recomputed by the publisher's code. This proves consistency, not honesty."""

    claims: Annotated[tuple[RecomputedVerdict, ...], Field(max_length=ROWS_LIMIT)] = ()
    base: BaseVerdict | None = None

    @property
    def contradicted(self) -> tuple[RecomputedVerdict, ...]:
        """The claims that the report's figures contradict."""
        return tuple(claim for claim in self.claims if claim.claimed is not claim.verdict)
