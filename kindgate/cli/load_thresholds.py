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
from kindgate.pipeline.evaluation import planned_series
from kindgate.slo.counts import measure
from kindgate.slo.grammar import parse_marker
from kindgate.slo.judge import overall
from kindgate.slo.objectives import Objectives
from kindgate.slo.planning import refuse_impossible, refuse_unmatched_tags
from kindgate.slo.sample import BurstSample
from kindgate.slo.threshold import MetricType, Threshold
from kindgate.slo.validity import PRESSURE, Fault, ValidityCheck, check_validity, is_about_time, largest_lateness, missed_by_wrong_responses


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
    series = planned_series(plan)
    for threshold in thresholds:
        refuse_unmatched_tags(threshold, series)


def judge_burst(
    thresholds: Sequence[Threshold], result: BurstResult, *, allow_missing: bool = False, by_pressure: bool = False
) -> BurstVerdict:
    """Judge this burst's own values by `thresholds`; no data counts as a miss.

    A broken validity check makes a threshold INVALID, unless it cannot explain why the threshold is met or missed.
    `by_pressure` is for servers outside our clusters (`kindgate.slo.validity`): CPU pressure then makes a missed time INVALID.
    """
    sample = burst_sample(result)
    values = [measure(threshold, [sample]) for threshold in thresholds]
    outcomes = tuple(_outcome(threshold, value) for threshold, value in zip(thresholds, values, strict=True))
    missed = tuple(f"{outcome.threshold} was not met: {_value(outcome)}" for outcome in outcomes if not outcome.ok)
    tightest = Objectives(thresholds=tuple(thresholds)).tightest_latency
    checks = check_validity([sample], tightest, allow_missing=allow_missing, by_pressure=by_pressure)
    burst = _Burst(sample, tuple(check for check in checks if check.failed))
    suspects = [burst.suspect_checks(threshold, value) for threshold, value in zip(thresholds, values, strict=True)]
    reported = [check for check in burst.broken if check.fault is not Fault.OTHERS or any(check in each for each in suspects)]
    verdicts = [
        Verdict.INVALID if each else Verdict.PASS if outcome.ok else Verdict.FAIL for each, outcome in zip(suspects, outcomes, strict=True)
    ]
    verdict = overall(verdicts) if thresholds or not reported else Verdict.INVALID
    return BurstVerdict(outcomes, verdict, (*(f"{check.name}: {check.measured}; {check.advice}" for check in reported), *missed))


@dataclass(frozen=True)
class _Burst:
    """The judged burst and the validity checks that it broke."""

    sample: BurstSample
    broken: tuple[ValidityCheck, ...]

    def suspect_checks(self, threshold: Threshold, value: float | None) -> list[ValidityCheck]:
        """The broken checks that leave open whether the server caused `value`."""
        missed = value is None or not threshold.expression.holds(value)
        return [check for check in self.broken if not self._cannot_explain(check, threshold, value, missed=missed)]

    def _cannot_explain(self, check: ValidityCheck, threshold: Threshold, value: float | None, *, missed: bool) -> bool:
        """Whether the broken check cannot explain why the threshold is met or missed."""
        match check.fault:
            case Fault.GENERATOR:
                return _is_missed_anyway(threshold, value, largest_lateness([self.sample]) / 1000)
            case Fault.OTHERS if check.name == PRESSURE and not (missed and is_about_time(threshold)):
                return True
            case Fault.OTHERS:
                return missed_by_wrong_responses(threshold, [self.sample]) if missed else not is_about_time(threshold)
            case Fault.MACHINE:
                return False


def _is_missed_anyway(threshold: Threshold, value: float | None, lateness: float) -> bool:
    """Whether the threshold is missed even if the generator added `lateness` milliseconds to `value`."""
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
    return "no value: no data, or too many failed requests" if outcome.value is None else f"{outcome.value:g}"
