"""The confirmation round: what the looks at two versions decided is judged once more, from new bursts alone.

Neighboring bursts resemble each other, and for minutes something may favor one of two equal deployments: a test that takes
bursts as independent then calls equal versions different. So a PASS or a FAIL stands only if a second series of bursts, sent
after the two versions have changed places, says the same: by the same test, at one look. Else it is INCONCLUSIVE.

The estimate of the round is the one that counts: the first one is biased, because the looks end where it is large enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kindgate.model import Verdict
from kindgate.slo.compare import Comparison, ComparisonResult, RatioTest, change_words, judge_ratios, log_ratios, results_of, sentence
from kindgate.slo.gates import Gate
from kindgate.slo.judge import overall
from kindgate.slo.objectives import Tolerance
from kindgate.slo.sample import BurstSample

LEAST_PAIRS = 20
"""Pairs of figures of a round at least, however few a look has: the error rates in `docs/slo.md` are with so many."""

DECIDED = frozenset({Verdict.PASS, Verdict.FAIL})


def round_pairs(per_look: int) -> int:
    """How many pairs of figures a round takes: as many as a look, so that it can find what a look finds, and 20 at least."""
    return max(LEAST_PAIRS, per_look)


def needs_confirmation(comparison: Comparison) -> bool:
    """Whether the looks have ended and decided something; a version without any data fails by that alone."""
    return comparison.decided and any(_decided(result) for result in comparison.results)


def confirm(comparison: Comparison, samples: Sequence[BurstSample], placement: str = "") -> Comparison:
    """`comparison` after its confirmation round, of which `samples` are the bursts and `placement` is as `compare` has it.

    Each objective that the looks decided is judged from the round alone; what they left open stays open. A round without valid
    measurements makes what it should confirm INVALID.
    """
    firsts = [result for result in comparison.results if _decided(result)]
    tolerances = [first.tolerance for first in firsts]
    ratios = [log_ratios(tolerance.quantile, samples) for tolerance in tolerances]
    tests = judge_round([first.verdict for first in firsts], tolerances, ratios)
    found, gates = results_of(tolerances, samples, ratios, tests, looks=1, placement=placement)
    broken = [gate for gate in gates if gate.broken]
    confirmed = iter([_confirmed(first, second, broken) for first, second in zip(firsts, found, strict=True)])
    results = tuple(next(confirmed) if _decided(result) else result for result in comparison.results)
    return replace(comparison, verdict=overall(result.verdict for result in results), results=results, gates=gates)


def judge_round(firsts: Sequence[Verdict], tolerances: Sequence[Tolerance], ratios: Sequence[Sequence[float]]) -> list[RatioTest]:
    """What a round says by itself about objectives of which the looks decided `firsts`.

    A FAIL is corrected by Holm's method among those that failed at the looks: only they can fail now.
    """
    tests = [judge_ratios([tolerance], [values], looks=1)[0] for tolerance, values in zip(tolerances, ratios, strict=True)]
    failed = [place for place, first in enumerate(firsts) if first is Verdict.FAIL]
    corrected = judge_ratios([tolerances[place] for place in failed], [ratios[place] for place in failed], looks=1)
    for place, test in zip(failed, corrected, strict=True):
        tests[place] = test
    return tests


def standing(first: Verdict, second: Verdict) -> Verdict:
    """What becomes of a verdict of the looks, when the round says `second`."""
    return second if second in {first, Verdict.INVALID} else Verdict.INCONCLUSIVE


def _decided(result: ComparisonResult) -> bool:
    return result.verdict in DECIDED and result.bursts > 0


def _confirmed(first: ComparisonResult, second: ComparisonResult, broken: Sequence[Gate]) -> ComparisonResult:
    """The row of one objective: the round's figures, the verdict that stands, and what the looks found."""
    verdict = standing(first.verdict, second.verdict) if second.bursts else Verdict.INCONCLUSIVE
    result = replace(second, verdict=verdict, first=first)
    found = f"({change_words(first.change or 0.0)})"
    if verdict is Verdict.INCONCLUSIVE:
        said = f"gave {second.verdict}" if second.verdict in DECIDED else "were inconclusive"
        lead = f"not confirmed: {first.bursts} pairs of bursts gave {first.verdict} {found}, but {second.bursts} new pairs {said}: "
        return replace(result, explanation=sentence(result, broken, lead=lead))
    same = "the same verdict" if verdict is first.verdict else first.verdict
    return replace(result, explanation=sentence(result, broken, tail=f"; {first.bursts} earlier pairs of bursts gave {same} {found}"))
