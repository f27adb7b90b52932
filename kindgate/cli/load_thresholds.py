"""Thresholds applied to one burst: to its own values, without intervals, as in k6."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from kindgate.load.burst_document import ThresholdOutcome
from kindgate.load.plan import BurstPlan
from kindgate.load.result import BurstResult
from kindgate.model import Verdict
from kindgate.pipeline.burst_samples import burst_sample
from kindgate.pipeline.evaluation import planned_load
from kindgate.slo.grammar import parse_marker
from kindgate.slo.planning import refuse_impossible, refuse_unmatched_tags
from kindgate.slo.single_burst import is_met, judge_single_burst
from kindgate.slo.threshold import Threshold


@dataclass(frozen=True)
class BurstVerdict:
    """Each threshold's outcome, the overall verdict, and the reasons if it is not PASS."""

    outcomes: tuple[ThresholdOutcome, ...]
    verdict: Verdict
    reasons: tuple[str, ...]

    @property
    def document_verdict(self) -> Literal["PASS", "FAIL", "INVALID"] | None:
        """The verdict for the JSON document; None without thresholds."""
        if not self.outcomes:
            return None
        words: dict[Verdict, Literal["PASS", "FAIL", "INVALID"]] = {Verdict.FAIL: "FAIL", Verdict.INVALID: "INVALID"}
        return words.get(self.verdict, "PASS")

    @property
    def by_selector(self) -> dict[str, dict[str, bool]]:
        """Whether each expression holds, by selector and expression."""
        results: dict[str, dict[str, bool]] = {}
        for outcome in self.outcomes:
            selector, _, expression = outcome.threshold.rpartition(": ")
            results.setdefault(selector, {})[expression] = outcome.ok
        return results


def parse_thresholds(texts: Sequence[str], origin: str = "--threshold") -> tuple[Threshold, ...]:
    """Parse the thresholds of repeated options, or of a file; errors name `origin` as their place.

    Raises `SloError` that points at the invalid part, and for a threshold that no measurement can meet.
    """
    thresholds = parse_marker(tuple(texts), origin) if texts else ()
    for threshold in thresholds:
        refuse_impossible(threshold)
    return thresholds


def refuse_uncarried_tags(thresholds: Sequence[Threshold], plan: BurstPlan) -> None:
    """Raise `SloError` if no request of the plan carries a threshold's tags, before any is sent."""
    load = planned_load(plan)
    for threshold in thresholds:
        refuse_unmatched_tags(threshold, load)


def judge_burst(
    thresholds: Sequence[Threshold], result: BurstResult, *, allow_missing: bool = False, by_pressure: bool = False
) -> BurstVerdict:
    """Judge this burst's own values by `thresholds`; parameters as in `judge_single_burst`."""
    judged = judge_single_burst(thresholds, burst_sample(result), allow_missing=allow_missing, by_pressure=by_pressure)
    outcomes = tuple(_outcome(threshold, value) for threshold, value in zip(thresholds, judged.values, strict=True))
    missed = tuple(f"{outcome.threshold} was not met: {_value(outcome)}" for outcome in outcomes if not outcome.ok)
    return BurstVerdict(
        outcomes, judged.verdict, (*(f"{check.name}: {check.measured}; {check.advice}" for check in judged.reported), *missed)
    )


def _outcome(threshold: Threshold, value: float | None) -> ThresholdOutcome:
    known = value if value is not None and math.isfinite(value) else None
    return ThresholdOutcome(f"{threshold.selector}: {threshold.expression}", is_met(threshold, value), known)


def _value(outcome: ThresholdOutcome) -> str:
    return "no value: no data, or too many failed requests" if outcome.value is None else f"{outcome.value:g}"
