"""Recomputing a report: an honest one yields the verdicts it claims, a forged one does not."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bench.recorded import RECORDING, read_recording
from kindgate.errors import SloError
from kindgate.histogram import Histogram
from kindgate.load.journey import Journey, Step
from kindgate.load.journey_series import JourneySeries
from kindgate.load.plan import Route
from kindgate.load.result import BurstResult, FailureKind, Series
from kindgate.load.workload_usage import WorkloadUsage
from kindgate.model import Verdict
from kindgate.pipeline.report_builder import Measurement, build_report
from kindgate.report.decision import Requirements, decide
from kindgate.report.judged import Origin, RoundOrigin
from kindgate.report.objective_records import ThresholdOutcome
from kindgate.report.recompute import recompute_report
from kindgate.report.replay_looks import Looks, Round, recompare
from kindgate.report.run_report import Outcome, Run, RunReport
from kindgate.slo.grammar import parse_marker
from kindgate.slo.objectives import Objectives, Tolerance
from kindgate.slo.sample import BurstSample, Health
from kindgate.slo.threshold import METRICS, Selector
from tests.unit.report.bursts import SHOP_ROUTES, measured_burst, shop_burst
from tests.unit.report.judged_runs import bursts_of, capacity_run, compared_run, judged_run

AT_LEAST_OBJECTIVES = Requirements(tests=True, objectives=True)


def _thresholds(*texts: str) -> Objectives:
    return Objectives(parse_marker(texts))


def assert_honest(report: RunReport) -> None:
    """Assert that recomputing yields the same verdicts, figures, sentences and decision."""
    recomputed = recompute_report(report)
    assert recomputed.recomputation is not None
    assert recomputed.recomputation.contradicted == ()
    assert len(recomputed.recomputation.claims) == len(report.objectives) + len(report.comparison)
    assert (recomputed.objectives, recomputed.comparison, recomputed.gates, recomputed.outcome) == (
        report.objectives,
        report.comparison,
        report.gates,
        report.outcome,
    )
    assert decide(recomputed) == decide(report)


LIMITS = st.floats(1, 400).map(lambda limit: f"{limit!r}")
EXPRESSIONS = st.one_of(
    st.builds("{}{}{}".format, st.sampled_from(["p(95)", "p(50)", "med", "p(99.5)", "avg", "max", "min"]), st.sampled_from("<>"), LIMITS),
    st.builds("http_req_failed: rate<{}".format, st.floats(0.001, 0.9)),
    st.builds("http_req_failed{{kind:{}}}: rate<{}".format, st.sampled_from(["http", "network", "unsent"]), st.floats(0.01, 0.9)),
    st.builds("http_req_duration{{host:{}}}: p(90)<{}".format, st.sampled_from(["foo.localhost", "bar.localhost"]), LIMITS),
    st.builds("checks: rate>{}".format, st.floats(0.1, 0.999)),
    st.builds("send_lag: p(99)<{}".format, LIMITS),
    st.builds("service_time: p(90)<={}".format, LIMITS),
    st.sampled_from(["http_reqs: count>100", "dropped_iterations: count<=0", "http_reqs: rate>=150", "checks: rate>=1"]),
)


@given(
    texts=st.lists(EXPRESSIONS, min_size=1, max_size=4, unique=True),
    aborts=st.booleans(),
    bursts=st.integers(2, 4),
    quick=st.booleans(),
    failing=st.sampled_from([0.0, 0.0, 0.01, 0.5]),
    burst=st.fixed_dictionaries(
        {
            "median": st.floats(1, 200),
            "spread": st.sampled_from([0.02, 0.2]),
            "steal": st.sampled_from([0.0, 0.0, 0.0, 0.2]),
            "lag": st.sampled_from([0.05, 0.05, 30.0]),
            "seed": st.integers(0, 2**32),
        }
    ),
)
@settings(max_examples=30, deadline=None)
def test_recomputing_an_honest_report_confirms_its_verdicts(
    *, texts: list[str], aborts: bool, bursts: int, quick: bool, failing: float, burst: dict[str, Any]
) -> None:
    """Judge, report, recompute: for any thresholds, loads, interim looks and faults of the application, generator and machine."""
    objectives = Objectives(parse_marker(tuple(texts), options={"abortOnFail": aborts}))
    try:
        report = judged_run(objectives, bursts_of(failing=failing, **burst), bursts, quick=quick)
    except SloError:
        assume(False)  # noqa: FBT003  # so few requests could not confirm it
    assert_honest(report)


@given(
    tolerances=st.lists(
        st.tuples(st.sampled_from([50.0, 90.0, 95.0]), st.floats(0.01, 2)), min_size=1, max_size=3, unique_by=lambda one: one[0]
    ),
    pairs=st.integers(3, 6),
    arms=st.sampled_from(["duet", "abba"]),
    placement=st.sampled_from(["", "", "", "foo on a, and on b in the base"]),
    burst=st.fixed_dictionaries(
        {
            "slower": st.sampled_from([0.9, 1.0, 1.05, 1.1, 2.0]),
            "failing": st.sampled_from([0.0, 0.0, 0.02, 1.0]),
            "lag": st.sampled_from([0.05, 0.05, 30.0]),
            "seed": st.integers(0, 2**32),
        }
    ),
)
@settings(max_examples=15, deadline=None)
def test_recomputing_an_honest_comparison_confirms_its_verdicts(
    *, tolerances: list[tuple[float, float]], pairs: int, arms: str, placement: str, burst: dict[str, Any]
) -> None:
    """For duet and ABBA bursts, and versions that are slower, fail or run on other nodes."""
    objectives = Objectives(compare=tuple(Tolerance(*one) for one in tolerances))
    try:
        report = compared_run(
            objectives, bursts_of(size=200, arms=arms, **burst), pairs, turns=4 if arms == "abba" else 1, placement=placement
        )
    except SloError:
        assume(False)  # noqa: FBT003  # so few pairs could not decide it
    assert_honest(report)


def _whole(sample: BurstSample, place: int) -> BurstSample:
    """Return a recorded burst with the fields that recordings omit, as a generator that was never late fills them in."""
    series = tuple(
        replace(
            one,
            failed={"timeout": one.scheduled - one.response.count},
            failed_response=Histogram.of([10**7] * (one.scheduled - one.response.count)),
        )
        for one in sample.series
    )
    size = sum(one.scheduled for one in series)
    lag = Histogram.of([50] * size)
    return replace(sample, started=1000.0 + place, series=series, send_lag=lag, health=Health(lag, size, size))


@pytest.mark.parametrize("slower", [1.0, 1.05, 1.1, 1.3])
def test_recorded_bursts_of_a_real_cluster_give_the_same_verdicts(slower: float) -> None:
    """Ten bursts per look are drawn from the recording used to measure the error rates."""
    recording, rng = read_recording(RECORDING), np.random.default_rng(5)
    objectives, plan = Objectives(compare=(Tolerance(95.0, 0.1), Tolerance(50.0, 0.1))), Looks(10)
    for _ in range(5):
        samples = [_whole(sample, place) for place, sample in enumerate((*recording.run(rng, 30, slower), *recording.run(rng, 20, slower)))]
        looks, second = samples[:30], samples[30:]
        comparison = recompare(objectives, looks, plan, "", Round(tuple(second))).result
        judged = looks[: 10 * comparison.look]
        confirmed = any(result.first for result in comparison.results)
        confirmation = RoundOrigin(tuple(sample.started for sample in second)) if confirmed else None
        origin = Origin(tuple(sample.started for sample in judged), 10, confirmation=confirmation)
        measurement = Measurement("test_duet", comparison=comparison, origin=origin)
        assert_honest(build_report(Run(id="1", started=1.0, seconds=1.0), exit_code=0, measurements=[measurement], samples=samples))


PASSING = _thresholds("p(95)<200", "http_req_failed: rate<0.01")


@functools.cache
def _passing() -> RunReport:
    return judged_run(PASSING, bursts_of(), 3)


@functools.cache
def _failing() -> RunReport:
    """A run whose p(95) is about 160 ms."""
    return judged_run(_thresholds("p(95)<40", "http_req_failed: rate<0.1"), bursts_of(median=100.0), 3)


def _claiming_pass(report: RunReport) -> RunReport:
    """Return the report with every failure word replaced by PASS."""
    return report.model_copy(
        update={
            "outcome": Outcome.PASSED,
            "exit_code": 0,
            "objectives": tuple(one.model_copy(update={"verdict": Verdict.PASS, "measured": 1.0}) for one in report.objectives),
            "comparison": tuple(one.model_copy(update={"verdict": Verdict.PASS}) for one in report.comparison),
            "tests": tuple(test.model_copy(update={"outcome": "passed"}) for test in report.tests),
        }
    )


def test_a_claimed_pass_with_failing_figures_is_a_fail() -> None:
    """The objective is named, its recomputed figures are shown, and the exit code is FAIL's."""
    recomputed = recompute_report(_claiming_pass(_failing()))
    decision = decide(recomputed, AT_LEAST_OBJECTIVES, conclusion="success")
    assert (decision.verdict, decision.may_merge, decision.exit_code) == ("FAIL", False, 20)
    assert "claims PASS for p(95)<40 of http_req_duration, but its figures give FAIL" in decision.reason
    assert recomputed.outcome is Outcome.FAILED
    assert recomputed.objectives[0].verdict is Verdict.FAIL
    assert recomputed.objectives[0].measured == pytest.approx(163, abs=30)


