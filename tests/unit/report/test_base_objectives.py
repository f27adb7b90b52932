"""The base branch's objectives applied to a pull request's figures: judged under the base's own plan, or not at all."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

import pytest

from kindgate.load.result import BurstResult
from kindgate.load.workload_usage import WorkloadUsage
from kindgate.model import Verdict
from kindgate.report.base_objectives import BaseObjectives, is_edited
from kindgate.report.decision import Requirements, decide
from kindgate.report.recompute import recompute_report
from kindgate.report.run_report import Outcome, RunReport
from kindgate.slo.grammar import parse_marker
from kindgate.slo.objectives import RESPONSE_TIMES, Objectives, Tolerance
from kindgate.slo.planned_load import PlannedLoad, PlannedSeries
from kindgate.slo.threshold import METRICS, Selector
from tests.unit.report.bursts import SHOP_ROUTES, shop_burst
from tests.unit.report.judged_runs import bursts_of, capacity_run, compared_run, judged_run

STRICT, LOOSE = "p(95)<40", "p(95)<1000"
"""Limits for a service whose p(95) is about 80 ms."""


def _objectives(*texts: str) -> Objectives:
    return Objectives(parse_marker(texts))


def _main(*texts: str, **demands: Any) -> BaseObjectives:
    """The objectives of branch main: ten bursts of 400 requests at 200/s."""
    return BaseObjectives("main", _objectives(*texts) if texts else Objectives(), **{"bursts": 10, "rate": 200.0, "seconds": 2.0} | demands)


@functools.cache
def _run(*texts: str, bursts: int = 10, own: bool = False, quick: bool = False, **burst: Any) -> RunReport:
    return judged_run(_objectives(*(texts or (LOOSE,))), bursts_of(**{"median": 50.0} | burst), bursts, own=own, quick=quick)


def _rows(report: RunReport) -> list[Verdict | None]:
    assert report.recomputation is not None
    assert report.recomputation.base is not None
    return [row.verdict for row in report.recomputation.base.rows]


def test_unchanged_objectives_are_judged_once() -> None:
    """If the objectives are unchanged, the base's verdicts are the run's own."""
    recomputed = recompute_report(_run(), _main(LOOSE))
    assert recomputed.recomputation is not None
    assert recomputed.recomputation.base is not None
    assert not recomputed.recomputation.base.edited
    assert _rows(recomputed) == [Verdict.PASS]
    assert decide(recomputed, conclusion="success").verdict == "PASS"


def test_a_loosened_objective_passes_but_fails_the_one_on_main() -> None:
    """Both verdicts are kept, and the check follows main's."""
    recomputed = recompute_report(_run(LOOSE), _main(STRICT))
    decision = decide(recomputed, conclusion="success")
    assert (decision.verdict, decision.may_merge, decision.exit_code) == ("FAIL", False, 20)
    assert decision.reason == "passes its own objectives but fails those of main: p(95)<40 of http_req_duration"
    assert recomputed.outcome is Outcome.PASSED
    assert [row.verdict for row in recomputed.objectives] == [Verdict.PASS]


def test_a_maintainer_can_accept_edited_objectives() -> None:
    """With a maintainer's approval the check follows the pull request's own objectives; unedited ones still count."""
    edited = recompute_report(_run(LOOSE), _main(STRICT), accepted_by="octocat")
    assert decide(edited, conclusion="success").may_merge

    own = recompute_report(judged_run(_objectives(STRICT), bursts_of(median=50.0), 10), _main(STRICT), accepted_by="octocat")
    assert decide(own).exit_code == 20


def test_a_maintainer_cannot_accept_a_refuted_claim() -> None:
    """The label accepts edited objectives, but never a forged claim."""
    forged = _run(STRICT).model_copy(update={"outcome": Outcome.PASSED, "exit_code": 0})
    forged = forged.model_copy(update={"objectives": tuple(row.model_copy(update={"verdict": Verdict.PASS}) for row in forged.objectives)})
    assert decide(recompute_report(forged, _main(LOOSE), accepted_by="octocat")).exit_code == 20


