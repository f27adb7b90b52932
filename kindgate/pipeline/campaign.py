"""A series of bursts of one plan, stored on disk: tests of a run share it, and a killed worker loses at most one burst."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from kindgate.load.burst import run_burst, warm_up
from kindgate.load.ours import Ours
from kindgate.load.plan import BurstPlan
from kindgate.load.pool import GeneratorPool
from kindgate.load.result import BurstResult
from kindgate.pipeline.lease import Lease

OnBurst = Callable[[int, int, BurstResult], object]
"""Receives the number of the burst (from 1), the planned number, and the burst's result."""

Enough = Callable[[Sequence[BurstResult]], bool]
"""Returns whether the bursts so far make all further ones pointless."""


SECOND_SEEDS = 1_000_000
"""Seed offset of a second series; larger than any series is long."""


class Campaign:
    """Bursts of `plan`, each with its own seed, stored under `folder`.

    `warmup` seconds of load are sent and discarded before the first burst and after every pause between calls; the bursts
    that follow use its connections. `turns` are plans to cycle through instead of `plan`. `ours` lets bursts record the
    share of other programs.
    """

    def __init__(
        self, plan: BurstPlan, warmup: float, folder: Path, lease: Lease, turns: Sequence[BurstPlan] = (), *, ours: Ours | None = None
    ) -> None:
        described = json.dumps([one.to_json() for one in (plan, *turns)], sort_keys=True)
        digest = hashlib.sha256(described.encode()).hexdigest()[:12]
        self.plan = plan
        self._given = tuple(turns)
        self._turns = self._given or (plan,)
        self.folder = folder / digest
        self._warmup = warmup
        self._lease = lease
        self._ours = ours

    def second(self) -> Campaign:
        """Another series of the same plan, with its own schedules and warm-up."""
        plan, *turns = (replace(one, seed=one.seed + SECOND_SEEDS) for one in (self.plan, *self._given))
        return Campaign(plan, self._warmup, self.folder.parent, self._lease, turns, ours=self._ours)

    @property
    def turns(self) -> int:
        """Number of bursts per figure of a comparison: one that serves both versions, or a block with one version each."""
        return len(self._turns)

    def bursts(self) -> tuple[BurstResult, ...]:
        """All results so far, by this process or another, in order."""
        files = sorted(self.folder.glob("burst-*.json"))
        return tuple(BurstResult.from_json(json.loads(file.read_text())) for file in files)

    def extend(
        self,
        count: int,
        on_burst: OnBurst = lambda _number, _planned, _result: None,
        enough: Enough = lambda _results: False,
    ) -> tuple[BurstResult, ...]:
        """Measure until there are `count` bursts, with exclusive use of the machine, and return the first `count`.

        Returns fewer if `enough` is true after one of them. Raises `KeyboardInterrupt` if a burst is interrupted; completed
        bursts are kept.
        """
        results = self.bursts()
        if len(results) < count and not (results and enough(results)):
            with self._lease.exclusive(), GeneratorPool(self._ours) as pool:
                # another worker might have measured while this one waited for the machine
                results = self.bursts()
                if len(results) < count:
                    self._warm_up(pool)
                while len(results) < count and not (results and enough(results)):
                    result = self._measure(len(results) + 1, pool)
                    results = (*results, result)
                    on_burst(len(results), count, result)
        return results[:count]

    def _warm_up(self, pool: GeneratorPool) -> None:
        if self._warmup > 0 and warm_up(self.plan, self._warmup, pool).interrupted:
            raise KeyboardInterrupt

    def _measure(self, number: int, pool: GeneratorPool) -> BurstResult:
        plan = self._turns[(number - 1) % len(self._turns)]
        result = run_burst(replace(plan, seed=plan.seed + number), pool=pool)
        self.folder.mkdir(parents=True, exist_ok=True)
        unfinished = self.folder / f".{number}.part"
        unfinished.write_text(json.dumps(result.to_json()))
        # a partial burst is kept for the report, but never judged
        unfinished.rename(self.folder / f"{'interrupted' if result.interrupted else 'burst'}-{number:04d}.json")
        if result.interrupted:
            raise KeyboardInterrupt
        return result
