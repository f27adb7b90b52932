"""Goes through the planned looks of a run again, over bursts that are all there already: pure, and with the judge's own code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from kindgate.model import Verdict
from kindgate.slo.compare import Comparison, compare
from kindgate.slo.confirm import confirm, needs_confirmation, round_pairs
from kindgate.slo.judge import LOOKS, judge
from kindgate.slo.judgement import Judgement
from kindgate.slo.objectives import Objectives
from kindgate.slo.sample import BurstSample

Result = TypeVar("Result", Judgement, Comparison)


@dataclass(frozen=True)
class Looks:
    """`per_look` bursts at each of `looks` looks; a single look is for one figure alone (quick mode).

    `turns` bursts make one figure of a comparison.
    """

    per_look: int
    looks: int = LOOKS
    turns: int = 1

    @property
    def confirmation(self) -> int:
        """The bursts of a comparison's confirmation round."""
        return round_pairs(self.per_look // self.turns) * self.turns


@dataclass(frozen=True)
class Round:
    """The bursts of a confirmation round; `placement` is as `confirm` takes it."""

    samples: tuple[BurstSample, ...] = ()
    placement: str = ""


NO_ROUND = Round()


@dataclass(frozen=True)
class Rejudgement(Generic[Result]):
    """What the last look that was needed gives; `short` tells that fewer bursts were there than it was planned with.

    `unconfirmed` tells the same of the confirmation round, which the result then leaves out.
    """

    result: Result
    short: bool
    unconfirmed: bool = False

    @property
    def unfinished(self) -> bool:
        """Whether a PASS came of fewer bursts than planned: all that such a look may find is that something failed."""
        return self.short and self.result.verdict is Verdict.PASS


def rejudge(objectives: Objectives, samples: Sequence[BurstSample], plan: Looks) -> Rejudgement[Judgement]:
    """The thresholds' verdicts. Raises `SloError` when there is none."""
    return _in_looks(lambda part, look: judge(objectives, part, look=look, looks=plan.looks), samples, plan)


def recompare(
    objectives: Objectives, samples: Sequence[BurstSample], plan: Looks, placement: str, second: Round = NO_ROUND
) -> Rejudgement[Comparison]:
    """The tolerances' verdicts, from the looks' `samples` and the confirmation round `second`; `placement` is as `compare` takes it.

    Raises `SloError` when there is no tolerance.
    """
    found = _in_looks(lambda part, look: compare(objectives.compare, part, look=look, looks=plan.looks, placement=placement), samples, plan)
    if not needs_confirmation(found.result):
        return found
    if len(second.samples) < plan.confirmation:
        return replace(found, unconfirmed=True)
    return replace(found, result=confirm(found.result, second.samples[: plan.confirmation], second.placement))


def _in_looks(judged: Callable[[Sequence[BurstSample], int], Result], samples: Sequence[BurstSample], plan: Looks) -> Rejudgement[Result]:
    """As `kindgate.pipeline.judging` does it: no burst after the look that decided counts."""
    look = 1
    while True:
        part = samples[: plan.per_look * look]
        result = judged(part, look)
        short = len(part) < plan.per_look * look
        if short or result.decided:  # what aborts a run is a FAIL, and so decided
            return Rejudgement(result, short)
        look += 1
