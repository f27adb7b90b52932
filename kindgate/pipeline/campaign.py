"""A series of bursts of one plan, kept on disk: tests of a run share it, and a killed worker loses at most one burst."""

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
"""Gets the number of the burst (from 1), how many are planned, and what the burst measured."""

Enough = Callable[[Sequence[BurstResult]], bool]
"""Whether the bursts so far make all further ones pointless."""


SECOND_SEEDS = 1_000_000
"""How far the seeds of a second series are from those of the first: further than a series is long."""


class Campaign:
    """Bursts of `plan`, each with a seed of its own, under `folder`.

    `warmup` seconds of load are sent before the first burst and after every pause between calls, and discarded; the
    bursts that follow use the connections that it opened. `turns` are plans that the bursts follow one after the
    other, again and again, instead of `plan` every time. `ours` lets bursts say what other programs used of the machine.
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
        """Another series of bursts of the same plan: with schedules of its own, and warmed up by itself."""
        plan, *turns = (replace(one, seed=one.seed + SECOND_SEEDS) for one in (self.plan, *self._given))
        return Campaign(plan, self._warmup, self.folder.parent, self._lease, turns, ours=self._ours)

    @property
    def turns(self) -> int:
        """How many bursts make one figure of a comparison: one that serves both versions, or a block of one version each."""
        return len(self._turns)

    def bursts(self) -> tuple[BurstResult, ...]:
        """What was measured so far, by this process or another, in order."""
        files = sorted(self.folder.glob("burst-*.json"))
        return tuple(BurstResult.from_json(json.loads(file.read_text())) for file in files)

    def extend(
        self,
        count: int,
        on_burst: OnBurst = lambda _number, _planned, _result: None,
        enough: Enough = lambda _results: False,
    ) -> tuple[BurstResult, ...]:
        """Measure until there are `count` bursts, alone on the machine, and return the first `count`.

        Fewer are returned when `enough` says so after one of them. Raises `KeyboardInterrupt` when a burst is
        interrupted; those that were whole stay.
        """
        results = self.bursts()
        if len(results) < count and not (results and enough(results)):
            with self._lease.exclusive(), GeneratorPool(self._ours) as pool:
                # another worker may have measured while this one waited for the machine
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
        # part of a burst is kept for the report, and never judged as if it were a whole one
        unfinished.rename(self.folder / f"{'interrupted' if result.interrupted else 'burst'}-{number:04d}.json")
        if result.interrupted:
            raise KeyboardInterrupt
        return result
