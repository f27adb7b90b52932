"""Reject, before any load is sent, objectives that the planned bursts could not confirm however good the service is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kindgate.errors import SloError
from kindgate.slo.intervals import UNSEEN_DESIGN_EFFECT, Proportion, effective_size
from kindgate.slo.judge import ALPHA, LOOKS
from kindgate.slo.objectives import Objectives, Tolerance
from kindgate.slo.rules import allowed_share, is_mean
from kindgate.slo.threshold import MetricType, Threshold


@dataclass(frozen=True)
class PlannedSeries:
    """Planned requests of one burst with these tags (`host`, `route`, `arm`, `method`)."""

    tags: Mapping[str, str]
    requests: int


@dataclass(frozen=True)
class BurstsPlan:
    """`bursts` per look, `looks` looks, each burst made of `series`. One burst in one look is quick mode."""

    bursts: int
    series: tuple[PlannedSeries, ...]
    looks: int = LOOKS

    @property
    def alpha(self) -> float:
        """Error rate of each look per side."""
        return ALPHA / self.looks

    @property
    def most_bursts(self) -> int:
        """Number of bursts up to the last look."""
        return self.bursts * self.looks

    @property
    def quick(self) -> bool:
        """Whether there is only one burst, which decides nothing but facts."""
        return self.most_bursts == 1


def refuse_unreachable(objectives: Objectives, plan: BurstsPlan) -> None:
    """Raise `SloError` for the first objective that could not pass at the last look, stating the required size.

    In quick mode only impossible objectives are rejected, because only figures were requested.
    """
    for threshold in objectives.thresholds:
        refuse_impossible(threshold)
        size = _planned(threshold, plan)
        if not plan.quick:
            _refuse_small(threshold, size, plan)
    for tolerance in objectives.compare:
        _refuse_few_bursts(tolerance, plan, hypotheses=len(objectives.compare))


def refuse_undecidable(objectives: Objectives, plan: BurstsPlan) -> None:
    """Raise `SloError` for an objective that could not pass even if it covered every request of `plan`.

    Usable before the hosts are known.
    """
    for threshold in objectives.thresholds:
        refuse_impossible(threshold)
        if not plan.quick:
            _refuse_small(threshold, sum(series.requests for series in plan.series), plan)
    for tolerance in objectives.compare:
        _refuse_few_bursts(tolerance, plan, hypotheses=len(objectives.compare))


def refuse_unmatched_tags(threshold: Threshold, series: Sequence[PlannedSeries]) -> None:
    """Raise `SloError` for a threshold with tags that no request of `series` carries: it would never have data."""
    if not _matching(threshold, series):
        known = sorted({f"{key}:{value}" for planned in series for key, value in planned.tags.items() if value})
        raise _error(threshold, "no planned request has these tags", f"planned tags: {', '.join(known) or 'none'}")


def needed_requests(allowed: float, bursts: int, alpha: float) -> int:
    """Number of requests over all bursts that can confirm that fewer than `allowed` (a share) are bad.

    None of them may be bad then: with zero bad requests, the upper end of the interval is `1 - alpha ** (1 / n)` for an
    effective size of `n`. Raises `ValueError` for fewer than two bursts.
    """
    per_request = effective_size(1.0, bursts, UNSEEN_DESIGN_EFFECT, alpha)
    if not per_request:
        raise ValueError("one burst cannot confirm anything")
    return math.ceil(math.log(alpha) / math.log1p(-allowed) / per_request)


def needed_pairs(alpha: float) -> int:
    """Number of pairs that Wilcoxon's signed-rank test needs to get below `alpha`: its smallest p is 2^-n."""
    return math.floor(-math.log2(alpha)) + 1


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


def _planned(threshold: Threshold, plan: BurstsPlan) -> int:
    """The requests of one burst covered by the threshold; raises `SloError` if the plan has none."""
    sent = [series for series in plan.series if series.requests]
    refuse_unmatched_tags(threshold, sent)
    return sum(series.requests for series in _matching(threshold, sent))


def _matching(threshold: Threshold, series: Sequence[PlannedSeries]) -> list[PlannedSeries]:
    tags = {key: value for key, value in threshold.selector.tags if key != "kind"}
    return [planned for planned in series if all(planned.tags.get(key) == value for key, value in tags.items())]


def _refuse_small(threshold: Threshold, size: int, plan: BurstsPlan) -> None:
    allowed, bursts = allowed_share(threshold), plan.most_bursts
    if allowed is None and not is_mean(threshold):
        return
    if bursts < 2:
        raise _error(threshold, "one burst shows no spread between bursts", "plan at least 2 bursts, or use quick mode")
    if allowed is None or Proportion.of([0] * bursts, [size] * bursts).upper(plan.alpha) < allowed:
        return
    needed = needed_requests(allowed, bursts, plan.alpha)
    raise _error(
        threshold,
        f"it cannot pass even if no request is too slow or fails: {size * bursts:,} requests are planned, but {needed:,} are required",
        f"plan at least {math.ceil(needed / bursts):,} requests in each of {bursts} bursts, with a longer duration or a higher rate",
    )


def _refuse_few_bursts(tolerance: Tolerance, plan: BurstsPlan, hypotheses: int) -> None:
    """Reject a tolerance that could pass but never fail: the more `hypotheses`, the smaller the p that Holm's method requires."""
    needed = needed_pairs(plan.alpha / hypotheses)
    if plan.most_bursts < needed and not plan.quick:
        raise SloError(
            f"{tolerance.origin or 'compare'}: {tolerance} cannot be decided with {plan.most_bursts} bursts",
            next_step=f"plan at least {math.ceil(needed / plan.looks)} bursts per look",
        )


def _error(threshold: Threshold, problem: str, next_step: str) -> SloError:
    return SloError(f"{threshold.origin or 'objective'}: {threshold}: {problem}", next_step=next_step)


def advice(objectives: Objectives) -> Sequence[str]:
    """Hints about tolerances that are hard to decide; never rejects anything."""
    return [
        f"{tolerance}: percentiles this high vary by 30 % between bursts; a tolerance of 25 % or more is decided far more often"
        for tolerance in objectives.compare
        if tolerance.quantile >= 99 and tolerance.max_regression < 0.25
    ]
