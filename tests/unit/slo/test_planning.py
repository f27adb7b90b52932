"""Objectives that the planned bursts could never confirm."""

from __future__ import annotations

import pytest
from scipy.stats import wilcoxon

from kindgate.errors import SloError
from kindgate.model import Verdict
from kindgate.slo.grammar import parse_marker
from kindgate.slo.intervals import Proportion
from kindgate.slo.objectives import Objectives, Tolerance
from kindgate.slo.planning import (
    BurstsPlan,
    PlannedSeries,
    advice,
    needed_pairs,
    needed_requests,
    refuse_unmatched_tags,
    refuse_unreachable,
)

ALPHA = 0.05 / 3


def _plan(requests: int, bursts: int = 10, looks: int = 3) -> BurstsPlan:
    series = tuple(PlannedSeries({"host": host, "route": host}, requests // 2) for host in ("foo", "bar"))
    return BurstsPlan(bursts, series, looks)


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
    series = (PlannedSeries({"host": "foo"}, 0),)
    refuse_unmatched_tags(parse_marker(("http_req_failed{host:foo,kind:timeout}: rate<0.1",))[0], series)
    with pytest.raises(SloError, match="no planned request has these tags"):
        refuse_unmatched_tags(parse_marker(("http_req_failed{host:bar}: rate<0.1",))[0], series)


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


def test_a_comparison_needs_enough_pairs() -> None:
    """Wilcoxon's smallest p-value is 2^-n, so a third of 5 % takes six pairs, and 5 % takes five."""
    for alpha, pairs in ((ALPHA, 6), (0.05, 5)):
        assert needed_pairs(alpha) == pairs
        assert wilcoxon([1.0 + place for place in range(pairs)], alternative="greater").pvalue < alpha
        assert wilcoxon([1.0 + place for place in range(pairs - 1)], alternative="greater").pvalue >= alpha
    objectives = Objectives(compare=(Tolerance(95.0, 0.1, "slo.yaml:3:3"),))
    refuse_unreachable(objectives, _plan(100, bursts=2))
    with pytest.raises(SloError, match=r"slo\.yaml:3:3: .* cannot be decided with 3 bursts"):
        refuse_unreachable(objectives, _plan(100, bursts=1))


def test_several_tolerances_need_more_bursts_before_one_can_fail() -> None:
    """Two tolerances share the error rate: six bursts can never find either one slower, but more can."""
    both = Objectives(compare=(Tolerance(50.0, 0.1), Tolerance(95.0, 0.1)))

    refuse_unreachable(Objectives(compare=both.compare[:1]), _plan(100, bursts=2))
    with pytest.raises(SloError, match="cannot be decided with 6 bursts"):
        refuse_unreachable(both, _plan(100, bursts=2))
    refuse_unreachable(both, _plan(100, bursts=3))


def test_a_tight_tolerance_on_a_high_percentile_is_advised_against() -> None:
    """p(99) varies too much between bursts for a tolerance of 10 %."""
    objectives = Objectives(compare=(Tolerance(99.0, 0.1), Tolerance(99.0, 0.25), Tolerance(95.0, 0.1)))

    assert len(advice(objectives)) == 1