def test_a_base_objective_without_data_is_not_judged() -> None:
    """A route that the pull request no longer serves or loads turns the check red and is named."""
    recomputed = recompute_report(_run(LOOSE), _main(LOOSE, "http_req_duration{host:gone.localhost}: p(95)<100"))
    decision = decide(recomputed, conclusion="success")
    assert _rows(recomputed) == [Verdict.PASS, None]
    assert (decision.verdict, decision.exit_code) == ("FAIL", 20)
    assert "http_req_duration{host:gone.localhost}" in decision.reason


@pytest.mark.parametrize(
    ("run", "demands"),
    [
        ({"bursts": 3}, {}),
        ({"quick": True}, {}),
        ({}, {"bursts": 20}),
        ({}, {"rate": 400.0, "seconds": 1.0}),
        ({"size": 300}, {}),
    ],
    ids=["fewer bursts", "a single burst", "more bursts on main", "a lower rate", "shorter bursts"],
)
def test_less_load_than_the_base_plans_cannot_pass(run: dict[str, Any], demands: dict[str, Any]) -> None:
    """A run cannot loosen an objective by measuring less."""
    recomputed = recompute_report(_run(LOOSE, **run), _main(LOOSE, **demands))
    decision = decide(recomputed, conclusion="success")
    assert _rows(recomputed) == [None]
    assert not decision.may_merge
    assert "main plans" in decision.reason


def test_less_load_can_still_fail() -> None:
    """An objective that fails under less load is a FAIL."""
    recomputed = recompute_report(_run(LOOSE, size=300), _main(STRICT))
    assert _rows(recomputed) == [Verdict.FAIL]


def test_a_run_that_ended_early_is_judged_by_its_bursts() -> None:
    """Main's objective was still undecided at the interim look that ended the run, so it is INCONCLUSIVE and main's policy applies."""
    recomputed = recompute_report(_run(LOOSE, median=30.5), _main("p(95)<50"))
    assert _rows(recomputed) == [Verdict.INCONCLUSIVE]
    red, green = (decide(recomputed, Requirements(inconclusive=policy), conclusion="success") for policy in ("fail", "warn"))
    assert (red.may_merge, red.exit_code, green.may_merge, green.verdict) == (False, 20, True, "INCONCLUSIVE")


def test_an_incomplete_look_cannot_pass() -> None:
    """Main's objective is undecided after ten bursts, and 15 bursts are not a complete second look: looks happen only as planned."""
    recomputed = recompute_report(_run("max<5000", bursts=15), _main("p(95)<93"))
    assert _rows(recomputed) == [None]
    assert "had all its bursts" in decide(recomputed, conclusion="success").reason


def test_the_base_policy_also_applies_to_the_runs_own_objectives() -> None:
    """A pull request whose settings let INCONCLUSIVE pass is held to main's policy, which fails it."""
    run = _run("p(95)<50", median=30.5)
    assert decide(recompute_report(run, _main("p(95)<50")), conclusion="success").may_merge
    assert decide(recompute_report(run, _main("p(95)<50", inconclusive="fail")), conclusion="success").exit_code == 20


def test_a_tighter_base_limit_makes_a_late_generator_invalid() -> None:
    """5 ms of loop lag is valid for a limit of one second but not for one of 90 ms."""
    recomputed = recompute_report(_run(LOOSE, lag=5.0), _main("p(95)<93"))
    assert _rows(recomputed) == [Verdict.INVALID]
    assert decide(recomputed, conclusion="success").exit_code == 21


def test_objectives_from_tests_belong_to_the_pull_request() -> None:
    """They are judged as written, marked as the pull request's own, and replace none of the base's."""
    recomputed = recompute_report(_run(LOOSE, own=True), _main(STRICT))
    assert recomputed.recomputation is not None
    assert [claim.own for claim in recomputed.recomputation.claims] == [True]
    assert not decide(recomputed, conclusion="success").may_merge


