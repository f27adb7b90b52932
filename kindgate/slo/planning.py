"""Reject, before any load is sent, objectives that the planned bursts could not confirm however good the service is."""

from __future__ import annotations

import math
from dataclasses import replace

from kindgate.errors import SloError
from kindgate.slo.arrivals import planned_part
from kindgate.slo.comparison_planning import (
    refuse_few_pairs,
    refuse_small_figures,
    refuse_undecidable_comparison,
    refuse_unmatched_comparison,
)
from kindgate.slo.each import expanded
from kindgate.slo.intervals import UNSEEN_DESIGN_EFFECT, Proportion, effective_size
from kindgate.slo.objectives import Objectives
from kindgate.slo.planned_load import BurstsPlan, PlannedLoad
from kindgate.slo.rules import allowed_share, is_mean
from kindgate.slo.threshold import MetricType, Selector, Threshold


def refuse_unreachable(objectives: Objectives, plan: BurstsPlan) -> None:
    """Raise `SloError` for the first objective that could not be decided at the last look, stating the required size.

    In quick mode only impossible objectives are rejected, because only figures were requested.
    """
    plan.load.refuse_too_varied()
    for threshold in objectives.thresholds:
        refuse_impossible(threshold)
        size = 0 if plan.load.unknown else _planned(threshold, plan.load)
        if not plan.quick:
            _refuse_small(threshold, size, plan)
    refuse_undecidable_comparison(objectives.compare, plan)


def refuse_undecidable(objectives: Objectives, plan: BurstsPlan, *, shared: bool = False) -> None:
    """Raise `SloError` for an objective that `plan` could not decide, before the hosts are known.

    With a workload, `plan` has its routes and journeys, without host and version. Without one it has no tags: an objective may
    then cover every request. `shared`: two compared versions share each burst.
    """
    versions = 2 if shared else 1
    for threshold in objectives.thresholds:
        refuse_impossible(threshold)
        size = _undecided_size(threshold.selector, plan.load)
        if plan.load.has_tags:
            refuse_unmatched_tags(replace(threshold, selector=planned_part(threshold.selector)), plan.load)
        if not plan.quick:
            _refuse_small(threshold, size, plan)
    tolerances = expanded(objectives.compare, plan.load.carried) if plan.load.has_tags else objectives.compare
    for tolerance in tolerances:
        if plan.load.has_tags:
            refuse_unmatched_comparison(replace(tolerance, selector=planned_part(tolerance.selector)), plan.load)
        refuse_few_pairs(tolerance, plan, hypotheses=len(tolerances))
        if not plan.quick:
            refuse_small_figures(tolerance, _undecided_size(tolerance.selector, plan.load) // versions)


def _undecided_size(selector: Selector, load: PlannedLoad) -> int:
    """The most requests or journeys of a burst that a selector may cover, before hosts and versions are known."""
    return load.size(planned_part(selector)) if load.has_tags else sum(one.count for one in load.requests)


def refuse_unmatched_tags(threshold: Threshold, load: PlannedLoad) -> None:
    """Raise `SloError` for a threshold with tags that nothing in `load` carries: it would never have data."""
    if not load.unknown and not load.matching(threshold.selector):
        noun = threshold.selector.metric.noun
        raise _error(threshold, f"no planned {noun} has these tags", f"planned tags: {load.known_tags(threshold.selector)}")


def needed_requests(allowed: float, bursts: int, alpha: float) -> int:
    """Number of requests over all bursts that can confirm that fewer than `allowed` (a share) are bad.

    None of them may be bad then: with zero bad requests, the upper end of the interval is `1 - alpha ** (1 / n)` for an
    effective size of `n`. Raises `ValueError` for fewer than two bursts.
    """
    per_request = effective_size(1.0, bursts, UNSEEN_DESIGN_EFFECT, alpha)
    if not per_request:
        raise ValueError("one burst cannot confirm anything")
    return math.ceil(math.log(alpha) / math.log1p(-allowed) / per_request)


def refuse_impossible(threshold: Threshold) -> None:
    """Raise `SloError` for a threshold that no measurement can meet."""
    expression = threshold.expression
    if not math.isfinite(expression.limit):
        raise _error(threshold, f"a limit of {expression.limit} decides nothing", "use a finite number")
    # Times, shares and counts are never negative, and a share is never above 1.
    impossible = (expression.operator == "<" and expression.limit <= 0) or (expression.operator == "<=" and expression.limit < 0)
    if threshold.selector.metric.type is MetricType.RATE:
        impossible |= (expression.operator == ">" and expression.limit >= 1) or (expression.operator == ">=" and expression.limit > 1)
    if impossible:
        raise _error(threshold, "no measurement can meet it", "use a share between 0 and 1 for a rate, and a value above 0 for a time")


def _planned(threshold: Threshold, load: PlannedLoad) -> int:
    """The requests, or journeys, of one burst covered by the threshold; raises `SloError` if none are planned."""
    sent = PlannedLoad(tuple(one for one in load.requests if one.count), tuple(one for one in load.journeys if one.count))
    refuse_unmatched_tags(threshold, sent)
    return sent.size(threshold.selector)


def _refuse_small(threshold: Threshold, size: int, plan: BurstsPlan) -> None:
    allowed, bursts = allowed_share(threshold), plan.most_bursts
    if allowed is None and not is_mean(threshold):
        return
    if bursts < 2:
        raise _error(threshold, "one burst shows no spread between bursts", "plan at least 2 bursts, or use quick mode")
    if allowed is None or plan.load.unknown or Proportion.of([0] * bursts, [size] * bursts).upper(plan.alpha) < allowed:
        return
    needed, noun = needed_requests(allowed, bursts, plan.alpha), threshold.selector.metric.noun
    raise _error(
        threshold,
        f"it cannot pass even if no {noun} is too slow or fails: {size * bursts:,} {noun}s are planned, but {needed:,} are required",
        f"plan at least {math.ceil(needed / bursts):,} {noun}s in each of {bursts} bursts, with a longer duration or a higher rate",
    )


def _error(threshold: Threshold, problem: str, next_step: str) -> SloError:
    return SloError(f"{threshold.origin or 'objective'}: {threshold}: {problem}", next_step=next_step)
