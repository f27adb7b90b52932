"""Comparing a pull request's version with the baseline."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from kindgate.errors import SloError
from kindgate.histogram import Histogram
from kindgate.model import Verdict
from kindgate.slo.compare import BASE, HEAD, LARGEST_RATIO, compare, judge_ratios, log_ratios
from kindgate.slo.objectives import Tolerance
from kindgate.slo.sample import BurstSample, Health, JourneySeries, Series
from kindgate.slo.threshold import METRICS, Selector

P95 = Tolerance(95.0, 0.10)


def _series(arm: str, millis: np.ndarray, lost: int = 0) -> Series:
    size = len(millis) + lost
    return Series({"arm": arm}, size, size, response=Histogram.of(np.rint(millis * 1000).astype(np.int64)))


def _duet(
    slower: float = 1.0, *, bursts: int = 30, lag_ms: float = 0.05, lost: tuple[int, int] = (0, 0), seed: int = 3
) -> list[BurstSample]:
    """Build bursts of 500 requests to each version; the bursts differ by 40 %, the versions by the factor `slower`."""
    rng = np.random.default_rng(seed)
    samples = []
    for place in range(bursts):
        shared = 10 * math.exp(rng.normal(0, 0.4))
        base, head = (shared * np.exp(rng.normal(0, 0.4, 500)) for _ in range(2))
        series = (_series(BASE, base, lost[0]), _series(HEAD, head * slower, lost[1]))
        lag = Histogram.of([round(lag_ms * 1000)] * 1000)
        samples.append(BurstSample(3.0 * place, 2.0, series, health=Health(loop_lag=lag, scheduled=1000, punctual=1000)))
    return samples


def _abba(slower: float, drift: float = 0.0, bursts: int = 80) -> list[BurstSample]:
    """Build bursts of one version each (base, head, head, base), each slower than the previous one by `drift`."""
    rng = np.random.default_rng(5)
    samples = []
    for place in range(bursts):
        arm = (BASE, HEAD, HEAD, BASE)[place % 4]
        factor = 10 * math.exp(drift * place + rng.normal(0, 0.02)) * (slower if arm == HEAD else 1)
        samples.append(BurstSample(3.0 * place, 2.0, (_series(arm, factor * np.exp(rng.normal(0, 0.2, 1000))),)))
    return samples


def _verdict(samples: list[BurstSample], tolerance: Tolerance = P95) -> Verdict:
    return compare([tolerance], samples).verdict


@pytest.mark.parametrize(("slower", "verdict"), [(0.8, Verdict.PASS), (1.0, Verdict.PASS), (1.12, Verdict.FAIL), (1.3, Verdict.FAIL)])
def test_duet_bursts_tell_versions_apart_on_a_noisy_machine(slower: float, verdict: Verdict) -> None:
    """Bursts that differ by 40 % still resolve a change of 10 %."""
    assert _verdict(_duet(slower)) is verdict


def test_a_real_change_within_the_tolerance_passes() -> None:
    """A version that is 10 % slower does not FAIL with 25 % tolerated, however certain the change."""
    result = compare([Tolerance(95.0, 0.25)], _duet(1.1)).results[0]

    assert result.verdict is Verdict.PASS
    assert result.p_slower < 0.001


def test_too_few_bursts_are_inconclusive() -> None:
    """Four bursts cannot decide anything, but another look might."""
    comparison = compare([P95], _duet(1.1, bursts=4), look=1)

    assert comparison.verdict is Verdict.INCONCLUSIVE
    assert not comparison.decided
    assert compare([P95], _duet(1.1, bursts=4), look=3).decided
    assert comparison.results[0].interval is None


@pytest.mark.parametrize(("change", "alone"), [(0.2, Verdict.FAIL), (-0.2, Verdict.PASS)])
def test_each_look_of_a_comparison_has_its_share_of_the_error_rate(change: float, alone: Verdict) -> None:
    """Five pairs in one direction have p = 1/32: significant for a single look at .05, but not for one of three."""
    ratios = [[change + 0.001 * place for place in range(5)]]

    assert [test.verdict for test in judge_ratios([P95], ratios, looks=1)] == [alone]
    assert [test.verdict for test in judge_ratios([P95], ratios, looks=3)] == [Verdict.INCONCLUSIVE]


def test_the_interval_of_several_looks_is_wider() -> None:
    """It excludes what a test at a third of the error rate rejects."""
    samples = _duet(bursts=5)
    single, several = (compare([P95], samples, looks=looks).results[0].interval for looks in (1, 3))

    assert single is not None
    assert several is None


def test_estimate_and_interval_are_shares() -> None:
    """A version that is 20 % slower is estimated at about 20 %, with an interval around it and one change per burst."""
    result = compare([P95], _duet(1.2)).results[0]

    assert result.interval is not None
    assert result.change is not None
    assert result.change == pytest.approx(0.2, abs=0.03)
    assert result.interval[0] < result.change < result.interval[1]
    assert result.base is not None
    assert result.head == pytest.approx(result.base * 1.2, rel=0.05)
    assert (result.samples, result.bursts, len(result.trend)) == (30_000, 30, 30)


def test_several_tolerances_need_stronger_evidence_to_fail() -> None:
    """A FAIL that is significant only without correction for multiple percentiles is undecided."""
    samples = _duet(1.06, bursts=12, seed=25)
    single = compare([P95], samples).results[0]
    assert 0.05 / 3 / 8 < single.p_slower < 0.05 / 3, "the example has to lie between the corrected and the plain error"
    assert single.verdict is Verdict.FAIL

    many = compare([P95] * 8, samples)

    assert {result.verdict for result in many.results} == {Verdict.INCONCLUSIVE}


def test_a_version_that_does_not_answer_fails() -> None:
    """If 10 % of the pull request's requests fail, it has no p(95), which counts as slower than any."""
    result = compare([P95], _duet(lost=(0, 60))).results[0]

    assert result.verdict is Verdict.FAIL
    assert result.head is None
    assert result.change == pytest.approx(999)


