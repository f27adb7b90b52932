"""Response bodies kept for JSON schemas: which ones, how many, and what a violation changes."""

from __future__ import annotations

import numpy as np
import pytest

from kindgate.load.body_samples import KEPT, BodySample, BodySampler, mark_violations
from kindgate.load.expectation import Expectation
from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.load.raw_samples import CODES, LATE, NO_ROWS, OK, ROW, Column, Recorder
from kindgate.load.response import Response
from kindgate.load.result import FailureKind

NUMBER = '{"type": "integer"}'
PLAN = BurstPlan((Route("http://127.0.0.1/", expect=Expectation(schema=NUMBER)),), OpenLoop.constant(10, seconds=1))


@pytest.mark.parametrize(("sample", "rows"), [(1, [0, 1, 2, 3, 4, 5, 6]), (0.5, [0, 2, 4, 6]), (0.3, [0, 3, 6]), (0.01, [0])])
def test_one_in_so_many_responses_is_kept_from_the_first_on(sample: float, rows: list[int]) -> None:
    """Each is kept with the row that will be recorded for it."""
    recorder, samples = Recorder(), list[BodySample]()
    sampler = BodySampler(4, Expectation(schema=NUMBER, sample=sample), recorder, samples)
    for number in range(7):
        sampler.offer(Response(200, (), str(number).encode()))
        recorder.data.extend(ROW(0, 0, 0, 0, 0, 0, 0, 0))
    assert samples == [BodySample(4, row, str(row).encode(), "utf-8") for row in rows]


def test_the_number_of_kept_bodies_is_limited() -> None:
    """Memory and the time after a burst stay small, whatever the rate."""
    samples: list[BodySample] = []
    sampler = BodySampler(0, Expectation(schema=NUMBER, sample=1), Recorder(), samples)
    for _ in range(KEPT + 10):
        sampler.offer(Response(200))
    assert len(samples) == KEPT


@pytest.mark.parametrize(
    ("body", "charset", "fails"),
    [(b"1", "utf-8", False), ("1".encode("utf-16"), "utf-16", False), (b'"a"', "utf-8", True), (b"{", "utf-8", True)],
)
def test_a_body_that_violates_its_schema_fails_its_request_and_its_journey(body: bytes, charset: str, *, fails: bool) -> None:
    """A body that is not JSON violates every schema; other rows stay as they were."""
    rows = np.zeros((3, len(Column)), np.int64)
    marked, journeys = mark_violations(PLAN, [BodySample(0, 1, body, charset, journey=0)], rows, rows[:1])
    check = CODES[FailureKind.CHECK] if fails else OK
    assert marked[:, Column.OUTCOME].tolist() == [OK, check, OK]
    assert journeys[:, Column.OUTCOME].tolist() == [check]
    assert not rows.any()


@pytest.mark.parametrize("outcome", [LATE, CODES[FailureKind.RETRIED]])
def test_a_request_that_failed_anyway_keeps_its_reason(outcome: int) -> None:
    """The first reason is the one to repair first."""
    rows = np.zeros((1, len(Column)), np.int64)
    rows[0, Column.OUTCOME] = outcome
    marked, journeys = mark_violations(PLAN, [BodySample(0, 0, b"{", "utf-8")], rows, NO_ROWS)
    assert (marked[0, Column.OUTCOME], len(journeys)) == (outcome, 0)
