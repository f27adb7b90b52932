"""Measured values follow k6's definitions."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from kindgate.slo.counts import measure, scheduled
from kindgate.slo.grammar import parse_marker
from kindgate.slo.sample import BurstSample

MakeBurst = Callable[..., BurstSample]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("avg<1", 20.0),
        ("min<1", 10.0),
        ("max<1", 30.0),
        ("med<1", 20.0),
        ("p(75)<1", 25.0),
        ("http_req_waiting: max<1", 30.0),
        ("service_time: max<1", 30.0),
        ("send_lag: max<1", 0.05),
        ("http_req_failed: rate<1", 0.0),
        ("http_reqs: count<1", 3.0),
        ("http_reqs: rate<1", 1.5),
        ("dropped_iterations: count<1", 0.0),
    ],
)
def test_each_aggregation_of_one_burst(burst: MakeBurst, expression: str, value: float) -> None:
    """Times are in milliseconds, rates are shares, and counters are counts or counts per second of sending."""
    assert measure(parse_marker((expression,))[0], [burst([10.0, 20.0, 30.0])]) == pytest.approx(value)


def test_bursts_are_pooled(burst: MakeBurst) -> None:
    """As in k6, a percentile is taken over all requests of all bursts; percentiles are not averaged."""
    first, second = [10.0] * 90, [100.0] * 10
    threshold = parse_marker(("p(95)<1",))[0]

    assert measure(threshold, [burst(first), burst(second)]) == pytest.approx(float(np.percentile(first + second, 95)))


def test_a_percentile_among_failures_is_infinite(burst: MakeBurst) -> None:
    """With 10 % of the requests failed, p(80) exists but p(95) does not, and the maximum is infinite."""
    sample = burst([10.0] * 90, {"timeout": 10})

    assert measure(parse_marker(("p(80)<1",))[0], [sample]) == 10
    assert measure(parse_marker(("p(95)<1",))[0], [sample]) == math.inf
    assert measure(parse_marker(("max<1",))[0], [sample]) == math.inf


@pytest.mark.parametrize(
    "expression", ["p(95)<1", "min<1", "avg<1", "checks: rate>0.5", "http_reqs{host:bar}: count>0", "http_req_failed{host:bar}: rate<1"]
)
def test_nothing_measured_is_no_value(burst: MakeBurst, expression: str) -> None:
    """A burst in which nothing was answered, or nothing has the tags, has no value rather than a good one."""
    assert measure(parse_marker((expression,))[0], [burst([], {"timeout": 10})]) is None
    assert measure(parse_marker((expression,))[0], []) is None


def test_a_rate_of_checks_is_of_those_passed(burst: MakeBurst) -> None:
    """k6's checks are a success rate."""
    threshold = parse_marker(("checks: rate>0.5",))[0]
    sample = burst([1.0] * 10, checks=(9, 1))

    assert measure(threshold, [sample]) == pytest.approx(0.9)
    assert scheduled(threshold, [sample]) == 10