def test_a_run_that_judged_nothing_leaves_all_base_objectives_unjudged() -> None:
    """Deleting the test does not delete the objective."""
    report = _run().model_copy(update={"objectives": (), "judged": (), "figures": ()})
    recomputed = recompute_report(report, _main(LOOSE, "http_req_failed: rate<0.1"))
    assert _rows(recomputed) == [None, None]
    assert decide(recomputed, conclusion="success").exit_code == 20


TOLERANT = Objectives(compare=(Tolerance(95.0, 1.0),))


def _compared(**burst: Any) -> RunReport:
    return compared_run(TOLERANT, bursts_of(arms="duet", **burst), 10)


def test_base_tolerances_are_judged_from_the_same_pairs() -> None:
    """A version that is 50 % slower passes a tolerance of 100 % but fails main's 10 %."""
    main = replace(_main(), objectives=Objectives(compare=(Tolerance(95.0, 0.1),)), compares=True)
    recomputed = recompute_report(_compared(slower=1.5), main)
    assert _rows(recomputed) == [Verdict.FAIL]
    assert "fails those of main: p(95) at most 10" in decide(recomputed, conclusion="success").reason


def test_a_decision_by_base_looks_requires_confirmation() -> None:
    """If the pull request's own tolerance stays undecided, no confirmation round runs, so the base's tolerances get no verdict either."""
    inconclusive = compared_run(Objectives(compare=(Tolerance(50.0, 0.0001),)), bursts_of(arms="duet"), 10)
    assert [row.verdict for row in inconclusive.comparison] == [Verdict.INCONCLUSIVE]
    main = replace(_main(), objectives=TOLERANT, compares=True)
    recomputed = recompute_report(inconclusive, main)

    assert _rows(recomputed) == [None]
    assert not decide(recomputed, conclusion="success").may_merge
    assert "confirmation round" in decide(recomputed, conclusion="success").reason


@pytest.mark.parametrize(("compares", "rows"), [(True, [Verdict.PASS, None]), (False, [Verdict.PASS])])
def test_a_comparison_required_by_main_must_exist(*, compares: bool, rows: list[Verdict | None]) -> None:
    """Tolerances in the SLO file apply only if main's runs compare with a baseline."""
    main = replace(_main(), objectives=replace(_objectives(LOOSE), compare=(Tolerance(95.0, 0.1),)), compares=compares)
    assert _rows(recompute_report(_run(), main)) == rows


def test_objectives_count_as_edited_by_file_and_plan() -> None:
    """The same objectives and sizes count as unedited; another limit, a missing objective or fewer bursts count as an edit."""

    def edited(report: RunReport, main: BaseObjectives) -> bool:
        recomputed = recompute_report(report, main).recomputation
        assert recomputed is not None
        assert recomputed.base is not None
        return recomputed.base.edited

    assert not edited(_run(LOOSE, "max<5000"), _main("max<5000", LOOSE))
    assert edited(_run(LOOSE), _main("max<5000", LOOSE))
    assert edited(_run(LOOSE, "max<5000"), _main(LOOSE))
    assert edited(_run(LOOSE), _main("p(95)<1001"))
    assert edited(_run(LOOSE, bursts=12), _main(LOOSE))
    assert edited(_compared(), replace(_main(), objectives=Objectives(compare=(Tolerance(95.0, 0.99),)), compares=True))
    assert not edited(_compared(), replace(_main(), objectives=TOLERANT, compares=True))


EACH = Objectives(compare=(Tolerance(95.0, 0.15, each="route"),))


@functools.cache
def _shop_run(objectives: Objectives, *, slower: float = 1.0, routes: tuple[str, ...] = SHOP_ROUTES) -> RunReport:
    return compared_run(objectives, lambda number: shop_burst(number, slower=slower, routes=routes), 10)


def _main_of(objectives: Objectives) -> BaseObjectives:
    return replace(_main(), objectives=objectives, compares=True)


