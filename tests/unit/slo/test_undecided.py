"""The range of undecided limits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from kindgate.model import Verdict
from kindgate.slo.grammar import parse_marker
from kindgate.slo.intervals import Finding
from kindgate.slo.rules import find
from kindgate.slo.sample import BurstSample

MakeBurst = Callable[..., BurstSample]
MakeRun = Callable[..., list[BurstSample]]

ALPHA = 0.05 / 3


@pytest.mark.parametrize("operator", ["<", ">"])
def test_its_ends_are_where_the_verdict_changes(run: MakeRun, operator: str) -> None:
    """Just outside the interval every limit is decided, one way below it and the other way above; inside it none is.

    A limit that is judged itself has its own variance inflation, which moves the ends by less than 1 %.
    """
    samples = run()
    finding = find(parse_marker((f"p(95){operator}162",))[0], samples, ALPHA, 0.0)
    assert finding.interval is not None
    low, high = finding.interval
    assert low is not None
    assert high is not None

    def verdict(limit: float) -> Verdict:
        return find(parse_marker((f"p(95){operator}{limit}",))[0], samples, ALPHA, 0.0).verdict

    below, above = (Verdict.FAIL, Verdict.PASS) if operator == "<" else (Verdict.PASS, Verdict.FAIL)
    assert verdict(low * 0.99) is below
    assert verdict(high * 1.01) is above
    assert verdict((low + high) / 2) is Verdict.INCONCLUSIVE


def test_one_inflation_holds_for_the_whole_range(burst: MakeBurst) -> None:
    """Bursts alternate at the limit but differ by halves of the run above it: the range uses the variance inflation at the limit."""
    samples = []
    for place in range(20):
        slowest, slow = (50 if place < 10 else 110), (110 if place % 2 else 150)  # requests of 300 ms, and of at least 200 ms
        samples.append(burst(np.repeat([100.0, 200.0, 300.0], [1000 - slow, slow - slowest, slowest])))

    def finding(limit: float) -> Finding:
        return find(parse_marker((f"p(90)<{limit:g}",))[0], samples, ALPHA, 0.0)

    assert finding(200).interval == (200, 200)
    assert finding(250).verdict is Verdict.INCONCLUSIVE


def test_it_never_contradicts_the_verdict_at_the_limit(burst: MakeBurst) -> None:
    """If all times are equal, the range starts at a missed limit and never reaches a met one."""
    samples = [burst([200.0] * 1000)] * 20

    assert find(parse_marker(("p(95)<150",))[0], samples, ALPHA, 0.0).interval == (150, 200)
    assert find(parse_marker(("p(95)<250",))[0], samples, ALPHA, 0.0).interval == (None, 200)


def test_too_many_failures_leave_it_open_above(run: MakeRun) -> None:
    """If more requests go unanswered than may be slow, no limit is high enough."""
    finding = find(parse_marker(("p(95)<200",))[0], run(failed={"timeout": 100}), ALPHA, 0.0)

    assert finding.interval is not None
    assert finding.interval[1] is None


def test_too_few_requests_leave_it_open_above(run: MakeRun) -> None:
    """200 requests cannot bound a p(99.9), even if all are fast."""
    finding = find(parse_marker(("p(99.9)<1000",))[0], run(count=10, size=20), ALPHA, 0.0)

    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.interval is not None
    assert finding.interval[1] is None
