"""Response bodies kept while a burst runs, and checked against JSON schemas when it is over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from kindgate.load.expectation import Expectation
from kindgate.load.json_schema import violation
from kindgate.load.plan import BurstPlan
from kindgate.load.raw_samples import CODES, OK, Column, Recorder, Rows
from kindgate.load.response import Response
from kindgate.load.result import FailureKind

KEPT: Final = 200
"""Maximum number of bodies that a generator keeps per route and burst: schemas take milliseconds each to check."""


@dataclass(frozen=True)
class BodySample:
    """A body of `route`, with the index of its request's row, and that of its journey's row (-1: none)."""

    route: int
    row: int
    body: bytes
    charset: str
    journey: int = -1

    def of_journey(self, row: int) -> BodySample:
        """The sample as a part of the journey with this row."""
        return replace(self, journey=row)


class BodySampler:
    """Keeps one in so many responses of a route, from the first on; `samples` grows while the burst runs."""

    def __init__(self, route: int, expect: Expectation, recorder: Recorder, samples: list[BodySample]) -> None:
        self._route = route
        self._every = max(1, round(1 / expect.sample))
        self._recorder = recorder
        self._samples = samples
        self._offered = self._kept = 0

    def offer(self, response: Response) -> None:
        """Keep the response if it is its turn; its request's row must be the next to be recorded."""
        if self._offered % self._every == 0 and self._kept < KEPT:
            self._kept += 1
            self._samples.append(BodySample(self._route, len(self._recorder), response.body, response.charset))
        self._offered += 1


def mark_violations(plan: BurstPlan, samples: Iterable[BodySample], rows: Rows, journeys: Rows) -> tuple[Rows, Rows]:
    """The rows of one generator's requests and journeys, with the outcome `CHECK` where a sample violates its route's schema."""
    wrong = [sample for sample in samples if _violates(plan, sample)]
    failed_journeys = [sample.journey for sample in wrong if sample.journey >= 0]
    return _failed(rows, [sample.row for sample in wrong]), _failed(journeys, failed_journeys)


def _violates(plan: BurstPlan, sample: BodySample) -> bool:
    expect = plan.routes[sample.route].expect
    try:
        document = Response(200, (), sample.body, sample.charset).document
    except (ValueError, RecursionError):
        return True
    return expect is not None and bool(violation(expect.schema, document))


def _failed(rows: Rows, indexes: list[int]) -> Rows:
    """The rows with the outcome `CHECK` at `indexes`, unless they failed anyway."""
    changed = rows.copy()
    for index in indexes:
        if changed[index, Column.OUTCOME] == OK:
            changed[index, Column.OUTCOME] = CODES[FailureKind.CHECK]
    return changed
