"""Measures until the objectives are decided: bursts in planned looks, judged after each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kindgate.load.result import BurstResult
from kindgate.pipeline.campaign import Campaign, OnBurst
from kindgate.pipeline.samples import burst_sample
from kindgate.slo.judge import LOOKS, judge
from kindgate.slo.judgement import Judgement
from kindgate.slo.objectives import Objectives


@dataclass(frozen=True)
class Judged:
    """What was found, and the bursts that it was found from."""

    judgement: Judgement
    bursts: tuple[BurstResult, ...]


def measure_and_judge(
    objectives: Objectives,
    campaign: Campaign,
    bursts: int,
    *,
    quick: bool = False,
    on_burst: OnBurst = lambda _number, _planned, _result: None,
    on_look: Callable[[Judgement], object] = lambda _judgement: None,
) -> Judged:
    """Judge `objectives` from `bursts` bursts, and from twice and three times as many while they are undecided.

    `quick` sends a single burst, from which only facts can be decided. Raises `LoadError` when a burst cannot be sent.
    """
    looks = 1 if quick else LOOKS
    for look in range(1, looks + 1):
        results = campaign.extend(1 if quick else bursts * look, on_burst)
        judgement = judge(objectives, [burst_sample(result) for result in results], look=look, looks=looks)
        on_look(judgement)
        if judgement.decided:
            break
    return Judged(judgement, results)
