"""What a report says about its verdicts having been judged again where it is published; the run itself leaves it empty."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from kindgate.model import Verdict
from kindgate.report.judged import COMPARISON_LIMIT, OBJECTIVES_LIMIT
from kindgate.report.record import Line, Name, Record

ROWS_LIMIT = 2 * (OBJECTIVES_LIMIT + COMPARISON_LIMIT)
"""All that a report can have judged, and as many rows that claim something else."""


class Rejudged(Record):
    """One objective or compared figure: what the report claims and what its figures give.

    `claimed` is `None` for an objective that the report says nothing about, `verdict` where it could not be judged;
    `reason` says why. `own` objectives are written in the pull request's tests.
    """

    objective: Line
    test: Line = ""
    own: bool = False
    claimed: Verdict | None = None
    verdict: Verdict | None = None
    reason: Line = ""


class BaseVerdict(Record):
    """The objectives of the base branch, judged from this report's figures.

    `edited` says that the pull request is judged by others in its own run. `accepted_by` is the maintainer who lets those count.
    `strict` says that an objective which cannot be decided is red.
    """

    branch: Name
    edited: bool = False
    accepted_by: Name = ""
    strict: bool = False
    rows: Annotated[tuple[Rejudged, ...], Field(max_length=ROWS_LIMIT)] = ()

    @property
    def counts(self) -> bool:
        """Whether the check follows these rows."""
        return not self.accepted_by


class Recomputation(Record):
    """Every verdict of the report, judged again by the code that publishes it. It proves consistency, not honesty."""

    claims: Annotated[tuple[Rejudged, ...], Field(max_length=ROWS_LIMIT)] = ()
    base: BaseVerdict | None = None

    @property
    def contradicted(self) -> tuple[Rejudged, ...]:
        """The claims that the report's figures do not bear out."""
        return tuple(claim for claim in self.claims if claim.claimed is not claim.verdict)