def test_a_claimed_pass_for_a_slower_version_is_a_fail() -> None:
    """The comparison's figures are recomputed too."""
    objectives = Objectives(compare=(Tolerance(95.0, 0.1),))
    recomputed = recompute_report(_claiming_pass(compared_run(objectives, bursts_of(arms="duet", slower=2.0), 6)))
    decision = decide(recomputed, conclusion="success")
    assert (decision.verdict, decision.exit_code) == ("FAIL", 20)
    assert "p(95)" in decision.reason


def _edited(report: RunReport, **changes: Any) -> RunReport:
    return report.model_copy(update={"judged": (report.judged[0].model_copy(update=changes),)})


def _without_one(report: RunReport) -> RunReport:
    return _edited(report, bursts=report.judged[0].bursts[:-1])


FORGERIES = {
    "a claim without figures": lambda report: report.model_copy(update={"judged": (), "figures": ()}),
    "a claim without bursts": lambda report: _edited(report, bursts=()),
    "bursts that are not there": lambda report: _edited(report, bursts=(0, 1, 999)),
    "a burst twice": lambda report: _edited(report, bursts=(*report.judged[0].bursts[:-1], report.judged[0].bursts[-2])),
    "fewer bursts than planned": _without_one,
    "one look at many bursts": lambda report: _edited(report, looks=1, look=1, per_look=len(report.judged[0].bursts)),
    "two looks": lambda report: _edited(report, looks=2, look=1, per_look=len(report.judged[0].bursts)),
    "an objective more": lambda report: report.model_copy(
        update={
            "objectives": (
                *report.objectives,
                ThresholdOutcome(metric="http_reqs", expression="count>1", verdict=Verdict.PASS, test="test_slo"),
            )
        }
    ),
    "an objective less": lambda report: report.model_copy(update={"objectives": report.objectives[1:]}),
    "another limit": lambda report: report.model_copy(
        update={"objectives": (report.objectives[0].model_copy(update={"expression": "p(95)<1"}), *report.objectives[1:])}
    ),
    "an objective that does not exist": lambda report: _edited(
        report, thresholds=(report.judged[0].thresholds[0].model_copy(update={"metric": "nothing"}), *report.judged[0].thresholds[1:])
    ),
    "figures that contradict each other": lambda report: report.model_copy(
        update={"figures": (report.figures[0].model_copy(update={"send_lag": ""}), *report.figures[1:])}
    ),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_a_claim_contradicted_by_its_figures_may_not_merge(forge: Any) -> None:
    """A report with anything missing, added or impossible never ends as a PASS, and the objective is named."""
    report = _passing()
    assert decide(recompute_report(report), AT_LEAST_OBJECTIVES, conclusion="success").may_merge

    recomputed = recompute_report(forge(report))
    decision = decide(recomputed, AT_LEAST_OBJECTIVES, conclusion="success")
    assert not decision.may_merge
    assert decision.exit_code in {20, 24}
    assert " of http_req" in decision.reason


def _second(report: RunReport, **changes: Any) -> RunReport:
    """Return the report with its confirmation round changed."""
    confirmation = report.judged[0].confirmation
    assert confirmation is not None
    return _edited(report, confirmation=confirmation.model_copy(update=changes))


ROUND_FORGERIES = {
    "no round": lambda report: _edited(report, confirmation=None),
    "a short round": lambda report: _second(report, bursts=report.judged[0].confirmation.bursts[:-1]),
    "the bursts of the looks again": lambda report: _second(
        report, bursts=(*report.judged[0].bursts, *report.judged[0].confirmation.bursts[len(report.judged[0].bursts) :])
    ),
    "bursts that are not there": lambda report: _second(report, bursts=(*report.judged[0].confirmation.bursts, 999)),
    "versions on other nodes": lambda report: _second(report, placement="foo: a 2 and 0, b 0 and 2"),
}


@pytest.mark.parametrize("forge", ROUND_FORGERIES.values(), ids=ROUND_FORGERIES)
def test_a_pass_without_confirmation_may_not_merge(forge: Any) -> None:
    """A comparison without a complete, separate confirmation round proves nothing."""
    report = compared_run(Objectives(compare=(Tolerance(95.0, 0.5),)), bursts_of(arms="duet", size=200), 10)
    assert [row.verdict for row in report.comparison] == [Verdict.PASS]
    assert decide(recompute_report(report), conclusion="success").may_merge

    decision = decide(recompute_report(forge(report)), conclusion="success")
    assert not decision.may_merge
    assert "p(95)" in decision.reason


def test_a_version_slow_only_at_the_looks_is_not_confirmed_when_recomputed() -> None:
    """An honest report of the run is reproduced, and a forged PASS is refuted."""

    def slow_first(number: int) -> BurstResult:
        return measured_burst(number, arms="duet", slower=2.0 if number < 10 else 1.0, size=200)

    report = compared_run(Objectives(compare=(Tolerance(95.0, 0.5),)), slow_first, 10)
    assert [(row.verdict, row.not_confirmed) for row in report.comparison] == [(Verdict.INCONCLUSIVE, True)]
    assert_honest(report)
    assert not decide(recompute_report(_claiming_pass(report)), conclusion="success").may_merge


EACH = Objectives(compare=(Tolerance(95.0, 0.15, each="route"),))


@pytest.mark.parametrize(
    ("slower", "verdicts"), [(1.0, [Verdict.PASS, Verdict.PASS]), (1.5, [Verdict.FAIL, Verdict.PASS])], ids=["equal", "checkout slower"]
)
def test_a_comparison_of_each_route_is_recomputed_route_by_route(slower: float, verdicts: list[Verdict]) -> None:
    """The report holds one tolerance per route with its tags, and recomputing them gives the same rows."""
    report = compared_run(EACH, functools.partial(_shop, slower=slower), 10)

    assert [(row.subject, row.verdict) for row in report.comparison] == list(zip(SHOP_ROUTES, verdicts, strict=True))
    assert_honest(report)


def _shop(number: int, **burst: Any) -> BurstResult:
    return shop_burst(number, **burst)


COST = Objectives(
    compare=(
        Tolerance(50.0, 0.05, selector=Selector(METRICS["cpu_per_request"])),
        Tolerance(50.0, 0.2, selector=Selector(METRICS["memory"], (("workload", "shop"),))),
    )
)


@pytest.mark.parametrize(("dearer", "verdict"), [(1.0, Verdict.PASS), (1.2, Verdict.FAIL)])
def test_a_comparison_of_resources_is_recomputed(dearer: float, verdict: Verdict) -> None:
    """The report holds what each workload used in each burst."""
    report = compared_run(COST, functools.partial(_using, dearer=dearer), 10)

    assert [(row.figure, row.verdict) for row in report.comparison] == [
        ("cpu_per_request", verdict),
        ("memory{workload:shop}", Verdict.PASS),
    ]
    assert_honest(report)
    without = recompute_report(report.model_copy(update={"figures": ()}))
    assert [row.figure for row in without.comparison] == [row.figure for row in report.comparison]


def _using(number: int, dearer: float) -> BurstResult:
    """Build a duet burst in which the pull request's version uses `dearer` times the CPU time."""
    rng = np.random.default_rng(number)
    used = {"head": dearer, "base": 1.0}
    usage = (WorkloadUsage("shop", arm, 2, seconds * rng.normal(1.0, 0.01), rng.normal(1e8, 1e6)) for arm, seconds in used.items())
    return replace(shop_burst(number), usage=tuple(usage))


@pytest.mark.parametrize("failing", [0, 30])
def test_a_judgement_of_journeys_is_recomputed(failing: int) -> None:
    """Their times, counts and failures are in the report, and give the same verdicts."""
    texts = ("iteration_duration{journey:buy}: p(90)<400", "iteration_duration: avg<300", "iterations{journey:buy}: count>100")
    report = judged_run(_thresholds(*texts), functools.partial(_journeys, failing=failing), 10)

    assert [row.verdict for row in report.objectives] == [Verdict.FAIL if failing else Verdict.PASS, Verdict.PASS, Verdict.PASS]
    assert_honest(report)


def _journeys(number: int, failing: int) -> BurstResult:
    """Build a burst with 100 runs of a journey, of which some fail."""
    burst = measured_burst(number)
    step = Route("http://127.0.0.1/", name="login", journey="buy", weight=0)
    plan = replace(burst.plan, routes=(*burst.plan.routes, step), journeys=(Journey("buy", (Step(2),)),))
    times = Histogram.of(np.random.default_rng(number).integers(100_000, 300_000, 100 - failing))
    login = Series("login", "", "", "GET", 100, 100, 100 - failing, failed={FailureKind.HTTP: failing}, journey="buy")
    filled = replace(
        login,
        response=Histogram.of([50_000] * login.completed),
        failed_response=Histogram.of([9_000] * failing),
        failed={kind: count for kind, count in login.failed.items() if count},
    )
    on_time = Histogram.of([50] * 100)
    return replace(
        burst,
        plan=plan,
        series=(*burst.series, filled),
        journeys=(JourneySeries("buy", "", (), 100, 100, 100 - failing, failing, times),),
        loop_lag=burst.loop_lag + on_time,
        send_lag=burst.send_lag + on_time,
    )


def test_a_claim_for_another_route_is_a_fail() -> None:
    """A PASS of one route is no PASS of another, and a metric that is not compared is not judged."""
    report = compared_run(EACH, functools.partial(_shop, slower=1.5), 10)
    (checkout, search) = report.judged[0].tolerances
    for tolerances in ((search, search), (checkout.model_copy(update={"metric": "http_reqs"}), search)):
        forged = _edited(_claiming_pass(report), tolerances=tolerances)
        decision = decide(recompute_report(forged), conclusion="success")
        assert not decision.may_merge
        assert "http_req" in decision.reason


def test_recomputation_beyond_the_work_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A report of a few megabytes could take hours; what is not recomputed is not a PASS."""
    monkeypatch.setattr("kindgate.report.recompute.WORK_LIMIT", 5)
    decision = decide(recompute_report(_passing()), conclusion="success")
    assert not decision.may_merge
    assert "too many objectives and bursts" in decision.reason


def test_bursts_after_the_deciding_look_do_not_count() -> None:
    """A run that failed at its first look and continued until its figures improved is a FAIL."""

    def slow_first(number: int) -> BurstResult:
        return measured_burst(number, median=300.0 if number < 4 else 10.0)

    report = judged_run(_thresholds("p(95)<200"), slow_first, 4)
    more = judged_run(_thresholds("p(95)<2000"), slow_first, 12)
    entry = more.judged[0].model_copy(update={"per_look": 4, "look": 3, "thresholds": report.judged[0].thresholds})
    forged = more.model_copy(
        update={"judged": (entry,), "objectives": (more.objectives[0].model_copy(update={"expression": "p(95)<200"}),)}
    )
    decision = decide(recompute_report(forged), conclusion="success")
    assert (decision.verdict, decision.may_merge) == ("FAIL", False)


def test_a_report_worse_than_its_figures_keeps_its_outcome() -> None:
    """A contradiction in either direction is red."""
    report = _passing()
    worse = report.model_copy(update={"objectives": tuple(one.model_copy(update={"verdict": Verdict.FAIL}) for one in report.objectives)})
    assert not decide(recompute_report(worse)).may_merge
    assert decide(recompute_report(report.model_copy(update={"outcome": Outcome.FAILED}))).exit_code == 20


def test_a_recomputation_inside_an_artifact_is_ignored() -> None:
    """A claim of having been recomputed is discarded: only this code fills in that field."""
    forged = _claiming_pass(_failing())
    claims = recompute_report(_passing()).recomputation
    assert not decide(recompute_report(forged.model_copy(update={"recomputation": claims})), conclusion="success").may_merge


def _capacity(*texts: str) -> Objectives:
    return _thresholds("p(95)<400", "http_req_failed: rate<0.01", *texts)


@pytest.mark.parametrize("limit", [150, 500])
def test_a_capacity_is_recomputed_from_the_bursts_at_its_rate(limit: int) -> None:
    """An honest report keeps its verdict, its figure and its sentence, whether the objective is met or missed."""
    report = capacity_run(_capacity(f"capacity: value>{limit}"), 300, 10)

    assert [row.verdict for row in report.objectives] == [Verdict.PASS, Verdict.PASS, Verdict.PASS if limit < 300 else Verdict.FAIL]
    assert_honest(report)


def test_a_capacity_cannot_be_claimed_from_slower_bursts() -> None:
    """A report whose bursts at the required rate are those of the planned one is refuted."""
    report = capacity_run(_capacity("capacity: value>150"), 300, 10)
    steady, found = report.judged
    forged = found.model_copy(update={"thresholds": tuple(one.model_copy(update={"limit": 500.0}) for one in found.thresholds)})
    row = report.objectives[2].model_copy(update={"expression": "value>500"})

    recomputed = recompute_report(report.model_copy(update={"judged": (steady, forged), "objectives": (*report.objectives[:2], row)}))

    assert recomputed.objectives[2].verdict is Verdict.INCONCLUSIVE
    assert decide(recomputed).verdict == "UNTRUSTED"


@pytest.mark.parametrize("fields", [{"within": ()}, {"thresholds": ()}, {"search": ()}])
def test_a_capacity_that_is_incomplete_is_never_better(fields: dict[str, Any]) -> None:
    """Without its limits nothing can be judged; without its search, only the figure is less exact."""
    report = capacity_run(_capacity("capacity: value>150"), 300, 10)
    steady, found = report.judged
    recomputed = recompute_report(report.model_copy(update={"judged": (steady, found.model_copy(update=fields))}))

    assert recomputed.objectives[-1].verdict is (Verdict.PASS if "search" in fields else Verdict.FAIL)