def test_a_base_that_does_not_answer_compares_with_nothing() -> None:
    """A broken baseline does not make a pull request better: there is nothing to compare with."""
    assert _verdict(_duet(lost=(60, 0))) is Verdict.INVALID
    assert _verdict(_duet(lost=(60, 60))) is Verdict.INVALID


def test_no_bursts_of_both_versions_is_a_fail() -> None:
    """No data counts as FAIL."""
    only_base = [BurstSample(0, 1, (_series(BASE, np.ones(10)),))] * 30

    assert _verdict(only_base) is Verdict.FAIL
    assert _verdict([]) is Verdict.FAIL


def test_a_failed_validity_check_makes_a_comparison_invalid() -> None:
    """Generator delay affects both versions alike and hides the difference between them."""
    comparison = compare([P95], _duet(lag_ms=5))

    assert comparison.verdict is Verdict.INVALID
    assert comparison.decided


@pytest.mark.parametrize(("slower", "verdict"), [(1.0, Verdict.PASS), (1.15, Verdict.FAIL)])
def test_foreign_load_does_not_invalidate_a_comparison(slower: float, verdict: Verdict) -> None:
    """A comparison is still decided while other programs use the CPUs, and their share is shown."""
    samples = [replace(sample, health=replace(sample.health, foreign=0.9)) for sample in _duet(slower)]

    comparison = compare([P95], samples)

    assert comparison.verdict is verdict
    assert ("foreign CPU", "90 % of the machine") in [(check.name, check.measured) for check in comparison.validity]


@pytest.mark.parametrize(("slower", "verdict"), [(1.0, Verdict.PASS), (1.15, Verdict.FAIL)])
@pytest.mark.parametrize("drift", [0.0, 0.02])
def test_alternating_bursts_are_the_fallback(slower: float, drift: float, verdict: Verdict) -> None:
    """ABBA blocks cancel a machine that slows down steadily, even fivefold over the run."""
    assert _verdict(_abba(slower, drift)) is verdict


