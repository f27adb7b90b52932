"""Thresholds applied to one burst: to its own values, without intervals, as in k6."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kindgate.model import Verdict
from kindgate.slo.counts import measure
from kindgate.slo.judge import overall
from kindgate.slo.objectives import Objectives
from kindgate.slo.sample import BurstSample
from kindgate.slo.threshold import MetricType, Threshold
from kindgate.slo.validity import (
    PRESSURE,
    Fault,
    ValidityCheck,
    check_validity,
    closed_loop_checks,
    is_about_time,
    largest_lateness,
    missed_by_wrong_responses,
)

_ONLY_IF_SUSPECT = frozenset({Fault.OTHERS, Fault.CLOSED_LOOP})
"""Faults that are reported only if they leave a threshold open."""


@dataclass(frozen=True)
class SingleBurst:
    """The measured value of each threshold, the verdict, and the validity checks that it reports.

    A value is None without data, and counts as missed.
    """

    values: tuple[float | None, ...]
    verdict: Verdict
    reported: tuple[ValidityCheck, ...]


def judge_single_burst(
    thresholds: Sequence[Threshold], sample: BurstSample, *, allow_missing: bool = False, by_pressure: bool = False
) -> SingleBurst:
    """Judge one burst's own values by `thresholds`; no data counts as a miss.

    A broken validity check makes a threshold INVALID, unless it cannot explain why the threshold is met or missed.
    `by_pressure` is for servers outside our clusters (`kindgate.slo.validity`): CPU pressure then makes a missed time INVALID.
    """
    values = tuple(measure(threshold, [sample]) for threshold in thresholds)
    tightest = Objectives(thresholds=tuple(thresholds)).tightest_latency
    checks = (
        *closed_loop_checks([sample], thresholds),
        *check_validity([sample], tightest, allow_missing=allow_missing, by_pressure=by_pressure),
    )
    burst = _Burst(sample, tuple(check for check in checks if check.failed))
    suspects = [burst.suspect_checks(threshold, value) for threshold, value in zip(thresholds, values, strict=True)]
    reported = tuple(check for check in burst.broken if check.fault not in _ONLY_IF_SUSPECT or any(check in each for each in suspects))
    verdicts = [
        Verdict.INVALID if each else Verdict.PASS if is_met(threshold, value) else Verdict.FAIL
        for each, threshold, value in zip(suspects, thresholds, values, strict=True)
    ]
    verdict = overall(verdicts) if thresholds or not reported else Verdict.INVALID
    return SingleBurst(values, verdict, reported)


def is_met(threshold: Threshold, value: float | None) -> bool:
    """Whether a measured value meets a threshold; no value does not."""
    return value is not None and threshold.expression.holds(value)


@dataclass(frozen=True)
class _Burst:
    """The judged burst and the validity checks that it broke."""

    sample: BurstSample
    broken: tuple[ValidityCheck, ...]

    def suspect_checks(self, threshold: Threshold, value: float | None) -> list[ValidityCheck]:
        """The broken checks that leave open whether the server caused `value`."""
        missed = not is_met(threshold, value)
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
            case Fault.CLOSED_LOOP:
                return missed or not is_about_time(threshold)
            case Fault.MACHINE:
                return False


def _is_missed_anyway(threshold: Threshold, value: float | None, lateness: float) -> bool:
    """Whether the threshold is missed even if the generator added `lateness` milliseconds to `value`."""
    if value is None:
        return True
    added = lateness if threshold.selector.metric.type is MetricType.TREND else 0.0
    return not threshold.expression.holds(value) and not threshold.expression.holds(max(0.0, value - added))
