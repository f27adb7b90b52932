"""A burst's counts (times, requests without a time, failures, checks), and measured values by k6's definitions."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.histogram import Histogram
from kindgate.slo.counts import Count, Times, counts_of, covered_requests, measure, requests_of, times_of, total_of
from kindgate.slo.grammar import parse_marker, parse_selector
from kindgate.slo.sample import BurstSample, JourneySeries
from kindgate.source_location import Source

MakeBurst = Callable[..., BurstSample]


@given(values=st.lists(st.integers(0, 10**7), min_size=1, max_size=200), quantile=st.floats(0, 100))
def test_a_percentile_without_failures_is_numpys(values: list[int], quantile: float) -> None:
    """If every request was answered, the percentile is that of the raw times."""
    times = Times(Histogram.of(values), 0)

    assert times.percentile(quantile) == pytest.approx(float(np.percentile(values, quantile)) / 1000)


@given(values=st.lists(st.integers(1, 10**6), min_size=1, max_size=100), lost=st.integers(0, 100), quantile=st.floats(0, 100))
def test_requests_without_a_time_are_the_slowest(values: list[int], lost: int, quantile: float) -> None:
    """A lost request counts as slower than any limit: the percentile equals numpy's with infinite times instead."""
    ordered = [*sorted(values), *[math.inf] * lost]
    position = quantile / 100 * (len(ordered) - 1)
    above = ordered[math.ceil(position)]

    percentile = Times(Histogram.of(values), lost).percentile(quantile)

    if math.isinf(above):
        assert percentile == math.inf
    else:
        below = ordered[math.floor(position)]
        assert percentile == pytest.approx((below + (above - below) * (position - math.floor(position))) / 1000)


def test_a_limit_is_met_strictly_or_not() -> None:
    """A request exactly at the limit counts as "at least" but not as "longer"; lost requests count as both."""
    times = Times(Histogram.of([100, 200, 200, 300]), lost=2)

    assert (times.at_least(200), times.longer_than(200)) == (5, 3)
    assert (times.at_least(200.5), times.longer_than(199.5)) == (3, 5)


def test_a_failure_never_lowers_an_average() -> None:
    """A failed request counts with the time it took or the limit, whichever is longer; an unsent one counts with the limit."""
    times = Times(Histogram.of([100_000, 200_000]), lost=3, unsent=1, until_failure=Histogram.of([1_000, 10_000_000]))

    assert times.mean(limit=400) == pytest.approx((100 + 200 + 400 + 10_000 + 400) / 5)


@pytest.mark.parametrize(
    ("selector", "bad", "certain", "wrong"),
    [
        ("http_req_failed", 17, 12, 3),
        ("http_req_failed{kind:timeout}", 4, 4, 0),
        ("http_req_failed{kind:network}", 5, 5, 0),
        ("http_req_failed{kind:unsent}", 5, 0, 0),
        ("http_req_failed{host:foo.localhost,kind:http}", 3, 3, 3),
    ],
)
def test_failures_are_counted_by_kind(burst: MakeBurst, selector: str, bad: int, certain: int, wrong: int) -> None:
    """`kind:network` covers connection, DNS, TLS and reset errors; unsent requests may be the generator's fault."""
    sample = burst([1.0] * 83, {"http": 3, "timeout": 4, "connect": 2, "reset": 2, "tls": 1, "unsent": 5})

    assert counts_of(parse_selector(Source(selector)), [sample]) == (Count(bad, 100, certain, wrong),)


def test_only_series_with_all_tags_are_counted(burst: MakeBurst) -> None:
    """A sub-metric excludes series in which a tag is missing or has another value."""
    sample = burst([1.0], tags={"host": "foo", "route": "a"})

    assert times_of(parse_selector(Source("http_req_duration{host:foo,route:a}")), sample).size == 1
    assert times_of(parse_selector(Source("http_req_duration{host:foo,route:b}")), sample).size == 0
    assert total_of(parse_selector(Source("http_reqs{arm:head}")), sample) == 0


def test_a_request_without_an_answer_passes_no_check(burst: MakeBurst) -> None:
    """If any burst checks bodies, a frozen burst counts as all wrong."""
    good = burst([1.0] * 9, {"check": 1}, checks=(9, 1))
    frozen = burst([], {"timeout": 10})
    selector = parse_selector(Source("checks"))

    assert counts_of(selector, [good, frozen]) == (Count(1, 10, 1, 1), Count(10, 10, 10, 0))
    assert counts_of(selector, [frozen]) == (Count(0, 0, 0, 0),)