def test_main_compares_each_route_that_the_run_loaded() -> None:
    """A pull request that tolerates anything is held to main's tolerance of every route, and the slower one is named."""
    tolerant = Objectives(compare=(Tolerance(95.0, 5.0, each="route"),))
    recomputed = recompute_report(_shop_run(tolerant, slower=1.5), _main_of(EACH))

    assert _rows(recomputed) == [Verdict.FAIL, Verdict.PASS]
    assert "{route:checkout}" in decide(recomputed, conclusion="success").reason


def test_unchanged_tolerances_of_each_route_are_not_an_edit() -> None:
    """The run judged one tolerance per route, which is what main's `each` means; a looser one is an edit."""
    report = _shop_run(EACH)

    assert not is_edited(report.judged, _main_of(EACH))
    assert is_edited(report.judged, _main_of(Objectives(compare=(Tolerance(95.0, 0.1, each="route"),))))
    assert is_edited(report.judged, _main_of(Objectives(compare=(Tolerance(95.0, 0.15),))))


def test_a_route_that_the_run_did_not_load_is_not_judged() -> None:
    """Main's own tolerance of a route is not met by leaving the route out."""
    own = Objectives(compare=(Tolerance(95.0, 0.15, selector=RESPONSE_TIMES.with_tag("route", "checkout")),))
    recomputed = recompute_report(_shop_run(EACH, routes=("search", "list")), _main_of(own))

    assert _rows(recomputed) == [None]
    assert "{route:checkout}" in decide(recomputed, conclusion="success").reason


def test_each_journey_of_a_run_without_journeys_is_not_judged() -> None:
    """Nothing that main compares was loaded."""
    journeys = Objectives(compare=(Tolerance(95.0, 0.15, selector=Selector(METRICS["iteration_duration"]), each="journey"),))
    recomputed = recompute_report(_shop_run(EACH), _main_of(journeys))

    assert _rows(recomputed) == [None]
    assert not decide(recomputed, conclusion="success").may_merge


def test_main_compares_no_more_routes_than_can_be_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of routes comes from an untrusted report, so the work for them is limited."""
    monkeypatch.setattr("kindgate.report.base_objectives.WORK_LIMIT", 19)
    recomputed = recompute_report(_shop_run(EACH), _main_of(EACH))

    assert _rows(recomputed) == [None]
    assert "too many routes" in decide(recomputed, conclusion="success").reason


def _planned(checkout: int) -> PlannedLoad:
    """Main's workload: so many checkouts, and searches for the rest of 400 arrivals."""
    return PlannedLoad((PlannedSeries({"route": "checkout"}, checkout), PlannedSeries({"route": "search"}, 400 - checkout)))


@pytest.mark.parametrize(("planned", "rows"), [(200, [Verdict.PASS, Verdict.PASS]), (240, [None, Verdict.PASS])])
def test_less_load_of_a_route_than_main_plans_cannot_pass(planned: int, rows: list[Verdict | None]) -> None:
    """The total is as planned, but checkout got fewer requests than in main's workload, so it could hardly fail."""
    main = replace(_main_of(EACH), load=_planned(planned))
    recomputed = recompute_report(_shop_run(EACH), main)

    assert _rows(recomputed) == rows
    if None in rows:
        assert "main plans 240 arrivals of http_req_duration{route:checkout}" in decide(recomputed, conclusion="success").reason


def test_a_threshold_of_a_route_needs_mains_load_of_it() -> None:
    """The same holds for thresholds, and a route that fails with less load is still a FAIL."""
    load = PlannedLoad((PlannedSeries({"route": "foo.localhost"}, 300),))
    main = replace(_main("http_req_duration{host:foo.localhost,route:foo.localhost}: p(95)<1000"), load=load)
    assert _rows(recompute_report(_run(LOOSE), main)) == [None]
    missed = replace(main, objectives=_objectives("http_req_duration{route:foo.localhost}: p(95)<40"))
    assert _rows(recompute_report(_run(LOOSE), missed)) == [Verdict.FAIL]


