"""Objectives that the planned bursts could never confirm."""

from __future__ import annotations

import pytest

from kindgate.errors import SloError
from kindgate.model import Verdict
from kindgate.slo.grammar import parse_marker
from kindgate.slo.intervals import Proportion
from kindgate.slo.objectives import RESPONSE_TIMES, Objectives, Tolerance
from kindgate.slo.planned_load import BurstsPlan, PlannedLoad, PlannedSeries
from kindgate.slo.planning import needed_requests, refuse_undecidable, refuse_unmatched_tags, refuse_unreachable

ALPHA = 0.05 / 3


def _plan(requests: int, bursts: int = 10, looks: int = 3) -> BurstsPlan:
    series = tuple(PlannedSeries({"host": host, "route": host}, requests // 2) for host in ("foo", "bar"))
    return BurstsPlan(bursts, PlannedLoad(series, (PlannedSeries({"journey": "buy"}, requests // 4),)), looks)


def _refuse(text: str, plan: BurstsPlan) -> None:
    refuse_unreachable(Objectives(parse_marker((text,))), plan)


@pytest.mark.parametrize(("allowed", "needed"), [(0.05, 560), (0.01, 2_830), (0.001, 28_500)])
def test_required_requests_for_ten_bursts(allowed: float, needed: int) -> None:
    """P(95) needs 560 requests, p(99) and a rate below 1 % need 2,830, p(99.9) needs 28,500, at a third of 5 %."""
    assert needed_requests(allowed, 10, ALPHA) == pytest.approx(needed, rel=0.01)


@pytest.mark.parametrize("allowed", [0.5, 0.05, 0.01, 0.001])
@pytest.mark.parametrize("bursts", [2, 10, 60])
def test_the_needed_size_is_the_smallest_that_can_pass(allowed: float, bursts: int) -> None:
    """With no bad request, the rule passes at that size but not with 2 % fewer requests."""
    needed = needed_requests(allowed, bursts, ALPHA)

    def verdict(requests: float) -> Verdict:
        return Proportion(0, round(requests), bursts, 5.0).verdict(allowed, ALPHA)

    assert verdict(needed + 1) is Verdict.PASS
    assert verdict(needed * 0.98 - 1) is Verdict.INCONCLUSIVE


def test_a_single_burst_cannot_confirm_a_share() -> None:
    """No size suffices for a single burst."""
    with pytest.raises(ValueError, match="one burst"):
        needed_requests(0.05, 1, ALPHA)


@pytest.mark.parametrize(
    "text", ["p(95)<200", "p(99)<200", "http_req_failed: rate<0.01", "avg<200", "max<200", "http_reqs: count>1", "send_lag: p(95)<1"]
)
def test_a_large_enough_plan_is_taken(text: str) -> None:
    """30 bursts of 200 requests are enough for these."""
    _refuse(text, _plan(200))


def test_tags_are_matched_in_every_series_of_any_size() -> None:
    """A closed loop plans no fixed number of requests, but its tags are still known."""
    load = PlannedLoad((PlannedSeries({"host": "foo"}, 0),))
    refuse_unmatched_tags(parse_marker(("http_req_failed{host:foo,kind:timeout}: rate<0.1",))[0], load)
    with pytest.raises(SloError, match="no planned request has these tags"):
        refuse_unmatched_tags(parse_marker(("http_req_failed{host:bar}: rate<0.1",))[0], load)


def test_an_unreachable_threshold_is_rejected_with_the_required_size() -> None:
    """The error states the planned and the required number of requests, in total and per burst."""
    with pytest.raises(SloError) as caught:
        _refuse("p(99.9)<200", _plan(200))

    assert "6,000 requests are planned, but 22,557 are required" in caught.value.message
    assert caught.value.next_step.startswith("plan at least 752 requests in each of 30 bursts")
    _refuse("p(99.9)<200", _plan(752))


def test_a_sub_metric_needs_its_own_requests() -> None:
    """With half of the requests going to each host, a plan can suffice for both but not for one."""
    plan = _plan(80)

    _refuse("p(99)<200", plan)
    with pytest.raises(SloError, match="cannot pass"):
        _refuse("http_req_duration{host:foo}: p(99)<200", plan)


def test_tags_of_no_planned_request_are_rejected() -> None:
    """A misspelled host would fail for lack of data after all the load, so it is refused early, with the planned tags listed."""
    with pytest.raises(SloError, match="no planned request has these tags") as caught:
        _refuse("http_req_duration{host:fo}: p(95)<200", _plan(1000))

    assert caught.value.next_step == "planned tags: host:bar, host:foo, route:bar, route:foo"


def test_a_failure_kind_is_not_a_planned_tag() -> None:
    """`kind` classifies failures and is not known in advance."""
    _refuse("http_req_failed{kind:timeout,host:foo}: rate<0.01", _plan(1000))


@pytest.mark.parametrize(
    "text",
    [
        "p(95)<0",
        "p(95)<=-1",
        "http_req_failed: rate<0",
        "checks: rate>1",
        "checks: rate>=1.1",
        "p(95)<inf",
        "p(95)<nan",
        "http_reqs: count<0",
    ],
)
def test_impossible_thresholds_are_rejected(text: str) -> None:
    """Times below 0 and shares above 1 do not exist, and infinite or NaN limits are meaningless."""
    with pytest.raises(SloError):
        _refuse(text, _plan(10_000))


@pytest.mark.parametrize("text", ["checks: rate>=1", "http_req_failed: rate<=0", "http_req_failed: rate==0"])
def test_all_and_none_are_facts_of_any_size(text: str) -> None:
    """A fact about the run's failures needs no interval."""
    _refuse(text, _plan(2, bursts=1, looks=1))


def test_quick_mode_refuses_only_the_impossible() -> None:
    """One burst shows figures and decides facts; the user accepted that it is too small for intervals."""
    quick = _plan(50, bursts=1, looks=1)

    _refuse("p(99.9)<200", quick)
    with pytest.raises(SloError, match="no measurement can meet it"):
        _refuse("p(99.9)<0", quick)


def test_a_metric_of_journeys_covers_planned_journeys() -> None:
    """Journeys have a number and tags of their own, and a journey that is not planned is refused with the planned ones."""
    plan = _plan(1000, bursts=10)
    for text in ("iteration_duration{journey:buy}: p(95)<2000", "iterations: count>100", "iteration_duration: avg<900"):
        _refuse(text, plan)
    with pytest.raises(SloError, match="no planned journey has these tags") as caught:
        _refuse("iteration_duration{journey:bye}: p(95)<2000", plan)
    assert caught.value.next_step == "planned tags: journey:buy"
    with pytest.raises(SloError, match="journeys are planned, but 22,557 are required"):
        _refuse("iteration_duration: p(99.9)<2000", plan)


def test_journeys_without_a_workload_are_refused() -> None:
    """Load that has no journeys would leave the objective without data."""
    with pytest.raises(SloError, match="no planned journey has these tags") as caught:
        _refuse("iterations: count>1", BurstsPlan(10, PlannedLoad((PlannedSeries({"host": "foo"}, 100),))))
    assert caught.value.next_step == "planned tags: none"


@pytest.mark.parametrize(
    ("series", "problem"),
    [
        ([{"route": f"r{number}"} for number in range(501)], "more than 500 routes or journeys"),
        ([{"route": "a", **{f"tag{number}": "x" for number in range(16)}}], "a has more than 16 tags"),
        ([{"route": "x" * 301}], "a tag of more than 300 characters"),
    ],
)
def test_load_that_no_report_can_hold_is_refused(series: list[dict[str, str]], problem: str) -> None:
    """Its verdicts could not be recomputed where they count."""
    load = PlannedLoad(tuple(PlannedSeries(tags, 1000) for tags in series))
    with pytest.raises(SloError, match=problem):
        refuse_unreachable(Objectives(parse_marker(("p(50)<200",))), BurstsPlan(10, load))


def test_before_the_hosts_are_known_every_objective_may_cover_all_requests() -> None:
    """Tags are not checked yet, but an objective that all requests together cannot confirm is refused."""
    plan = BurstsPlan(10, PlannedLoad((PlannedSeries({}, 200),)))
    refuse_undecidable(Objectives(parse_marker(("http_req_duration{route:x}: p(95)<200",))), plan)
    with pytest.raises(SloError, match="6,000 requests are planned"):
        refuse_undecidable(Objectives(parse_marker(("http_req_duration{route:x}: p(99.9)<200",))), plan)


WORKLOAD = PlannedLoad(
    (PlannedSeries({"route": "search"}, 150), PlannedSeries({"route": "checkout", "journey": "buy"}, 30)),
    (PlannedSeries({"journey": "buy"}, 30),),
)


@pytest.mark.parametrize(
    "text",
    [
        "http_req_duration{route:search}: p(95)<200",
        "http_req_duration{host:x,arm:head,route:checkout}: med<200",
        "iterations{journey:buy}: count>1",
    ],
)
def test_the_objectives_of_a_workload_are_accepted_before_the_hosts_are_known(text: str) -> None:
    """Host and version are not known yet, routes and journeys are."""
    refuse_undecidable(Objectives(parse_marker((text,))), BurstsPlan(10, WORKLOAD))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("http_req_duration{route:serch}: p(95)<200", "no planned request has these tags"),
        ("iteration_duration{journey:by}: p(95)<200", "no planned journey has these tags"),
        ("http_req_duration{route:checkout}: p(99.9)<200", "900 requests are planned"),
    ],
)
def test_an_objective_that_a_workload_cannot_decide_is_refused_early(text: str, problem: str) -> None:
    """A misspelled route, and a route with too few requests, do not cost a cluster."""
    with pytest.raises(SloError, match=problem):
        refuse_undecidable(Objectives(parse_marker((text,))), BurstsPlan(10, WORKLOAD))


def test_each_route_of_a_workload_is_checked_before_anything_is_created() -> None:
    """30 checkouts are enough for p(95) of each version, unless two versions share them."""
    each = Objectives(compare=(Tolerance(95.0, 0.15, each="route"),))
    refuse_undecidable(each, BurstsPlan(10, WORKLOAD))
    with pytest.raises(SloError, match=r"\{route:checkout\}.* with 15 requests"):
        refuse_undecidable(each, BurstsPlan(10, WORKLOAD), shared=True)
    login = Objectives(compare=(Tolerance(95.0, 0.15, selector=RESPONSE_TIMES.with_tag("route", "login")),))
    with pytest.raises(SloError, match=r"\{route:login\}.*no planned request"):
        refuse_undecidable(login, BurstsPlan(10, WORKLOAD))
