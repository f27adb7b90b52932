"""Comparisons that the planned bursts could not decide."""

from __future__ import annotations

import pytest
from scipy.stats import wilcoxon

from kindgate.errors import SloError
from kindgate.slo.comparison_planning import needed_pairs, size_advice, tolerance_advice
from kindgate.slo.figure_size import ENOUGH_BEYOND, needed_requests_beyond
from kindgate.slo.objectives import RESPONSE_TIMES, Objectives, Tolerance
from kindgate.slo.planned_load import BurstsPlan, PlannedLoad, PlannedSeries
from kindgate.slo.planning import refuse_undecidable, refuse_unreachable

ALPHA = 0.05 / 3
CHECKOUT = RESPONSE_TIMES.with_tag("route", "checkout")


def _duet(checkout: int, others: int = 1000) -> PlannedLoad:
    """Both versions of two routes, with these requests of each version per burst."""
    counts = {"checkout": checkout, "search": others}
    return PlannedLoad(
        tuple(PlannedSeries({"route": route, "arm": arm}, count) for route, count in counts.items() for arm in ("head", "base"))
    )


def _refuse(*tolerances: Tolerance, load: PlannedLoad | None = None, bursts: int = 10, looks: int = 3) -> None:
    refuse_unreachable(Objectives(compare=tolerances), BurstsPlan(bursts, load or _duet(1000), looks))


def test_a_comparison_needs_enough_pairs() -> None:
    """Wilcoxon's smallest p-value is 2^-n, so a third of 5 % takes six pairs, and 5 % takes five."""
    for alpha, pairs in ((ALPHA, 6), (0.05, 5)):
        assert needed_pairs(alpha) == pairs
        assert wilcoxon([1.0 + place for place in range(pairs)], alternative="greater").pvalue < alpha
        assert wilcoxon([1.0 + place for place in range(pairs - 1)], alternative="greater").pvalue >= alpha
    tolerance = Tolerance(95.0, 0.1, "slo.yaml:3:3")
    _refuse(tolerance, bursts=2)
    with pytest.raises(SloError, match=r"slo\.yaml:3:3: .* cannot be decided with 3 bursts"):
        _refuse(tolerance, bursts=1)


def test_several_tolerances_need_more_bursts_before_one_can_fail() -> None:
    """Two tolerances share the error rate: six bursts can never find either one slower, but more can."""
    both = (Tolerance(50.0, 0.1), Tolerance(95.0, 0.1))

    _refuse(both[0], bursts=2)
    with pytest.raises(SloError, match="cannot be decided with 6 bursts; 2 figures are compared"):
        _refuse(*both, bursts=2)
    _refuse(*both, bursts=3)


def test_a_percentile_needs_requests_beyond_it() -> None:
    """p(95) of 19 requests is only the slowest one; the error states the size and what to change."""
    tolerance = Tolerance(95.0, 0.15, "slo.yaml:3:3", CHECKOUT)
    _refuse(tolerance, load=_duet(20))

    with pytest.raises(
        SloError, match=r"slo\.yaml:3:3: .*\{route:checkout\}.* with 19 requests of each version .* 20 are required"
    ) as raised:
        _refuse(tolerance, load=_duet(19))

    assert "med" in raised.value.next_step
    _refuse(Tolerance(50.0, 0.15, selector=CHECKOUT), load=_duet(19))


def test_quick_mode_compares_figures_of_any_size() -> None:
    """It decides nothing, but a route that does not exist is still an error."""
    _refuse(Tolerance(95.0, 0.15, selector=CHECKOUT), load=_duet(3), bursts=1, looks=1)
    with pytest.raises(SloError, match="no planned request has these tags"):
        _refuse(Tolerance(95.0, 0.15, selector=RESPONSE_TIMES.with_tag("route", "chekout")), bursts=1, looks=1)


def test_an_unknown_route_is_refused_with_the_planned_tags() -> None:
    """A misspelled route would fail for lack of data after all the load."""
    with pytest.raises(SloError, match=r"\{route:chekout\}.* no planned request has these tags") as raised:
        _refuse(Tolerance(95.0, 0.15, selector=RESPONSE_TIMES.with_tag("route", "chekout")))

    assert "route:checkout, route:search" in raised.value.next_step


def test_before_the_routes_are_known_all_requests_may_be_compared() -> None:
    """Too few requests for any route are refused before anything is created, as too few pairs are."""
    plan = BurstsPlan(10, PlannedLoad((PlannedSeries({}, 19),)))
    refuse_undecidable(Objectives(compare=(Tolerance(50.0, 0.1, selector=CHECKOUT),)), plan)
    with pytest.raises(SloError, match="only the slowest"):
        refuse_undecidable(Objectives(compare=(Tolerance(95.0, 0.1, each="route"),)), plan)
    with pytest.raises(SloError, match="cannot be decided with 3 bursts"):
        refuse_undecidable(Objectives(compare=(Tolerance(50.0, 0.1),)), BurstsPlan(1, plan.load))


def test_a_tight_tolerance_on_a_high_percentile_is_advised_against() -> None:
    """p(99) varies too much between bursts for a tolerance of 10 %."""
    assert len(tolerance_advice((Tolerance(99.0, 0.1), Tolerance(99.0, 0.25), Tolerance(95.0, 0.1)))) == 1


def test_few_requests_are_advised_against() -> None:
    """The advice names the route, its requests and how many are enough; with enough there is none."""
    tolerance = Tolerance(95.0, 0.15, selector=CHECKOUT)

    assert size_advice([tolerance], _duet(needed_requests_beyond(ENOUGH_BEYOND, 95.0))) == []
    (line,) = size_advice([tolerance], _duet(60))
    assert "{route:checkout}" in line
    assert "60 requests of each version" in line
    assert f"{needed_requests_beyond(ENOUGH_BEYOND, 95.0)} are" in line
