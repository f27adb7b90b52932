"""The confirmation round: verdicts of the interim looks at two versions are tested again, on new bursts only.

Neighboring bursts are correlated, and for minutes one of two equal deployments can be favored: a test that assumes
independent bursts then calls equal versions different. A PASS or FAIL is therefore final only if a second series of bursts,
sent after the two versions have swapped places, gives the same verdict by the same test at one look. Otherwise the
verdict is INCONCLUSIVE.

The round's estimate is the one reported: the first one is biased, because the looks end where it is large enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kindgate.model import Verdict
from kindgate.slo.compare import (
    Comparison,
    ComparisonResult,
    RatioTest,
    change_words,
    explain_comparison,
    judge_ratios,
    log_ratios,
    results_of,
)
from kindgate.slo.judge import overall
from kindgate.slo.objectives import Tolerance
from kindgate.slo.sample import BurstSample
from kindgate.slo.validity import ValidityCheck

LEAST_PAIRS = 20
"""Minimum number of pairs per round, however few a look has: the error rates in `docs/slo.md` assume this many."""

DECIDED = frozenset({Verdict.PASS, Verdict.FAIL})


def round_pairs(per_look: int) -> int:
    """Number of pairs in a round: as many as a look has, for the same power, and at least 20."""
    return max(LEAST_PAIRS, per_look)


def needs_confirmation(comparison: Comparison) -> bool:
    """Whether the looks have ended with a verdict to confirm; the FAIL of a version without data needs no confirmation."""
    return comparison.decided and any(_decided(result) for result in comparison.results)


def confirm(comparison: Comparison, samples: Sequence[BurstSample], placement: str = "") -> Comparison:
    """`comparison` after its confirmation round with the bursts `samples`; `placement` as for `compare`.

    Each objective decided by the looks is judged only from the round; undecided ones stay undecided. A round without valid
    measurements makes the objectives that it should confirm INVALID.
    """
    firsts = [result for result in comparison.results if _decided(result)]
    tolerances = [first.tolerance for first in firsts]
    ratios = [log_ratios(tolerance, samples) for tolerance in tolerances]
    tests = judge_round([first.verdict for first in firsts], tolerances, ratios)
    seconds, validity = results_of(tolerances, samples, ratios, tests, looks=1, placement=placement)
    failed_checks = [check for check in validity if check.failed]
    confirmed = iter([_confirmed(first, second, failed_checks) for first, second in zip(firsts, seconds, strict=True)])
    results = tuple(next(confirmed) if _decided(result) else result for result in comparison.results)
    return replace(comparison, verdict=overall(result.verdict for result in results), results=results, validity=validity)


def judge_round(firsts: Sequence[Verdict], tolerances: Sequence[Tolerance], ratios: Sequence[Sequence[float]]) -> list[RatioTest]:
    """The round's own outcome for the objectives that the looks decided as `firsts`.

    A FAIL is corrected with Holm's method among the objectives that failed at the looks: only they can still fail.
    """
    tests = [judge_ratios([tolerance], [values], looks=1)[0] for tolerance, values in zip(tolerances, ratios, strict=True)]
    failed = [index for index, first in enumerate(firsts) if first is Verdict.FAIL]
    corrected = judge_ratios([tolerances[index] for index in failed], [ratios[index] for index in failed], looks=1)
    for index, test in zip(failed, corrected, strict=True):
        tests[index] = test
    return tests


def confirmed_verdict(first: Verdict, second: Verdict) -> Verdict:
    """The final verdict, given the verdict `first` of the looks and `second` of the round."""
    return second if second in {first, Verdict.INVALID} else Verdict.INCONCLUSIVE


def _decided(result: ComparisonResult) -> bool:
    return result.verdict in DECIDED and result.bursts > 0


def _confirmed(first: ComparisonResult, second: ComparisonResult, failed_checks: Sequence[ValidityCheck]) -> ComparisonResult:
    """The result of one objective: the round's figures, the final verdict, and the result of the looks."""
    verdict = confirmed_verdict(first.verdict, second.verdict) if second.bursts else Verdict.INCONCLUSIVE
    result = replace(second, verdict=verdict, first=first)
    first_change = f"({change_words(first.change or 0.0, first.tolerance.selector.metric)})"
    if verdict is Verdict.INCONCLUSIVE:
        outcome = f"gave {second.verdict}" if second.verdict in DECIDED else "were inconclusive"
        lead = (
            f"not confirmed: {first.bursts} pairs of bursts gave {first.verdict} {first_change}, but {second.bursts} new pairs {outcome}: "
        )
        return replace(result, explanation=explain_comparison(result, failed_checks, lead=lead))
    verdict_words = "the same verdict" if verdict is first.verdict else first.verdict
    return replace(
        result,
        explanation=explain_comparison(
            result, failed_checks, tail=f"; {first.bursts} earlier pairs of bursts gave {verdict_words} {first_change}"
        ),
    )
