"""Thresholds held against one burst: its own values, with no interval, as k6 does it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from kindgate.load.document import ThresholdOutcome
from kindgate.load.plan import BurstPlan
from kindgate.load.result import BurstResult
from kindgate.model import Verdict
from kindgate.pipeline.judging import planned_series
from kindgate.pipeline.samples import burst_sample
from kindgate.slo.gates import check_gates, largest_lateness
from kindgate.slo.grammar import parse_marker
from kindgate.slo.measure import measure
from kindgate.slo.objectives import Objectives
from kindgate.slo.planning import refuse_impossible, refuse_uncarried
from kindgate.slo.threshold import MetricType, Threshold


@dataclass(frozen=True)
class Judged:
    """Each threshold's outcome, the verdict over all, and why it is not PASS."""

    outcomes: tuple[ThresholdOutcome, ...]
    verdict: Verdict
    reasons: tuple[str, ...]

    @property
    def document_verdict(self) -> Literal["PASS", "FAIL", "INVALID"] | None:
        """The verdict as the JSON document has it; none where no threshold was given."""
        if not self.outcomes:
            return None
        words: dict[Verdict, Literal["PASS", "FAIL", "INVALID"]] = {Verdict.FAIL: "FAIL", Verdict.INVALID: "INVALID"}
        return words.get(self.verdict, "PASS")

    @property
    def by_selector(self) -> dict[str, dict[str, bool]]:
        """Selectors to expressions, and whether they hold."""
        found: dict[str, dict[str, bool]] = {}
        for outcome in self.outcomes:
            selector, _, expression = outcome.threshold.rpartition(": ")
            found.setdefault(selector, {})[expression] = outcome.ok
        return found


def parse_thresholds(texts: Sequence[str], origin: str = "--threshold") -> tuple[Threshold, ...]:
    """The thresholds of repeated options, or of a file; `origin` is what errors call the place.

    Raises `SloError` that points at the bad part, and for a threshold that no measurement can meet.
    """
    thresholds = parse_marker(tuple(texts), origin) if texts else ()
    for threshold in thresholds:
        refuse_impossible(threshold)
    return thresholds


def refuse_uncarried_tags(thresholds: Sequence[Threshold], plan: BurstPlan) -> None:
    """Raises `SloError` for a threshold with tags that no request of the plan carries, before any is sent."""
    series = planned_series(plan)
    for threshold in thresholds:
        refuse_uncarried(threshold, series)


def held_against(thresholds: Sequence[Threshold], result: BurstResult, *, allow_missing: bool = False) -> Judged:
    """Whether this burst's own values meet `thresholds`; no data fails.

    Where a gate is broken nothing passes, and only a miss that the generator's lateness cannot explain is a FAIL.
    """
    sample = burst_sample(result)
    values = [measure(threshold, [sample]) for threshold in thresholds]
    outcomes = tuple(_outcome(threshold, value) for threshold, value in zip(thresholds, values, strict=True))
    missed = tuple(f"{outcome.threshold} is not met: {_value(outcome)}" for outcome in outcomes if not outcome.ok)
    gates = check_gates([sample], Objectives(thresholds=tuple(thresholds)).tightest_latency, allow_missing=allow_missing)
    broken = [gate for gate in gates if gate.broken]
    reasons = (*(f"{gate.name}: {gate.measured}; {gate.advice}" for gate in broken), *missed)
    lateness = largest_lateness([sample]) / 1000
    stands = all(gate.generator for gate in broken) and any(
        _is_missed_anyway(threshold, value, lateness) for threshold, value in zip(thresholds, values, strict=True)
    )
    if broken and not stands:
        return Judged(outcomes, Verdict.INVALID, reasons)
    return Judged(outcomes, Verdict.FAIL if missed else Verdict.PASS, reasons)


def _is_missed_anyway(threshold: Threshold, value: float | None, lateness: float) -> bool:
    """Whether the threshold is missed even if the generator added `lateness` milliseconds to the value."""
    if value is None:
        return True
    added = lateness if threshold.selector.metric.type is MetricType.TREND else 0.0
    return not threshold.expression.holds(value) and not threshold.expression.holds(max(0.0, value - added))


def _outcome(threshold: Threshold, value: float | None) -> ThresholdOutcome:
    holds = value is not None and threshold.expression.holds(value)
    return ThresholdOutcome(
        f"{threshold.selector}: {threshold.expression}", holds, value if value is not None and math.isfinite(value) else None
    )


def _value(outcome: ThresholdOutcome) -> str:
    return "no data, or among failed requests" if outcome.value is None else f"{outcome.value:g}"
