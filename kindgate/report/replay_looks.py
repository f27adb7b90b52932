"""Replay a run's planned looks over its complete bursts: pure, and with the judge's own code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from kindgate.model import Verdict
from kindgate.slo.capacity import judge_capacity
from kindgate.slo.capacity_search import RateTrial
from kindgate.slo.compare import Comparison, compare
from kindgate.slo.confirm import confirm, needs_confirmation, round_pairs
from kindgate.slo.judge import LOOKS, judge
from kindgate.slo.judgement import Judgement
from kindgate.slo.objectives import CapacityObjective, Objectives
from kindgate.slo.sample import BurstSample

WORK_LIMIT = 12_000
"""Maximum of objectives times bursts to recompute: about 18 s of CPU time, or three objectives in each of 50 tests."""

Result = TypeVar("Result", Judgement, Comparison)


@dataclass(frozen=True)
class Looks:
    """`per_look` bursts at each of `looks` looks; a single look is for only one figure (quick mode).

    `turns` bursts make one figure of a comparison.
    """

    per_look: int
    looks: int = LOOKS
    turns: int = 1

    @property
    def confirmation(self) -> int:
        """Number of bursts in a comparison's confirmation round."""
        return round_pairs(self.per_look // self.turns) * self.turns


@dataclass(frozen=True)
class Round:
    """The bursts of a confirmation round; `placement` is as in `confirm`."""

    samples: tuple[BurstSample, ...] = ()
    placement: str = ""


NO_ROUND = Round()


@dataclass(frozen=True)
class Replay(Generic[Result]):
    """The result of the last look that was needed; `short` if it had fewer bursts than planned.

    `unconfirmed` is the same for the confirmation round, which the result then omits.
    """

    result: Result
    short: bool
    unconfirmed: bool = False

    @property
    def unfinished(self) -> bool:
        """Whether a PASS comes from fewer bursts than planned, at which only a failure counts."""
        return self.short and self.result.verdict is Verdict.PASS


def replay(objectives: Objectives, samples: Sequence[BurstSample], plan: Looks) -> Replay[Judgement]:
    """Judge the thresholds. Raises `SloError` if there are none."""
    return _in_looks(lambda part, look: judge(objectives, part, look=look, looks=plan.looks), samples, plan)


def replay_capacity(
    objective: CapacityObjective, samples: Sequence[BurstSample], plan: Looks, search: Sequence[RateTrial] = ()
) -> Replay[Judgement]:
    """Judge a capacity from the bursts at its required rate; `search` is as in `judge_capacity`."""
    return _in_looks(lambda part, look: judge_capacity(objective, part, search, look=look, looks=plan.looks), samples, plan)


def recompare(
    objectives: Objectives, samples: Sequence[BurstSample], plan: Looks, placement: str, confirmation_round: Round = NO_ROUND
) -> Replay[Comparison]:
    """Judge the tolerances, from the looks' `samples` and the confirmation round `confirmation_round`; `placement` is as in `compare`.

    Raises `SloError` if there are no tolerances.
    """
    replayed = _in_looks(
        lambda part, look: compare(objectives.compare, part, look=look, looks=plan.looks, placement=placement), samples, plan
    )
    if not needs_confirmation(replayed.result):
        return replayed
    if len(confirmation_round.samples) < plan.confirmation:
        return replace(replayed, unconfirmed=True)
    return replace(replayed, result=confirm(replayed.result, confirmation_round.samples[: plan.confirmation], confirmation_round.placement))


def _in_looks(judge_part: Callable[[Sequence[BurstSample], int], Result], samples: Sequence[BurstSample], plan: Looks) -> Replay[Result]:
    """Work as `kindgate.pipeline.evaluation` does: no burst after the deciding look counts."""
    look = 1
    while True:
        part = samples[: plan.per_look * look]
        result = judge_part(part, look)
        short = len(part) < plan.per_look * look
        if short or result.decided:  # a result that aborts a run is a FAIL, and therefore decided
            return Replay(result, short)
        look += 1
