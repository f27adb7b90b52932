"""A decision of the interim looks holds only if new bursts confirm it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.histogram import Histogram
from kindgate.model import Verdict
from kindgate.slo.compare import BASE, HEAD, Comparison, ComparisonResult, compare
from kindgate.slo.confirm import LEAST_PAIRS, confirm, confirmed_verdict, judge_round, needs_confirmation, round_pairs
from kindgate.slo.objectives import Tolerance
from kindgate.slo.sample import BurstSample, Health, Series

P95, P50 = Tolerance(95.0, 0.10), Tolerance(50.0, 0.10)


def duet(slower: float = 1.0, bursts: int = 20, *, lag_ms: float = 0.05, lost: int = 0, seed: int = 3) -> list[BurstSample]:
    """Build bursts of 500 requests to each version; bursts differ by 40 %, versions by the factor `slower`, and base loses `lost`."""
    rng = np.random.default_rng(seed)
    samples = []
    for place in range(bursts):
        shared = 10 * math.exp(rng.normal(0, 0.4))
        series = []
        for arm, factor, gone in ((BASE, 1.0, lost), (HEAD, slower, 0)):
            times = np.rint(1000 * factor * shared * np.exp(rng.normal(0, 0.4, 500))).astype(np.int64)
            series.append(Series({"arm": arm}, 500 + gone, 500 + gone, response=Histogram.of(times)))
        lag = Histogram.of([round(lag_ms * 1000)] * 1000)
        samples.append(BurstSample(3.0 * place, 2.0, tuple(series), health=Health(loop_lag=lag, scheduled=1000, punctual=1000)))
    return samples


def confirmed(first: float, second: float, tolerance: Tolerance = P95) -> ComparisonResult:
    """Return one objective's result: head was `first` times as slow at the looks and `second` times as slow in the round."""
    (result,) = confirm(compare([tolerance], duet(first)), duet(second, seed=4)).results
    return result


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        (1.0, 1.0, Verdict.PASS),
        (1.3, 1.3, Verdict.FAIL),
        (1.3, 1.0, Verdict.INCONCLUSIVE),
        (1.0, 1.3, Verdict.INCONCLUSIVE),
        (1.0, 1.1, Verdict.INCONCLUSIVE),
    ],
)
def test_a_verdict_is_confirmed_only_by_the_same_verdict_of_the_round(first: float, second: float, verdict: Verdict) -> None:
    """A round confirms PASS and FAIL alike; one with the opposite verdict decides nothing either."""
    result = confirmed(first, second)

    assert result.verdict is verdict
    assert result.not_confirmed is (verdict is Verdict.INCONCLUSIVE)


def test_a_confirmed_result_has_the_rounds_figures_and_keeps_the_looks() -> None:
    """The estimate at the last look is biased because the looks stopped there."""
    looks = compare([P95], duet(1.3, 30))
    (result,) = confirm(looks, duet(1.2, seed=4)).results

    assert result.change == pytest.approx(0.2, abs=0.04)
    assert result.interval is not None
    assert result.interval[0] < 0.2 < result.interval[1]
    assert (result.bursts, result.samples, len(result.trend)) == (20, 20_000, 20)
    assert result.first == looks.results[0]


def test_a_round_judges_by_one_look() -> None:
    """Five pairs in one direction have p = 1/32: below .05, but above a third of it."""
    ratios = [[0.2 + 0.001 * place for place in range(5)]]

    assert [test.verdict for test in judge_round([Verdict.FAIL], [P95], ratios)] == [Verdict.FAIL]


def test_only_fails_of_the_looks_count_for_holms_correction() -> None:
    """Five pairs suffice for one objective but not for one of two; an objective that passed can no longer fail."""
    slower = [0.2 + 0.001 * place for place in range(5)]
    faster = [-value for value in slower]

    assert [test.verdict for test in judge_round([Verdict.FAIL, Verdict.FAIL], [P95, P50], [slower, slower])] == [Verdict.INCONCLUSIVE] * 2
    assert [test.verdict for test in judge_round([Verdict.PASS, Verdict.FAIL], [P95, P50], [faster, slower])] == [
        Verdict.PASS,
        Verdict.FAIL,
    ]