def test_counters_count_sent_and_dropped_requests(burst: MakeBurst) -> None:
    """http_reqs counts requests sent, whatever their outcome; dropped_iterations counts those never sent."""
    sample = burst([1.0] * 5, {"http": 2, "unsent": 3})

    assert total_of(parse_selector(Source("http_reqs")), sample) == 7
    assert total_of(parse_selector(Source("dropped_iterations")), sample) == 3


def test_send_lag_is_of_the_whole_burst(burst: MakeBurst) -> None:
    """Unsent requests have no send lag and count as later than any limit."""
    times = times_of(parse_selector(Source("send_lag")), burst([1.0] * 5, {"unsent": 3}, lag_ms=2))

    assert (times.times, times.lost) == (Histogram.of([2000] * 5), 3)


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
def test_an_unanswered_burst_has_no_value(burst: MakeBurst, expression: str) -> None:
    """A burst in which nothing was answered, or nothing has the tags, has no value rather than a good one."""
    assert measure(parse_marker((expression,))[0], [burst([], {"timeout": 10})]) is None
    assert measure(parse_marker((expression,))[0], []) is None


def test_the_rate_of_checks_is_a_success_rate(burst: MakeBurst) -> None:
    """k6's checks are a success rate."""
    threshold = parse_marker(("checks: rate>0.5",))[0]
    sample = burst([1.0] * 10, checks=(9, 1))

    assert measure(threshold, [sample]) == pytest.approx(0.9)
    assert covered_requests(threshold, [sample]) == 10


def _journeys(burst: MakeBurst) -> BurstSample:
    """Build a burst with 10 runs of the journey `buy`: 6 end, 1 gets a wrong answer, 1 a timeout, and 2 are never sent."""
    sample = burst([100.0] * 6, {"http": 1, "timeout": 1, "unsent": 2}, tags={"route": "login", "journey": "buy", "arm": "head"})
    steps = burst([200.0] * 6, tags={"route": "checkout", "journey": "buy", "arm": "head"})
    others = burst([1.0] * 4, {"http": 40}, tags={"route": "login", "journey": "buy", "arm": "base"})
    buy = JourneySeries({"journey": "buy", "arm": "head", "team": "shop"}, 10, 8, 6, 2, Histogram.of([300_000] * 6))
    browse = JourneySeries({"journey": "browse", "arm": "head"}, 3, 3, 3, 0, Histogram.of([50_000] * 3))
    return replace(sample, series=(*sample.series, *steps.series, *others.series), journeys=(buy, browse))


def test_journeys_have_times_and_failures_of_their_own(burst: MakeBurst) -> None:
    """A run that failed or was never started has no time; the failures of its version's steps tell which were wrong or unsent."""
    sample = _journeys(burst)
    buy = parse_selector(Source("iteration_duration{journey:buy,team:shop}"))

    times = times_of(buy, sample)

    assert (times.times, times.lost, times.unsent, times.wrong) == (Histogram.of([300_000] * 6), 4, 2, 1)
    assert times_of(parse_selector(Source("iteration_duration{journey:buy,arm:base}")), sample).size == 0
    assert times_of(parse_selector(Source("iteration_duration")), sample).size == 13


def test_iterations_are_journeys_that_started(burst: MakeBurst) -> None:
    """As in k6, a run counts whether or not it fails; one that was never started is dropped, but its unsent steps are not."""
    sample = _journeys(burst)
    count = parse_marker(("iterations{journey:buy}: count>1",))[0]

    assert measure(count, [sample]) == 8.0
    assert covered_requests(count, [sample]) == 10
    assert measure(parse_marker(("iterations: rate>1",))[0], [sample]) == pytest.approx(11 / 2)
    assert measure(parse_marker(("iteration_duration: max<1",))[0], [sample]) == math.inf
    assert total_of(parse_selector(Source("dropped_iterations{journey:buy}")), sample) == 2
    single = replace(sample, series=(*sample.series, *burst([], {"unsent": 7}, tags={"route": "home"}).series))
    assert total_of(parse_selector(Source("dropped_iterations")), single) == 9


def test_a_metric_of_journeys_describes_the_requests_of_their_steps(burst: MakeBurst) -> None:
    """The steps of one version's runs, and nothing of the other version."""
    steps = requests_of(parse_selector(Source("iteration_duration{journey:buy,arm:head}")), _journeys(burst))

    assert [step.tags["route"] for step in steps] == ["login", "checkout"]
    assert {step.tags["arm"] for step in steps} == {"head"}