def test_main_compares_each_route_of_its_own_workload() -> None:
    """A route that the run left out is named and not judged, so that leaving it out does not help."""
    load = PlannedLoad((*_planned(200).requests, PlannedSeries({"route": "login"}, 0)))
    recomputed = recompute_report(_shop_run(EACH), replace(_main_of(EACH), load=load))

    assert _rows(recomputed) == [Verdict.PASS, None, Verdict.PASS]
    assert "{route:login}" in decide(recomputed, conclusion="success").reason


def test_main_compares_resources_of_a_run_that_measured_them() -> None:
    """A pull request that dropped the tolerance is held to main's, whatever load main's workload plans."""
    cpu = Objectives(compare=(Tolerance(50.0, 0.05, selector=Selector(METRICS["cpu_per_request"])),))
    used = {"head": 1.2, "base": 1.0}

    def burst(number: int) -> BurstResult:
        usage = tuple(WorkloadUsage("shop", arm, 1, seconds + 0.001 * (number % 3)) for arm, seconds in used.items())
        return replace(shop_burst(number), usage=usage)

    main = replace(_main_of(cpu), load=_planned(200))
    assert _rows(recompute_report(compared_run(EACH, burst, 10), main)) == [Verdict.FAIL]
    assert _rows(recompute_report(_shop_run(EACH), main)) == [Verdict.INVALID]


P95 = "p(95)<400"
"""Limit of a service with a p(95) of about 30 ms below its capacity."""


@pytest.mark.parametrize(
    ("own", "main", "verdict"),
    [
        ("capacity: value>150", "capacity: value>150", Verdict.PASS),
        ("capacity: value>500", "capacity: value>500", Verdict.FAIL),
        ("capacity: value>250", "capacity: value>150", Verdict.PASS),
        ("capacity: value>500", "capacity: value>150", None),
        ("capacity: value>150", "capacity: value>500", None),
    ],
    ids=["met", "missed", "measured at a higher rate", "missed at a higher rate", "measured at a lower rate"],
)
def test_the_bases_capacity_is_judged_at_its_own_rate(own: str, main: str, verdict: Verdict | None) -> None:
    """A higher rate proves a lower one, but missing it does not refute it; a lower rate proves nothing."""
    recomputed = recompute_report(capacity_run(_objectives(P95, own), 300, 10), _main(P95, main))

    assert recomputed.recomputation is not None
    assert recomputed.recomputation.base is not None
    assert recomputed.recomputation.base.edited == (own != main)
    assert _rows(recomputed) == [Verdict.PASS, verdict]


def test_a_capacity_that_the_run_did_not_measure_is_not_judged() -> None:
    """A pull request that removes the objective turns the check red."""
    recomputed = recompute_report(_run(LOOSE), _main(LOOSE, "capacity: value>150"))

    assert _rows(recomputed) == [Verdict.PASS, None]
    assert not decide(recomputed, conclusion="success").may_merge


def test_a_capacity_within_looser_objectives_counts_as_edited() -> None:
    """What limits a capacity belongs to it."""
    report = capacity_run(_objectives(P95, "capacity: value>150"), 300, 10)
    steady, found = report.judged
    looser = found.model_copy(update={"within": tuple(one.model_copy(update={"limit": 4000.0}) for one in found.within)})
    recomputed = recompute_report(report.model_copy(update={"judged": (steady, looser)}), _main(P95, "capacity: value>150"))

    assert recomputed.recomputation is not None
    assert recomputed.recomputation.base is not None
    assert recomputed.recomputation.base.edited


def test_a_capacity_from_too_few_bursts_is_not_judged() -> None:
    """The base's plan decides how many bursts a PASS needs."""
    report = capacity_run(_objectives(P95, "capacity: value>150"), 300, 5)
    assert _rows(recompute_report(report, _main(P95, "capacity: value>150"))) == [None, None]
