"""Compare a pull request's version with its baseline, both measured in the same run.

Duet bursts are best: both versions serve at the same time and every request goes to either at random, so the machine
affects both alike. Bursts of one version each, in the order ABBA, are the fallback. The unit is
d = log(percentile of the pull request / percentile of the baseline) of a burst, tested with Wilcoxon's signed-rank test:
PASS if d is below log(1 + tolerance), otherwise FAIL if d is above 0, otherwise INCONCLUSIVE. A version that answers
only with redirects did not do its work, so it cannot PASS. A verdict of the interim looks must be confirmed
(`kindgate.slo.confirm`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kindgate.errors import SloError
from kindgate.figures import figure, percent
from kindgate.model import Verdict
from kindgate.slo.answers_verdict import AnswersResult
from kindgate.slo.counts import Times, planned_of, times_of
from kindgate.slo.explain import SCOPE, counted, validity_advice, validity_figures
from kindgate.slo.figure_size import ENOUGH_BEYOND, beyond, needed_requests_beyond
from kindgate.slo.judge import ALPHA, LOOKS, has_only_redirects, overall, redirects_explanation
from kindgate.slo.objectives import RESPONSE_TIMES, Tolerance
from kindgate.slo.sample import BurstSample
from kindgate.slo.statistics import hodges_lehmann, holm_rejected, p_greater, p_less, shift_interval
from kindgate.slo.threshold import Metric, MetricType, Selector
from kindgate.slo.usage import pooled_usage, usage_of
from kindgate.slo.validity import Fault, ValidityCheck, check_validity, comparison_validity, usage_check

BASE, HEAD = "base", "head"
"""Values of the tag `arm`: the baseline and the pull request."""

LARGEST_RATIO = math.log(1000)
"""The log-ratio for "no response": ranks only need it to be larger than any real one."""


@dataclass(frozen=True)
class ComparisonResult:
    """One tolerance. `base` and `head` are percentiles over all bursts in milliseconds, `None` without responses.

    `change` is the Hodges-Lehmann estimate of the slowdown of the pull request (0.1 is 10 %), with `interval`; `trend` holds
    the change of each pair of figures. `p_slower` is the p-value against "not slower at all", `p_within` against "slower
    than tolerated". If a confirmation round followed, `first` is the result of the looks, and all other fields describe
    only the round.
    """

    tolerance: Tolerance
    verdict: Verdict
    base: float | None
    head: float | None
    change: float | None
    interval: tuple[float, float] | None
    samples: int
    bursts: int
    p_slower: float
    p_within: float
    explanation: str
    trend: tuple[float, ...] = ()
    first: ComparisonResult | None = None

    @property
    def not_confirmed(self) -> bool:
        """Whether the looks decided it but the confirmation round did not agree."""
        return self.first is not None and self.verdict is Verdict.INCONCLUSIVE


@dataclass(frozen=True)
class Comparison:
    """All tolerances at one of the planned looks, or after the confirmation round if there was one; and the compared answers."""

    verdict: Verdict
    results: tuple[ComparisonResult, ...]
    validity: tuple[ValidityCheck, ...]
    look: int = 1
    looks: int = 1
    answers: tuple[AnswersResult, ...] = ()

    def with_answers(self, answers: Sequence[AnswersResult]) -> Comparison:
        """The comparison with the answers that were compared, whose verdicts count as those of its figures do."""
        compared = replace(self, answers=tuple(answers))
        return replace(compared, verdict=overall(verdict for verdict, _ in compared.explanations))

    @property
    def explanations(self) -> tuple[tuple[Verdict, str], ...]:
        """The verdict and the sentence of every figure and route; without answers that are only reported."""
        judged = ((answers.verdict, answers.explanation) for answers in self.answers if answers.verdict is not None)
        return (*((result.verdict, result.explanation) for result in self.results), *judged)

    @property
    def decided(self) -> bool:
        """Whether no further look can change the verdict."""
        return self.verdict is not Verdict.INCONCLUSIVE or self.look >= self.looks


@dataclass(frozen=True)
class RatioTest:
    """Outcome of Wilcoxon's tests on the log-ratios of one tolerance, ignoring validity checks and missing responses."""

    verdict: Verdict
    p_slower: float
    p_within: float


