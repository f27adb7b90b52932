"""Judge thresholds from bursts: PASS, FAIL, INCONCLUSIVE, or INVALID if the generator or the machine was at fault.

Bursts are evaluated at up to three planned interim looks of equal size, each with a third of the 5 % error per side. A run
passes if all thresholds pass, which needs no correction; it fails if any fails, so FAILs are corrected with Holm's method.
Redirects alone never pass: they succeed although the application did not do the work to be judged.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kindgate.errors import SloError
from kindgate.model import Verdict
from kindgate.slo.abort import should_abort
from kindgate.slo.counts import measure, requests_of
from kindgate.slo.explain import explain, explain_drift
from kindgate.slo.intervals import Finding
from kindgate.slo.judgement import Judgement, ThresholdResult
from kindgate.slo.objectives import Objectives
from kindgate.slo.rules import evaluate_rule
from kindgate.slo.sample import BurstSample
from kindgate.slo.statistics import drift, holm_rejected
from kindgate.slo.threshold import MetricType, Selector, Threshold
from kindgate.slo.validity import (
    Fault,
    ValidityCheck,
    check_validity,
    closed_loop_checks,
    holds_despite_closed_loop,
    holds_despite_foreign_load,
    largest_lateness,
    usage_check,
)

ALPHA = 0.05
"""Error rate of a run per side, over all looks."""

LOOKS = 3
"""Planned interim looks: at K, 2K and 3K bursts."""


def judge(
    objectives: Objectives, samples: Sequence[BurstSample], *, look: int = 1, looks: int = LOOKS, allow_missing: bool = False
) -> Judgement:
    """The verdicts at look `look` of `looks`, from all bursts so far, in chronological order.

    With a single burst only facts are decided. `allow_missing` accepts load lost with its generator. Raises `SloError` if
    there is no threshold.
    """
    thresholds = objectives.thresholds
    if not thresholds:
        raise SloError("no threshold to judge", next_step="add one under thresholds: or in @pytest.mark.slo")
    alpha, lateness = ALPHA / looks, largest_lateness(samples)
    findings = [evaluate_rule(threshold, samples, alpha, lateness) for threshold in thresholds]
    verdicts, hypotheses = _corrected(findings, alpha)
    checks = check_validity(samples, objectives.tightest_latency, allow_missing=allow_missing)
    validity = (*closed_loop_checks(samples, thresholds), *checks)  # a reason that stays on any machine comes first
    failed_checks = [check for check in validity if check.failed]
    results = tuple(
        _with_validity(_StatisticalVerdict(threshold, finding, verdict, hypotheses), samples, failed_checks, alpha)
        for threshold, finding, verdict in zip(thresholds, findings, verdicts, strict=True)
    )
    abort = any(should_abort(result.threshold, result.verdict, samples) for result in results)
    return Judgement(overall(result.verdict for result in results), results, validity, look, looks, abort)


def overall(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of a run: the worst of its thresholds' verdicts."""
    order = (Verdict.FAIL, Verdict.INVALID, Verdict.INCONCLUSIVE, Verdict.PASS)
    return min(verdicts, key=order.index, default=Verdict.PASS)


def combined(judgements: Sequence[Judgement]) -> Judgement:
    """Several judgements of different bursts as one; there must be at least one."""
    last = max(judgements, key=lambda one: one.look)
    return Judgement(
        overall(one.verdict for one in judgements),
        tuple(result for one in judgements for result in one.results),
        tuple(check for one in judgements for check in one.validity),
        last.look,
        last.looks,
        any(one.abort for one in judgements),
    )


def has_only_redirects(selector: Selector, samples: Sequence[BurstSample]) -> bool:
    """Whether every successful request that the metric describes got only a redirect that was not followed."""
    matching = [series for sample in samples for series in requests_of(selector, sample)]
    succeeded = sum(series.response.count for series in matching)
    return succeeded > 0 and sum(series.redirects for series in matching) >= succeeded


def redirects_explanation(version: str = "") -> str:
    """Why the verdict is not PASS, and how to fix it; `version` names the affected version of a comparison."""
    owner = f" of {version}" if version else ""
    return (
        f"{Verdict.INCONCLUSIVE}: every response{owner} was a redirect (3xx), which is not followed, so the application itself was not "
        "measured; use a path that it answers itself, or request it over https if it redirects there."
    )


@dataclass(frozen=True)
class _StatisticalVerdict:
    """Statistical outcome of a threshold judged among `hypotheses` objectives, ignoring the validity checks."""

    threshold: Threshold
    finding: Finding
    verdict: Verdict
    hypotheses: int

    def holds_despite(self, check: ValidityCheck, samples: Sequence[BurstSample], alpha: float) -> bool:
        """Whether the failed check cannot explain the verdict."""
        match check.fault:
            case Fault.GENERATOR:
                return self.verdict is Verdict.FAIL and self.finding.robust_fail
            case Fault.OTHERS:
                return holds_despite_foreign_load(self.threshold, self.verdict, samples, alpha)
            case Fault.CLOSED_LOOP:
                return holds_despite_closed_loop(self.threshold, self.verdict)
            case Fault.MACHINE:
                return False


def _corrected(findings: Sequence[Finding], alpha: float) -> tuple[list[Verdict], int]:
    """The verdicts after Holm's correction of the FAILs, and the number of thresholds corrected for."""
    tested = [finding.p_value for finding in findings if finding.p_value is not None]
    rejected = iter(holm_rejected(tested, alpha))
    verdicts = []
    for finding in findings:
        is_kept = finding.p_value is None or next(rejected)
        verdicts.append(finding.verdict if is_kept or finding.verdict is not Verdict.FAIL else Verdict.INCONCLUSIVE)
    return verdicts, len(tested)


def _with_validity(
    decided: _StatisticalVerdict, samples: Sequence[BurstSample], failed_checks: Sequence[ValidityCheck], alpha: float
) -> ThresholdResult:
    """The result, INVALID if a failed check might explain it."""
    threshold, finding = decided.threshold, decided.finding
    blamed = [check for check in failed_checks if not decided.holds_despite(check, samples, alpha)]
    if threshold.selector.metric.type is MetricType.USAGE:
        blamed += [check for check in (usage_check(threshold.selector, samples),) if check.failed]
    verdict = Verdict.INVALID if blamed else _demote_redirect_pass(decided.verdict, samples, threshold.selector)
    trend = tuple(_finite(measure(threshold, [sample])) for sample in samples)
    return ThresholdResult(
        threshold=threshold,
        verdict=verdict,
        measured=_finite(finding.measured),
        unit=threshold.selector.metric.unit,
        limit=threshold.expression.limit,
        interval=finding.interval,
        samples=finding.samples,
        bursts=finding.bursts,
        p_value=finding.p_value,
        explanation=_explanation(decided, verdict, samples, blamed),
        trend=trend,
        drift=explain_drift(threshold, drift(trend)),
    )


def _demote_redirect_pass(verdict: Verdict, samples: Sequence[BurstSample], selector: Selector) -> Verdict:
    """Turn a PASS based only on redirects into INCONCLUSIVE: they show that something responds, not that the application works."""
    return Verdict.INCONCLUSIVE if verdict is Verdict.PASS and has_only_redirects(selector, samples) else verdict


def _explanation(decided: _StatisticalVerdict, verdict: Verdict, samples: Sequence[BurstSample], blamed: Sequence[ValidityCheck]) -> str:
    if verdict is Verdict.INCONCLUSIVE and has_only_redirects(decided.threshold.selector, samples):
        return redirects_explanation()
    return explain(decided.threshold, verdict, decided.finding, blamed, decided.hypotheses)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