def test_a_block_gives_the_average_change() -> None:
    """Two bursts of each version yield one change of the expected size."""
    ratios = log_ratios(P95, _abba(1.15))

    assert len(ratios) == 20
    assert np.mean(ratios) == pytest.approx(math.log(1.15), abs=0.02)


def test_an_incomplete_abba_block_is_ignored() -> None:
    """Only complete blocks of base, head, head, base yield a change."""
    assert len(log_ratios(P95, _abba(1.0, bursts=15))) == 3
    assert log_ratios(P95, _abba(1.0, bursts=3)) == []


def test_lost_percentiles_are_the_largest_ratios() -> None:
    """An arm without answers is worse than any arm with answers; two such arms are equal."""
    broken, fine = np.ones(90), np.ones(100)

    def ratio(base: Series, head: Series) -> list[float]:
        return log_ratios(P95, [BurstSample(0, 1, (base, head))])

    assert ratio(_series(BASE, fine), _series(HEAD, broken, 10)) == [LARGEST_RATIO]
    assert ratio(_series(BASE, broken, 10), _series(HEAD, fine)) == [-LARGEST_RATIO]
    assert ratio(_series(BASE, broken, 10), _series(HEAD, broken, 10)) == [0.0]


def test_nothing_to_compare_is_an_error() -> None:
    """Comparing without a tolerance is an error."""
    with pytest.raises(SloError, match="nothing to compare"):
        compare([], _duet())


def test_the_explanation_has_both_figures_change_and_interval() -> None:
    """One sentence states both versions' figures, the change, its interval, the sample size and the scope of validity."""
    assert compare([P95], _duet(1.0)).results[0].explanation == (
        "PASS: p(95) of the pull request = 24.7 ms, baseline 24.7 ms, 0.154 % slower "
        "(interval 1.93 % faster to 2.14 % slower, from 30,000 requests in 30 pairs of bursts)"
        "; at most 10 % slower is tolerated; valid only for this machine and this time window."
    )


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        (_duet(1.3), "30.2 % slower (interval 27.5 % slower to 32.8 % slower"),
        (
            _duet(bursts=4),
            "too little data for an interval, from 4,000 requests in 4 pairs of bursts); at most 10 % slower is tolerated, too close",
        ),
        (_duet(lag_ms=5), "loop lag: p99 5 ms (valid: at most 1.24 ms), so 30,000 requests in 30 pairs of bursts say nothing"),
        (_duet(lost=(0, 60)), "p(95) of the pull request has no value because too many requests failed, baseline 24.7 ms"),
        (_duet(lost=(60, 0)), "p(95) of the baseline has no value because too many requests failed"),
        ([], "no bursts of both versions; no data counts as FAIL"),
    ],
)
def test_the_explanation_names_the_failed_check(samples: list[BurstSample], words: str) -> None:
    """The sentence explains why nothing was decided, or what failed."""
    assert words in compare([P95], samples).results[0].explanation


def test_versions_on_different_nodes_are_invalid() -> None:
    """A difference between nodes is not reported as one between versions; the sentence states the placement."""
    comparison = compare([P95], _duet(1.5), placement="foo: a 2 and 0, b 0 and 2")

    assert comparison.verdict is Verdict.INVALID
    assert "placement: uneven (foo: a 2 and 0, b 0 and 2)" in comparison.results[0].explanation
    assert compare([P95], _duet(1.5)).verdict is Verdict.FAIL


def _redirecting(samples: list[BurstSample], *arms: str) -> list[BurstSample]:
    """Return the same bursts with every answer of these versions replaced by a redirect."""
    return [
        replace(
            sample,
            series=tuple(replace(one, redirects=one.response.count) if one.tags["arm"] in arms else one for one in sample.series),
        )
        for sample in samples
    ]