def compare(
    tolerances: Sequence[Tolerance], samples: Sequence[BurstSample], *, look: int = 1, looks: int = LOOKS, placement: str = ""
) -> Comparison:
    """The verdicts at look `look` of `looks`; the requests of `samples` carry the tag `arm`, `base` or `head`.

    `placement` describes how the two versions are placed differently; it is empty if they are placed alike.
    Raises `SloError` if there is nothing to compare.
    """
    if not tolerances:
        raise SloError("nothing to compare", next_step="add compare: {p(95): {max_regression: 10%}}")
    ratios = [log_ratios(tolerance, samples) for tolerance in tolerances]
    results, validity = results_of(tolerances, samples, ratios, judge_ratios(tolerances, ratios, looks), looks=looks, placement=placement)
    return Comparison(overall(result.verdict for result in results), results, validity, look, looks)


def results_of(
    tolerances: Sequence[Tolerance],
    samples: Sequence[BurstSample],
    ratios: Sequence[Sequence[float]],
    tests: Sequence[RatioTest],
    *,
    looks: int,
    placement: str,
) -> tuple[tuple[ComparisonResult, ...], tuple[ValidityCheck, ...]]:
    """Results of the `tests` on the log-ratios of `samples`, each at one of `looks` looks, and the validity checks applied."""
    bases = [_percentile(tolerance, samples, BASE) for tolerance in tolerances]
    limits = zip(tolerances, bases, strict=True)
    times = [base for one, base in limits if base is not None and one.selector.metric.type is MetricType.TREND]
    tightest = min(times, default=None)
    validity = (*comparison_validity(check_validity(samples, tightest)), _placement_check(placement))
    failed_checks = [check for check in validity if check.failed]
    results = tuple(
        _result(tolerance, samples, ratios[index], tests[index], base=bases[index], failed_checks=failed_checks, alpha=ALPHA / looks)
        for index, tolerance in enumerate(tolerances)
    )
    return results, validity


def judge_ratios(tolerances: Sequence[Tolerance], ratios: Sequence[Sequence[float]], looks: int = LOOKS) -> list[RatioTest]:
    """The decision rule for the log-ratios of each tolerance at one of `looks` looks; FAILs are corrected with Holm's method."""
    alpha = ALPHA / looks
    slower = [p_greater(values) for values in ratios]
    tests = []
    for tolerance, values, p_slower, is_slower in zip(tolerances, ratios, slower, holm_rejected(slower, alpha), strict=True):
        bound = math.log1p(tolerance.max_regression)
        p_within = p_less([value - bound for value in values])
        verdict = Verdict.PASS if p_within < alpha else Verdict.FAIL if is_slower else Verdict.INCONCLUSIVE
        tests.append(RatioTest(verdict, p_slower, p_within))
    return tests


def log_ratios(tolerance: Tolerance, samples: Sequence[BurstSample]) -> list[float]:
    """One log(head / base) for each burst that served both versions, or for each block of four ABBA bursts.

    An arm whose percentile falls among requests without a response counts as 1,000 times slower.
    """
    figures = [(_burst_figure(tolerance, sample, BASE), _burst_figure(tolerance, sample, HEAD)) for sample in samples]
    duet = [(base, head) for base, head in figures if base is not None and head is not None]
    if duet:
        return [_log_ratio(base, head) for base, head in duet]
    ratios = []
    for start in range(0, len(figures) - 3, 4):
        bases = [base for base, _ in figures[start : start + 4] if base is not None]
        heads = [head for _, head in figures[start : start + 4] if head is not None]
        if len(bases) == len(heads) == 2:
            ratios.append(sum(_log_ratio(base, head) for base, head in zip(bases, heads, strict=True)) / 2)
    return ratios


