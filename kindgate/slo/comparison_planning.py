"""Reject, before any load is sent, comparisons that the planned bursts could not decide, and advise on hard ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from kindgate.errors import SloError
from kindgate.slo.compare import HEAD
from kindgate.slo.explain import counted
from kindgate.slo.figure_size import ENOUGH_BEYOND, LEAST_BEYOND, beyond, needed_requests_beyond
from kindgate.slo.objectives import Tolerance
from kindgate.slo.planned_load import BurstsPlan, PlannedLoad


def refuse_undecidable_comparison(tolerances: Sequence[Tolerance], plan: BurstsPlan) -> None:
    """Raise `SloError` for the first of `tolerances` that could pass but never fail, or whose figures would be too small.

    The tags are those of a comparison's bursts, with the tag `arm`. Quick mode decides nothing, so only tags are checked.
    """
    for tolerance in tolerances:
        refuse_unmatched_comparison(tolerance, plan.load)
        if not plan.quick:
            refuse_few_pairs(tolerance, plan, hypotheses=len(tolerances))
            _Figure.planned(tolerance, plan.load).refuse_if_too_small()


def refuse_unmatched_comparison(tolerance: Tolerance, load: PlannedLoad) -> None:
    """Raise `SloError` for a tolerance with tags that nothing in `load` carries."""
    if not load.matching(tolerance.selector):
        noun = tolerance.selector.metric.noun
        raise _error(tolerance, f"no planned {noun} has these tags", f"planned tags: {load.known_tags(tolerance.selector)}")


def refuse_few_pairs(tolerance: Tolerance, plan: BurstsPlan, hypotheses: int) -> None:
    """Reject a tolerance that could pass but never fail: the more `hypotheses`, the smaller the p that Holm's method requires."""
    needed = needed_pairs(plan.alpha / hypotheses)
    if plan.most_bursts < needed and not plan.quick:
        several = f"; {hypotheses} figures are compared" if hypotheses > 1 else ""
        raise _error(
            tolerance,
            f"cannot be decided with {plan.most_bursts} bursts{several}",
            f"plan at least {math.ceil(needed / plan.looks)} bursts per look",
        )


def needed_pairs(alpha: float) -> int:
    """Number of pairs that Wilcoxon's signed-rank test needs to get below `alpha`: its smallest p is 2^-n."""
    return math.floor(-math.log2(alpha)) + 1


def refuse_small_figures(tolerance: Tolerance, requests: int) -> None:
    """Raise `SloError` if `requests`, the most that each version can get in a burst, are too few for the percentile."""
    _Figure(tolerance, requests).refuse_if_too_small()


def tolerance_advice(tolerances: Sequence[Tolerance]) -> Sequence[str]:
    """Hints about tolerances that are hard to decide with any load; never rejects anything."""
    return [
        f"{tolerance}: percentiles this high vary by 30 % between bursts; a tolerance of 25 % or more is decided far more often"
        for tolerance in tolerances
        if tolerance.quantile >= 99 and tolerance.max_regression < 0.25
    ]


def size_advice(tolerances: Sequence[Tolerance], load: PlannedLoad) -> Sequence[str]:
    """Hints about tolerances whose figures are small in a burst of `load`; never rejects anything."""
    figures = (_Figure.planned(tolerance, load) for tolerance in tolerances)
    return [figure.advice for figure in figures if beyond(figure.requests, figure.tolerance.quantile) < ENOUGH_BEYOND]


@dataclass(frozen=True)
class _Figure:
    """One compared percentile: `requests` of each version in one burst determine it."""

    tolerance: Tolerance
    requests: int

    @classmethod
    def planned(cls, tolerance: Tolerance, load: PlannedLoad) -> _Figure:
        return cls(tolerance, load.size(tolerance.selector.with_tag("arm", HEAD)))

    @property
    def size(self) -> str:
        return f"{counted(self.requests, self.tolerance.selector.metric)} of each version in a burst"

    def refuse_if_too_small(self) -> None:
        needed = needed_requests_beyond(LEAST_BEYOND, self.tolerance.quantile)
        if self.requests < needed:
            raise _error(
                self.tolerance,
                f"with {self.size}, the percentile is only the slowest one: {needed:,} are required",
                "raise its weight, the rate or the duration of the bursts, or compare a lower percentile such as med",
            )

    @property
    def advice(self) -> str:
        needed = needed_requests_beyond(ENOUGH_BEYOND, self.tolerance.quantile)
        return f"{self.tolerance}: {self.size} may leave it undecided; {needed:,} are usually enough"


def _error(tolerance: Tolerance, problem: str, next_step: str) -> SloError:
    return SloError(f"{tolerance.origin or 'compare'}: {tolerance}: {problem}", next_step=next_step)