@pytest.mark.parametrize(
    ("arms", "named"),
    [
        ((HEAD,), "of the pull request was"),
        ((BASE,), "of the baseline was"),
        ((BASE, HEAD), "of the baseline and the pull request was"),
    ],
)
def test_a_version_that_only_redirects_cannot_pass(arms: tuple[str, ...], named: str) -> None:
    """A redirect is fast but says nothing about the application; the sentence names the version."""
    (result,) = compare([P95], _redirecting(_duet(), *arms)).results

    assert result.verdict is Verdict.INCONCLUSIVE
    assert f"every response {named} a redirect" in result.explanation


def test_a_slower_version_fails_whatever_it_answers() -> None:
    """Redirects never hide a FAIL."""
    assert _verdict(_redirecting(_duet(1.3), BASE, HEAD)) is Verdict.FAIL


def _routes(slower: float, *, bursts: int = 30, size: int = 100, journeys: bool = False) -> list[BurstSample]:
    """Build duets of two routes with `size` requests of each version per burst, of which only `checkout` is `slower`."""
    rng = np.random.default_rng(9)
    samples = []
    for place in range(bursts):
        series, runs = [], []
        for route, factor in (("checkout", slower), ("search", 1.0)):
            for arm in (BASE, HEAD):
                times = 10 * np.exp(rng.normal(0, 0.3, size)) * (factor if arm == HEAD else 1.0)
                times = np.rint(times * 1000).astype(np.int64)
                if journeys:
                    runs.append(JourneySeries({"journey": route, "arm": arm}, size, size, size, 0, Histogram.of(times)))
                series.append(Series({"route": route, "arm": arm}, size, size, response=Histogram.of(times)))
        samples.append(BurstSample(3.0 * place, 2.0, tuple(series), journeys=tuple(runs)))
    return samples


def _of(metric: str, **tags: str) -> Tolerance:
    return Tolerance(95.0, 0.15, selector=Selector(METRICS[metric], tuple(tags.items())))


@pytest.mark.parametrize("metric", ["http_req_duration", "iteration_duration"])
def test_only_the_slower_route_fails(metric: str) -> None:
    """The figures of one route or journey decide about it alone, and its sentence names it."""
    tag = "journey" if metric == "iteration_duration" else "route"
    tolerances = [_of(metric, **{tag: name}) for name in ("checkout", "search")]

    checkout, search = compare(tolerances, _routes(1.4, journeys=True)).results

    assert (checkout.verdict, search.verdict) == (Verdict.FAIL, Verdict.PASS)
    assert checkout.change == pytest.approx(0.4, abs=0.05)
    assert (checkout.samples, checkout.bursts) == (6000, 30)
    noun = "journeys" if tag == "journey" else "requests"
    assert f"FAIL: p(95) of {metric}{{{tag}:checkout}} in the pull request =" in checkout.explanation
    assert f"from 6,000 {noun} in 30 pairs" in checkout.explanation


def test_a_route_without_requests_is_a_fail() -> None:
    """No data of a compared route counts as FAIL, however many requests others have."""
    (result,) = compare([_of("http_req_duration", route="login")], _routes(1.0)).results

    assert (result.verdict, result.samples) == (Verdict.FAIL, 0)


def test_redirects_of_another_route_do_not_matter() -> None:
    """Only the compared route's own answers can keep it from passing."""
    samples = [
        replace(sample, series=tuple(replace(one, redirects=100 if one.tags["route"] == "search" else 0) for one in sample.series))
        for sample in _routes(1.0)
    ]
    checkout, search = compare([_of("http_req_duration", route=route) for route in ("checkout", "search")], samples).results

    assert (checkout.verdict, search.verdict) == (Verdict.PASS, Verdict.INCONCLUSIVE)


def test_an_undecided_route_with_few_requests_says_how_many_suffice() -> None:
    """The sentence names the reason and the remedy; with enough requests, the change is only close to the tolerance."""
    few, enough = (
        compare([_of("http_req_duration", route="checkout")], _routes(1.1, bursts=4, size=size)).results[0] for size in (40, 200)
    )

    assert (few.verdict, enough.verdict) == (Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE)
    assert "too close to call with about 40 of each version in a pair, where 200 requests usually suffice" in few.explanation
    assert "too close to call;" in enough.explanation