def explain_comparison(result: ComparisonResult, failed_checks: Sequence[ValidityCheck], *, lead: str = "", tail: str = "") -> str:
    """One readable sentence for a result; `failed_checks` led to INVALID, `lead` and `tail` come from a confirmation."""
    name, metric = result.tolerance.figure, result.tolerance.selector.metric
    of = "of" if result.tolerance.selector == RESPONSE_TIMES else "in"
    basis = f"{counted(result.samples, metric)} in {result.bursts} {'pair' if result.bursts == 1 else 'pairs'} of bursts"
    if not result.bursts and not failed_checks:
        body = "no bursts of both versions; no data counts as FAIL"
    elif failed_checks:
        body = f"{validity_figures(failed_checks)}, so {basis} say nothing about the two versions: {validity_advice(failed_checks)}"
    elif result.base is None:
        body = f"{name} {of} the baseline has no value because too many {metric.noun}s failed ({basis}), so it cannot be compared"
    else:
        head = f"has no value because too many {metric.noun}s failed" if result.head is None else f"= {_quantity(result.head, metric)}"
        body = f"{name} {of} the pull request {head}, baseline {_quantity(result.base, metric)}"
        body += f", {change_words(result.change or 0.0, metric)} ({_range(result)}, from {basis})"
        body += _conclusion(result)
        body += f", {_doubt(result)}" if result.verdict is Verdict.INCONCLUSIVE and not lead else ""
    return f"{result.verdict}: {lead}{body}{tail}; {SCOPE}."


def _doubt(result: ComparisonResult) -> str:
    """Why a comparison is inconclusive, with the remedy if its figures are too small."""
    tolerance, size = result.tolerance, result.samples / result.bursts / 2
    if tolerance.selector.metric.type is MetricType.USAGE:
        return "too close to call"
    if beyond(size, tolerance.quantile) >= ENOUGH_BEYOND:
        return "too close to call"
    enough = counted(needed_requests_beyond(ENOUGH_BEYOND, tolerance.quantile), tolerance.selector.metric)
    return f"too close to call with about {size:.0f} of each version in a pair, where {enough} usually suffice"


def change_words(change: float, metric: Metric) -> str:
    """A share in words, such as `4.5 % slower`."""
    return f"{percent(abs(change))} {metric.change_words[change < 0]}"


def _quantity(value: float, metric: Metric) -> str:
    return f"{figure(value)} {metric.unit}"


def _placement_check(difference: str) -> ValidityCheck:
    """A difference of 3 % between nodes makes a fifth of the comparisons of equal versions fail."""
    return ValidityCheck(
        "placement",
        ok=not difference,
        measured=f"uneven ({difference})" if difference else "even",
        required="both versions on the same nodes",
        advice="let the pods of both versions run anywhere, or use one worker: --kind-workers 1",
        fault=Fault.MACHINE,
    )


def _log_ratio(base: float, head: float) -> float:
    if math.isinf(base) or math.isinf(head):
        return LARGEST_RATIO * (math.isinf(head) - math.isinf(base))
    return math.log(head / base)