def test_only_decided_objectives_are_judged_by_the_round() -> None:
    """Only p(50) is decided and gets a round; p(95) stays undecided, and so does the run."""
    looks = compare([P95, P50], duet(1.0, 8), look=3)
    assert [result.verdict for result in looks.results] == [Verdict.INCONCLUSIVE, Verdict.PASS]
    confirmed = confirm(looks, duet(1.0, seed=4))

    assert confirmed.results[0] == looks.results[0]
    assert confirmed.results[1].verdict is Verdict.PASS
    assert confirmed.results[1].first is not None
    assert confirmed.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(("samples", "placement"), [(duet(lag_ms=5), ""), (duet(lost=60), ""), (duet(1.3), "foo: a 2 and 0, b 0 and 2")])
def test_a_round_without_valid_measurements_is_invalid(samples: list[BurstSample], placement: str) -> None:
    """A late generator, a baseline without answers or versions on different nodes in the round make the result INVALID."""
    confirmed = confirm(compare([P95], duet(1.3)), samples, placement)

    assert confirmed.verdict is Verdict.INVALID
    assert confirmed.results[0].first is not None
    assert not confirmed.results[0].not_confirmed


@pytest.mark.parametrize(
    ("comparison", "needed"),
    [
        (compare([P95], duet(1.0)), True),
        (compare([P95], duet(1.3)), True),
        (compare([P95], duet(1.1, 4), look=3), False),
        (compare([P95], duet(lag_ms=5)), False),
        (compare([P95], []), False),
        (compare([P95, P50], duet(1.0, 8), look=1), False),
        (compare([P95, P50], duet(1.0, 8), look=3), True),
    ],
    ids=["pass", "fail", "undecided", "invalid", "no data", "another look comes", "partly decided at the last look"],
)
def test_a_round_follows_only_a_decisive_comparison(comparison: Comparison, *, needed: bool) -> None:
    """Without a decision a round would only cost time, and a version without data fails anyway."""
    assert needs_confirmation(comparison) is needed


@given(first=st.sampled_from([Verdict.PASS, Verdict.FAIL]), second=st.sampled_from(list(Verdict)))
def test_a_round_never_introduces_a_new_verdict(first: Verdict, second: Verdict) -> None:
    """A round keeps a decision, withdraws it or is INVALID."""
    assert confirmed_verdict(first, second) in {first, Verdict.INCONCLUSIVE, Verdict.INVALID}
    assert (confirmed_verdict(first, second) is first) == (second is first)


@given(st.integers(1, 200))
def test_a_round_has_the_pairs_of_a_look_but_at_least_the_minimum(per_look: int) -> None:
    """A short round would miss a change that a long look finds."""
    assert round_pairs(per_look) == max(per_look, LEAST_PAIRS)


def test_explanations_name_the_verdicts_of_looks_and_round() -> None:
    """An unconfirmed result says so first; a confirmed verdict names what it confirms."""
    assert confirmed(1.3, 1.0).explanation.startswith(
        "INCONCLUSIVE: not confirmed: 20 pairs of bursts gave FAIL (28.8 % slower), but 20 new pairs "
    )
    assert "; 20 earlier pairs of bursts gave the same verdict (28.8 % slower); " in confirmed(1.3, 1.3).explanation
    assert "gave FAIL" in confirm(compare([P95], duet(1.3)), duet(lag_ms=5)).results[0].explanation


def test_a_fail_with_an_estimate_within_the_tolerance_is_explained() -> None:
    """For a change that is significant, estimated below the tolerance and possibly above it, the sentence says exactly that."""
    (result,) = confirm(compare([P95], duet(1.08, 30)), duet(1.08, 20, seed=4)).results
    assert result.change is not None
    assert result.verdict is Verdict.FAIL
    assert result.change < P95.max_regression, "the example must be within the tolerance"

    assert "it is certainly slower and was not shown to be within the tolerated 10 %" in result.explanation
    assert "is tolerated" not in result.explanation
