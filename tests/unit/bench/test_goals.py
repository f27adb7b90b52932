"""Conditions under which a goal is met."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.arrival_timing import ArrivalTiming
from bench.coordinated_omission import OmissionResult
from bench.goals import Goal, load_goals, verdict_goals, workload_goals
from bench.real_runs import RealRun, RealRuns
from bench.sizes import Sizes
from bench.throughput import KINDGATE, ThroughputSample
from bench.verdicts import RECORDED_QUIET, ErrorRates, Row
from bench.workload_cost import FILLED, JOURNEYS, WorkloadCost
from kindgate.model import Verdict


def _flood(tool: str, of_wrk: float, foreign: float = 0.0) -> ThroughputSample:
    return ThroughputSample(tool, 100_000 * of_wrk, 10 / of_wrk, of_wrk, 1 / of_wrk, foreign)


def _lag(rate: int, p99: float) -> ArrivalTiming:
    return ArrivalTiming(rate, 1, 1.0, 0, 5.0, p99, 2 * p99, cpu_share=0.1, cpu_us=100.0, foreign=0.0)


FLOODS = (
    _flood("wrk -t2", 1.0),
    _flood(KINDGATE, 0.7),
    _flood("Locust FastHttpUser x2", 0.09),
    _flood("k6", 0.2),
    _flood("sequential requests.get, no Session", 0.01),
)
LAGS = (_lag(1000, 200), _lag(5000, 900), _lag(10_000, 1900))
OUTAGE = OmissionResult("kindgate", 3000, 500.0, 205.0, 470.0, (190.0, 446.5), (220.0, 495.0), foreign=0.0, verdict="FAIL")
SIZES = Sizes(1_000_000, 14_000, 14_000, merge_is_exact=True)


def _goals(
    throughput: tuple[ThroughputSample, ...] = FLOODS,
    lags: tuple[ArrivalTiming, ...] = LAGS,
    outage: OmissionResult = OUTAGE,
    sizes: Sizes = SIZES,
) -> list[Goal]:
    return list(load_goals(throughput, lags, (outage,), sizes))


def test_good_figures_meet_every_goal() -> None:
    """No goal is missed by mistake."""
    assert [goal.name for goal in _goals() if not goal.met] == []


@pytest.mark.parametrize("missing", ["k6", "Locust FastHttpUser x2"])
def test_a_goal_without_its_tool_is_not_met(missing: str) -> None:
    """A goal without a measurement is not met."""
    goals = _goals(throughput=tuple(flood for flood in FLOODS if flood.tool != missing))
    assert [(goal.name, goal.seen) for goal in goals if not goal.met] == [(f"throughput relative to {missing}", "not installed")]


@pytest.mark.parametrize(
    ("lag", "name"),
    [
        (replace(LAGS[0], lag_p50=21.0), "loop lag at 1,000/s"),
        (replace(LAGS[0], cpu_share=0.16, cpu_us=160.0), "generator CPU at 1,000/s"),
        (replace(LAGS[1], dropped=1), "loop lag at 5,000/s on one core"),
        (replace(LAGS[2], achieved=0.98), "10,000/s on two cores"),
    ],
)
def test_every_part_of_a_lag_goal_must_hold(lag: ArrivalTiming, name: str) -> None:
    """One bad figure out of several misses the goal."""
    lags = tuple(lag if lag.rate == other.rate else other for other in LAGS)
    assert [goal.name for goal in _goals(lags=lags) if not goal.met] == [name]


COST = WorkloadCost(FILLED, 1.0, 0, 0, 5.0, 200.0, 110.0, 1.2, foreign=0.0)


@pytest.mark.parametrize(
    ("change", "met"),
    [
        ({}, [True, True]),
        ({"of_plain": 1.31}, [False, True]),
        ({"lag_p99": 251.0}, [True, False]),
        ({"failed": 1}, [True, False]),
        ({"achieved": 0.98}, [True, False]),
    ],
)
def test_requests_that_differ_must_be_cheap_and_on_time(change: dict[str, float], met: list[bool]) -> None:
    """Each figure can miss its own goal."""
    row = WorkloadCost(**{**vars(COST), **change})
    assert [goal.met for goal in workload_goals([row])] == met


def test_journeys_must_be_on_time_and_plain_requests_have_no_goal_here() -> None:
    """Plain GETs are only the reference."""
    rows = [replace(COST, name="plain GET"), replace(COST, name=JOURNEYS, of_plain=2.0)]
    assert [(goal.name, goal.met) for goal in workload_goals(rows)] == [(f"on time: {JOURNEYS}", True)]


@pytest.mark.parametrize("outage", [replace(OUTAGE, p90=180.0), replace(OUTAGE, p99=500.0), replace(OUTAGE, verdict="INVALID")])
def test_an_outage_must_be_measured_in_full_and_fail(outage: OmissionResult) -> None:
    """Percentiles that are too low or too high miss the goal, and so does a verdict that blames the generator."""
    assert len([goal for goal in _goals(outage=outage) if not goal.met]) == 1


def test_a_row_from_a_busy_machine_is_marked() -> None:
    """The row shows how much CPU others used."""
    goals = _goals(throughput=(FLOODS[0], replace(FLOODS[1], foreign=1.3), *FLOODS[2:]))
    assert goals[0].seen == "0.70 (others used 1.3 cores)"
    outage = _goals(outage=replace(OUTAGE, foreign=1.3))
    assert [goal.name for goal in outage if "others used 1.3 cores" in goal.seen] == ["server frozen for 0.5 s of 3 at 1,000/s: kindgate"]


def _rates(*, met: bool) -> ErrorRates:
    row = Row("A/A", "light", 2000, 0.97, 0.02, 0.01, 15.0, goal="FAIL bound <= 5%", bound=0.026, met=met)
    return ErrorRates((row, replace(row, generator=RECORDED_QUIET), replace(row, generator="scale", met=True)), 300)


@pytest.mark.parametrize("met", [True, False])
def test_a_goal_is_missed_if_one_generator_misses_it(met: bool) -> None:  # noqa: FBT001  # pytest gives parameters by name
    """Rows of one experiment form one goal, with each generator's figures."""
    simulated, recorded, bursts, real = verdict_goals(_rates(met=met), RealRuns((RealRun("PASS", 10, 0.0, 0.5),) * 30))
    assert simulated.met is recorded.met is met
    assert simulated.seen == "light 2.0% (bound 2.6%); scale 2.0% (bound 2.6%)"
    assert bursts.met
    assert real.met


def test_goals_need_enough_recorded_bursts_and_runs() -> None:
    """The table still lists them."""
    rates = ErrorRates((_rates(met=True).rows[0],), 299)
    assert [goal.met for goal in verdict_goals(rates, None)] == [True, False, False]


def test_invalid_runs_are_not_counted() -> None:
    """Thirty runs must have a verdict, and three wrong ones are too many; runs next to other programs count separately."""
    good, bad, invalid = (RealRun(verdict.value, 10, 0.0, 0.5) for verdict in (Verdict.PASS, Verdict.FAIL, Verdict.INVALID))
    met = [
        list(verdict_goals(_rates(met=True), RealRuns(runs)))[-1].met
        for runs in (
            (*(good,) * 28, *(bad,) * 2, invalid),
            (*(good,) * 29, invalid),
            (*(good,) * 27, *(bad,) * 3),
            (*(good,) * 30, *(replace(bad, foreign=2.0),) * 3),
        )
    ]
    assert met == [True, False, False, True]
