"""A series of bursts of one plan, kept on disk: tests of a run share it, and a killed worker loses at most one burst."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from kindgate.load.burst import run_burst
from kindgate.load.plan import BurstPlan, OpenLoop
from kindgate.load.result import BurstResult
from kindgate.pipeline.lease import Lease

OnBurst = Callable[[int, int, BurstResult], object]
"""Gets the number of the burst (from 1), how many are planned, and what the burst measured."""


class Campaign:
    """Bursts of `plan`, each with a seed of its own, under `folder`.

    `warmup` seconds of load are sent before the first burst and after every pause between calls, and discarded.
    `turns` are plans that the bursts follow one after the other, again and again, instead of `plan` every time.
    """

    def __init__(self, plan: BurstPlan, warmup: float, folder: Path, lease: Lease, turns: Sequence[BurstPlan] = ()) -> None:
        described = json.dumps([one.to_json() for one in (plan, *turns)], sort_keys=True)
        digest = hashlib.sha256(described.encode()).hexdigest()[:12]
        self.plan = plan
        self._turns = tuple(turns) or (plan,)
        self.folder = folder / digest
        self._warmup = warmup
        self._lease = lease

    def bursts(self) -> tuple[BurstResult, ...]:
        """What was measured so far, by this process or another, in order."""
        files = sorted(self.folder.glob("burst-*.json"))
        return tuple(BurstResult.from_json(json.loads(file.read_text())) for file in files)

    def extend(self, count: int, on_burst: OnBurst = lambda _number, _planned, _result: None) -> tuple[BurstResult, ...]:
        """Measure until there are `count` bursts, alone on the machine, and return the first `count`."""
        if len(self.bursts()) < count:
            with self._lease.exclusive():
                # another worker may have measured while this one waited for the machine
                done = len(self.bursts())
                if done < count:
                    self._warm_up()
                for number in range(done + 1, count + 1):
                    on_burst(number, count, self._measure(number))
        return self.bursts()[:count]

    def _warm_up(self) -> None:
        if self._warmup > 0 and isinstance(self.plan.loop, OpenLoop):
            loop = OpenLoop.constant(self.plan.loop.peak_rate, seconds=self._warmup, arrival=self.plan.loop.arrival)
            run_burst(replace(self.plan, loop=loop))

    def _measure(self, number: int) -> BurstResult:
        plan = self._turns[(number - 1) % len(self._turns)]
        result = run_burst(replace(plan, seed=plan.seed + number))
        self.folder.mkdir(parents=True, exist_ok=True)
        unfinished = self.folder / f".{number}.part"
        unfinished.write_text(json.dumps(result.to_json()))
        unfinished.rename(self.folder / f"burst-{number:04d}.json")
        return result
