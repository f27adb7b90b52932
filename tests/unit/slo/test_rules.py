"""The decision rules, one by one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

from kindgate.histogram import Histogram
from kindgate.model import Verdict
from kindgate.slo.grammar import parse_marker
from kindgate.slo.rules import allowed_share, evaluate_rule, is_mean
from kindgate.slo.sample import BurstSample, Series
from kindgate.slo.threshold import Threshold

MakeBurst = Callable[..., BurstSample]
MakeRun = Callable[..., list[BurstSample]]

ALPHA = 0.05 / 3


def _threshold(text: str) -> Threshold:
    return parse_marker((text,))[0]


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("p(95)<200", 0.05),
        ("p(99.9)<=200", 0.001),
        ("p(95)>200", 0.95),
        ("med<200", 0.5),
        ("http_req_failed: rate<0.01", 0.01),
        ("http_req_failed: rate>0.2", 0.8),
        ("checks: rate>=0.99", 0.01),
        ("checks: rate<0.1", 0.1),
    ],
)
def test_thresholds_on_a_share_have_an_allowed_share(text: str, share: float) -> None:
    """Percentiles and rates allow a share of requests on the wrong side of the limit."""
    assert allowed_share(_threshold(text)) == pytest.approx(share)


@pytest.mark.parametrize(
    "text",
    [
        "p(100)<200",
        "p(0)>1",
        "p(95)==200",
        "p(95)<inf",
        "max<200",
        "min>1",
        "http_reqs: count>1",
        "http_reqs: rate>1",
        "checks: rate===1",
        "http_req_failed: rate<=0",
        "checks: rate>=1",
    ],
)
def test_everything_else_is_a_fact(text: str) -> None:
    """Extremes, counts, equality and "none at all" are facts of a run that no variance qualifies."""
    threshold = _threshold(text)

    assert allowed_share(threshold) is None
    assert not is_mean(threshold)


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("p(95)<200", Verdict.PASS),
        ("p(95)<162", Verdict.INCONCLUSIVE),
        ("p(95)<150", Verdict.FAIL),
        ("p(95)>150", Verdict.PASS),
        ("p(95)>=162", Verdict.INCONCLUSIVE),
        ("p(95)>200", Verdict.FAIL),
        ("med<=110", Verdict.PASS),
        ("avg<110", Verdict.PASS),
        ("avg<103", Verdict.INCONCLUSIVE),
        ("avg<95", Verdict.FAIL),
        ("avg>95", Verdict.PASS),
        ("avg>110", Verdict.FAIL),
        ("max<1000", Verdict.PASS),
        ("max<300", Verdict.FAIL),
        ("min>=10", Verdict.PASS),
        ("http_req_failed: rate<0.01", Verdict.PASS),
        ("http_req_failed: rate==0", Verdict.PASS),
        ("http_reqs: count>=20000", Verdict.PASS),
        ("http_reqs: count>20000", Verdict.FAIL),
        ("dropped_iterations: count<1", Verdict.PASS),
        ("dropped_iterations: count!=0", Verdict.FAIL),
    ],
)
def test_the_verdict_of_each_rule(run: MakeRun, text: str, verdict: Verdict) -> None:
    """20 bursts of 1,000 requests with a median of 100 ms and a p(95) of about 162 ms, nothing failed."""
    assert evaluate_rule(_threshold(text), run(), ALPHA, 0.0).verdict is verdict


@pytest.mark.parametrize(
    ("text", "verdict"), [("med<200", Verdict.FAIL), ("med<=200", Verdict.PASS), ("med>200", Verdict.FAIL), ("med>=200", Verdict.PASS)]
)
def test_a_request_exactly_at_the_limit_passes_only_inclusive_operators(burst: MakeBurst, text: str, verdict: Verdict) -> None:
    """As in k6, `<` and `<=` differ for requests exactly at the limit."""
    assert evaluate_rule(_threshold(text), [burst([200.0] * 1000)] * 20, ALPHA, 0.0).verdict is verdict


def test_a_failed_request_counts_as_too_slow(run: MakeRun) -> None:
    """Answering only 90 % of the requests misses a p(95), however fast the answers."""
    fast = evaluate_rule(_threshold("p(95)<1000"), run(failed={"http": 112}), ALPHA, 0.0)

    assert fast.verdict is Verdict.FAIL
    assert fast.proportion is not None
    assert fast.proportion.share == pytest.approx(112 / 1112)


def test_the_average_is_students_t_over_burst_means(run: MakeRun) -> None:
    """Interval and p-value match scipy's t-test over the means of equal bursts without serial correlation."""
    samples = sorted(run(), key=lambda sample: sample.series[0].response.mean)
    samples = [samples[place // 2 if place % 2 else -1 - place // 2] for place in range(20)]  # alternately high and low
    means = [sample.series[0].response.mean / 1000 for sample in samples]
    expected = ttest_1samp(means, 101.0, alternative="greater")

    finding = evaluate_rule(_threshold("avg<101"), samples, ALPHA, 0.0)

    assert finding.p_value == pytest.approx(expected.pvalue)
    assert finding.interval == pytest.approx(tuple(ttest_1samp(means, 0).confidence_interval(1 - 2 * ALPHA)))


@pytest.mark.parametrize("text", ["avg<101", "p(95)<160", "http_req_failed: rate<0.02"])
def test_correlated_bursts_widen_interval_and_p_value(burst: MakeBurst, text: str) -> None:
    """The same bursts carry less evidence if the slow ones are adjacent: the run may have hit a slow period."""
    kinds = [burst(median * np.exp(np.linspace(-0.5, 0.5, 1000)), {"http": failed}) for median, failed in ((100.0, 15), (108.0, 35))]
    turns, halves = (
        evaluate_rule(_threshold(text), [kinds[kind] for kind in order], ALPHA, 0.0) for order in ([0, 1] * 10, [0] * 10 + [1] * 10)
    )
    (low, high), (lower, higher) = (_ends(finding.interval) for finding in (turns, halves))

    assert lower < low
    assert high < higher
    assert turns.measured == halves.measured
    assert halves.p_value is not None
    assert turns.p_value is not None
    assert halves.p_value > turns.p_value


def _ends(interval: tuple[float | None, float | None] | None) -> tuple[float, float]:
    assert interval is not None
    low, high = interval
    assert low is not None
    assert high is not None
    return low, high


def test_an_objective_without_data_fails(burst: MakeBurst) -> None:
    """No bursts, no request with the tags and no answered request are each a FAIL; k6 would pass them."""
    frozen = [burst([], {"timeout": 100})] * 20

    for text, samples in (("p(95)<200", []), ("p(95)<200", frozen), ("avg<200", frozen), ("http_req_failed{host:bar}: rate<0.1", frozen)):
        assert evaluate_rule(_threshold(text), samples, ALPHA, 0.0).verdict is Verdict.FAIL
    assert evaluate_rule(_threshold("p(95)<200"), frozen, ALPHA, 0.0).robust_fail
    assert not evaluate_rule(_threshold("p(95)<200"), [burst([], {"unsent": 100})] * 20, ALPHA, 0.0).robust_fail


@pytest.mark.parametrize("text", ["p(95)<200", "avg<200", "http_req_failed: rate<0.01"])
def test_a_single_burst_has_no_interval(run: MakeRun, text: str) -> None:
    """Quick mode shows figures, but anything that needs variance between bursts stays undecided."""
    finding = evaluate_rule(_threshold(text), run(count=1), ALPHA, 0.0)

    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.interval is None


@pytest.mark.parametrize(("lateness", "robust"), [(0.0, True), (5_000.0, True), (100_000.0, False)])
@pytest.mark.parametrize("text", ["p(95)<130", "avg<80", "max<300"])
def test_a_fail_is_robust_if_lateness_cannot_explain_it(run: MakeRun, text: str, lateness: float, robust: bool) -> None:  # noqa: FBT001  # a parameter of the table
    """A generator that was 5 ms late does not turn a p(95) of 130 ms into 162; one that was 100 ms late might."""
    finding = evaluate_rule(_threshold(text), run(), ALPHA, lateness)

    assert finding.verdict is Verdict.FAIL
    assert finding.robust_fail is robust


def test_a_fail_from_unsent_requests_is_not_robust(run: MakeRun) -> None:
    """A FAIL due only to unsent requests may be the generator's fault; one due to error responses is not."""
    assert not evaluate_rule(_threshold("http_req_failed: rate<0.01"), run(failed={"unsent": 100}), ALPHA, 0.0).robust_fail
    assert evaluate_rule(_threshold("http_req_failed: rate<0.01"), run(failed={"http": 100}), ALPHA, 0.0).robust_fail
    assert not evaluate_rule(_threshold("http_req_failed: rate==0"), run(failed={"unsent": 1}), ALPHA, 0.0).robust_fail
    assert evaluate_rule(_threshold("http_req_failed: rate==0"), run(failed={"http": 1}), ALPHA, 0.0).robust_fail
    assert not evaluate_rule(_threshold("p(95)<1000"), run(failed={"unsent": 100}), ALPHA, 0.0).robust_fail
    assert not evaluate_rule(_threshold("dropped_iterations: count<1"), run(failed={"unsent": 1}), ALPHA, 0.0).robust_fail


@settings(max_examples=30, deadline=None)
@given(limit=st.floats(60, 300), quantile=st.sampled_from([50.0, 90.0, 95.0, 99.0]), seed=st.integers(0, 50))
def test_the_interval_in_ms_agrees_with_the_verdict(limit: float, quantile: float, seed: int) -> None:
    """The limit lies above the interval of a PASS, below that of a FAIL, and otherwise inside it."""
    rng = np.random.default_rng(seed)
    samples = []
    for shift in rng.normal(0, 0.1, 12):
        times = Histogram.of(np.rint(100_000 * np.exp(shift + rng.normal(0, 0.3, 400))).astype(np.int64))
        samples.append(BurstSample(0, 1, (Series({}, 400, 400, response=times),)))

    finding = evaluate_rule(_threshold(f"p({quantile:g})<{limit}"), samples, ALPHA, 0.0)

    low, high = finding.interval or (None, None)
    assert low is None or high is None or low <= high
    if finding.verdict is Verdict.PASS:
        assert high is not None
        assert high <= limit
    elif finding.verdict is Verdict.FAIL:
        assert low is not None
        assert low >= limit
    else:
        assert (low or 0) <= limit
        assert high is None or high >= limit