def _result(
    tolerance: Tolerance,
    samples: Sequence[BurstSample],
    ratios: Sequence[float],
    test: RatioTest,
    *,
    base: float | None,
    failed_checks: Sequence[ValidityCheck],
    alpha: float,
) -> ComparisonResult:
    redirected = _redirected_versions(tolerance, samples)
    failed_checks = [*failed_checks, *_unknown_usage(tolerance, samples)]
    verdict = Verdict.INCONCLUSIVE if test.verdict is Verdict.PASS and redirected else test.verdict
    if not ratios and not _unknown_usage(tolerance, samples):
        verdict = Verdict.FAIL
    elif failed_checks or base is None:
        verdict = Verdict.INVALID
    interval = shift_interval(ratios, alpha) if ratios else None
    result = ComparisonResult(
        tolerance=tolerance,
        verdict=verdict,
        base=base,
        head=_percentile(tolerance, samples, HEAD),
        change=math.expm1(hodges_lehmann(ratios)) if ratios else None,
        interval=(math.expm1(interval[0]), math.expm1(interval[1])) if interval else None,
        samples=sum(planned_of(_of_arm(tolerance, arm), sample) for sample in samples for arm in (BASE, HEAD)),
        bursts=len(ratios),
        p_slower=test.p_slower,
        p_within=test.p_within,
        explanation="",
        trend=tuple(map(math.expm1, ratios)),
    )
    if verdict is Verdict.INCONCLUSIVE and redirected:
        return replace(result, explanation=redirects_explanation(redirected))
    return replace(result, explanation=explain_comparison(result, failed_checks))


def _unknown_usage(tolerance: Tolerance, samples: Sequence[BurstSample]) -> list[ValidityCheck]:
    """The failed check of a comparison of resources that are not known for both versions in every burst."""
    if tolerance.selector.metric.type is not MetricType.USAGE:
        return []
    checks = [usage_check(_of_arm(tolerance, arm), _bursts_of(arm, samples)) for arm in (HEAD, BASE)]
    return [check for check in checks if check.failed][:1]


def _bursts_of(arm: str, samples: Sequence[BurstSample]) -> list[BurstSample]:
    """The bursts that a version served: each of a duet, half of those in turns."""
    return [sample for sample in samples if sample.matching({"arm": arm})]


def _redirected_versions(tolerance: Tolerance, samples: Sequence[BurstSample]) -> str:
    """The versions that answered only with redirects, as a phrase; empty if none."""
    versions = ((BASE, "the baseline"), (HEAD, "the pull request"))
    return " and ".join(name for arm, name in versions if has_only_redirects(_of_arm(tolerance, arm), samples))


def _of_arm(tolerance: Tolerance, arm: str) -> Selector:
    return tolerance.selector.with_tag("arm", arm)


def _burst_figure(tolerance: Tolerance, sample: BurstSample, arm: str) -> float | None:
    """The percentile of one arm of a burst in milliseconds, infinite among lost requests; `None` without requests."""
    if tolerance.selector.metric.type is MetricType.USAGE:
        return usage_of(_of_arm(tolerance, arm), sample) or None
    times = times_of(_of_arm(tolerance, arm), sample)
    return times.percentile(tolerance.quantile) if times.size else None


def _percentile(tolerance: Tolerance, samples: Sequence[BurstSample], arm: str) -> float | None:
    """The percentile of one arm over all bursts in milliseconds; `None` if it has no value."""
    if tolerance.selector.metric.type is MetricType.USAGE:
        return pooled_usage(_of_arm(tolerance, arm), _bursts_of(arm, samples))
    times = Times.merged(times_of(_of_arm(tolerance, arm), sample) for sample in samples)
    value = times.percentile(tolerance.quantile) if times.size else math.inf
    return None if math.isinf(value) else value


def _conclusion(result: ComparisonResult) -> str:
    """The conclusion from the interval; a FAIL can have an estimate within the tolerance."""
    most, (more, _) = percent(result.tolerance.max_regression), result.tolerance.selector.metric.change_words
    if result.verdict is Verdict.FAIL:
        return f": it is certainly {more} and was not shown to be within the tolerated {most}"
    return f"; at most {most} {more} is tolerated"


def _range(result: ComparisonResult) -> str:
    if result.interval is None:
        return "too little data for an interval"
    metric = result.tolerance.selector.metric
    return f"interval {change_words(result.interval[0], metric)} to {change_words(result.interval[1], metric)}"
