"""A capacity as an objective: decided at the required rate with the usual rules, described by a search."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kindgate.errors import SloError
from kindgate.histogram import Histogram
from kindgate.model import Verdict
from kindgate.slo.capacity import judge_capacity, trial_at_required_rate, trial_of
from kindgate.slo.capacity_search import RateTrial
from kindgate.slo.grammar import parse_marker
from kindgate.slo.judge import judge
from kindgate.slo.objectives import CapacityObjective, Objectives
from kindgate.slo.sample import JourneySeries
from tests.unit.slo.conftest import MakeBurst, MakeRun

OBJECTIVES = Objectives(parse_marker(("p(95)<300", "http_req_failed: rate<0.01", "capacity: value>400")))
(CAPACITY,) = OBJECTIVES.capacities
"""The generated bursts have 1,000 requests in two seconds."""


def test_the_other_thresholds_limit_a_capacity() -> None:
    """Times and shares do; counts, resources and the generator's delay do not depend on what the service can carry."""
    texts = ("http_reqs: count>1", "cpu_per_request: avg<3", "send_lag: max<9", *map(str, OBJECTIVES.thresholds))
    objectives = Objectives(parse_marker(texts))

    assert [str(one) for one in objectives.capacities[0].within] == ["http_req_duration: p(95)<300", "http_req_failed: rate<0.01"]
    assert [str(one) for one in objectives.steady] == list(texts[:-1])


def test_a_capacity_without_another_objective_is_rejected() -> None:
    """It would be unlimited; a test's own capacity is limited by the objectives of the SLO file."""
    alone = Objectives(parse_marker(("capacity: value>400",)))
    with pytest.raises(SloError, match="objectives about times and failures"):
        _ = alone.capacities

    assert replace(alone, within=OBJECTIVES.thresholds).capacities[0].within == CAPACITY.within


@pytest.mark.parametrize(
    ("median", "verdict", "measured"),
    [(100, Verdict.PASS, 625), (400, Verdict.FAIL, None)],
)
def test_the_bursts_at_the_required_rate_decide(run: MakeRun, median: float, verdict: Verdict, measured: float | None) -> None:
    """What other rates showed is the measured value, and changes no verdict."""
    search = [RateTrial(500, Verdict.PASS), RateTrial(625, Verdict.PASS), RateTrial(781, Verdict.FAIL, "too slow")] if measured else []
    judgement = judge_capacity(CAPACITY, run(median), search)

    (result,) = judgement.results
    assert (judgement.verdict, result.verdict, result.measured, result.limit, result.bursts) == (verdict, verdict, measured, 400, 20)
    assert result.interval == ((625, 781) if measured else None)
    assert result.explanation.startswith(f"{verdict}: capacity is {'625/s (at 781/s: too slow)' if measured else 'below 400/s'}")


def test_a_capacity_stays_open_as_long_as_its_objectives_do(run: MakeRun) -> None:
    """Between met and missed, the measured values direct the search, but nothing is decided."""
    near = run(188, spread=0.2)
    at_rate = judge(Objectives(CAPACITY.within), near)
    assert at_rate.verdict is Verdict.INCONCLUSIVE

    assert judge_capacity(CAPACITY, near).verdict is Verdict.INCONCLUSIVE
    measured = at_rate.results[0].measured
    assert measured is not None
    assert (trial_at_required_rate(CAPACITY, at_rate).verdict is Verdict.PASS) == (measured < 300)


def test_an_invalid_measurement_gives_no_capacity(run: MakeRun) -> None:
    """Stolen CPU time slows the service itself."""
    judgement = judge_capacity(CAPACITY, run(100, steal=0.5))

    assert judgement.verdict is Verdict.INVALID
    assert judgement.results[0].measured is None
    assert judgement.results[0].explanation.startswith("INVALID: capacity is unknown; must be > 400/s: at 400/s, CPU steal: 50 %")


def test_requests_that_were_held_back_do_not_pass(run: MakeRun) -> None:
    """500 requests per second prove nothing about 800; journeys are still sending steps after their arrival."""
    (higher,) = Objectives(parse_marker(("p(95)<300", "capacity: value>800"))).capacities
    judgement = judge_capacity(higher, run(100))

    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "only 500/s were sent" in judgement.results[0].explanation
    journey = JourneySeries({"journey": "buy"}, 1, 1, 1, 0, Histogram.of([1000]))
    assert judge_capacity(higher, [replace(sample, journeys=(journey,)) for sample in run(100)]).verdict is Verdict.PASS


def test_abort_on_fail_is_that_of_the_capacity(run: MakeRun) -> None:
    """Its objectives at other rates end nothing: missing them is how a capacity is found."""
    objectives = Objectives(parse_marker(({"threshold": "p(95)<300", "abortOnFail": True}, {"threshold": "capacity: value>400"})))
    aborting = replace(objectives.capacities[0], threshold=replace(objectives.capacities[0].threshold, abort_on_fail=True))

    assert not judge_capacity(objectives.capacities[0], run(400)).abort
    assert judge_capacity(aborting, run(400)).abort
    assert not judge_capacity(aborting, run(100)).abort
    assert [one.abort_on_fail for one in aborting.within] == [False]


@pytest.mark.parametrize(
    ("failed", "within", "verdict"),
    [(2, CAPACITY.within[:1], Verdict.FAIL), (2, CAPACITY.within, Verdict.FAIL), (0, CAPACITY.within, Verdict.PASS)],
)
def test_a_burst_that_loses_requests_does_not_pass(burst: MakeBurst, failed: int, within: tuple[object, ...], verdict: Verdict) -> None:
    """An overloaded server may answer the requests that it accepts in time; a threshold about failures replaces that rule."""
    sample = burst([10.0] * 98, {"timeout": failed})
    trial = trial_of(within, 49, sample)  # type: ignore[arg-type]  # thresholds, as above

    assert (trial.rate, trial.verdict, bool(trial.reason)) == (49, verdict, failed > 0)


def test_a_rate_that_was_not_reached_is_missed(burst: MakeBurst) -> None:
    """100 requests in two seconds are 50 per second, however many were planned."""
    trial = trial_of(CAPACITY.within, 60, burst([10.0] * 100))

    assert (trial.verdict, trial.reason) == (Verdict.FAIL, "only 50/s were sent, because unanswered requests held back the others")


def test_a_late_generator_makes_a_trial_invalid(burst: MakeBurst) -> None:
    """A rate that the generator could not send says nothing about the service."""
    assert trial_of(CAPACITY.within, 500, burst([10.0] * 100, lag_ms=400)).verdict is Verdict.INVALID


def test_only_a_capacity_is_judged_as_one() -> None:
    """A report may claim anything."""
    with pytest.raises(SloError, match="not about a capacity"):
        CapacityObjective(OBJECTIVES.thresholds[0], CAPACITY.within)
