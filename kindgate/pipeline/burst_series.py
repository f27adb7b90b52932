"""A series of bursts, stored on disk: tests of a run share it, and a killed worker loses at most one burst."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from kindgate.errors import LoadError
from kindgate.load.generator_pool import GeneratorPool, run_burst, warm_up
from kindgate.load.own_cpu import OwnCpu
from kindgate.load.plan import BurstPlan, OpenLoop
from kindgate.load.pod_meter import MeteredPod
from kindgate.load.result import BurstResult
from kindgate.pipeline.load_lock import LoadLock
from kindgate.pipeline.workload_setup import SetupValues, WorkloadSetup, with_setup_values

OnBurst = Callable[[int, int, BurstResult], object]
"""Receives the number of the burst (from 1), the planned number, and the burst's result."""

Enough = Callable[[Sequence[BurstResult]], bool]
"""Returns whether the bursts so far make all further ones pointless."""

FindPods = Callable[[], Sequence[MeteredPod]]
"""Returns the application's pods as they are now."""

CAPACITY_FOLDER = "capacity"
"""The folder for bursts at other rates than the planned one."""

SECOND_SEEDS = 1_000_000
"""Seed offset of a second series; larger than any series is long."""


class BurstSeries:
    """Bursts of `plan`, each with its own seed, stored under `folder`.

    `warmup` seconds of load are sent and discarded before the first burst and after every pause between calls; the bursts
    that follow use its connections. `turns` are plans to cycle through instead of `plan`. `own_cpu` lets bursts record the
    share of other programs. `find_pods` returns the pods whose resources are metered, before each call's first burst. `setup`
    runs once, before the first request; its values are in `setup_folder`, by default the series' own.
    """

    def __init__(
        self,
        plan: BurstPlan,
        warmup: float,
        folder: Path,
        load_lock: LoadLock,
        turns: Sequence[BurstPlan] = (),
        *,
        own_cpu: OwnCpu | None = None,
        find_pods: FindPods = tuple,
        setup: WorkloadSetup | None = None,
        setup_folder: Path | None = None,
    ) -> None:
        description = json.dumps([each.to_json() for each in (plan, *turns)], sort_keys=True)
        digest = hashlib.sha256(description.encode()).hexdigest()[:12]
        self.plan = plan
        self._requested_turns = tuple(turns)
        self._turns = self._requested_turns or (plan,)
        self.folder = folder / digest
        self._warmup = warmup
        self._load_lock = load_lock
        self._own_cpu = own_cpu
        self._find_pods = find_pods
        self._setup = setup
        self._setup_folder = setup_folder or self.folder

    def second(self) -> BurstSeries:
        """Another series of the same plan, with its own schedules and warm-up."""
        plan, *turns = (replace(each, seed=each.seed + SECOND_SEEDS) for each in (self.plan, *self._requested_turns))
        return BurstSeries(
            plan,
            self._warmup,
            self.folder.parent,
            self._load_lock,
            turns,
            own_cpu=self._own_cpu,
            find_pods=self._find_pods,
            setup=self._setup,
        )

    def at_rate(self, rate: float) -> BurstSeries:
        """A series of the same load at a constant `rate` of arrivals per second, with the values of this series' setup.

        Raises `LoadError` for a closed loop, which has no rate.
        """
        loop = self.plan.loop
        if not isinstance(loop, OpenLoop):
            raise LoadError("a closed loop has no rate")
        plan = replace(
            self.plan,
            loop=replace(OpenLoop.constant(rate, seconds=loop.seconds, arrival=loop.arrival), streams=loop.streams),
            seed=self.plan.seed + SECOND_SEEDS * (1 + round(rate)),  # apart from all other series, whose counters would repeat values
        )
        return BurstSeries(
            plan,
            self._warmup,
            self.folder.parent / CAPACITY_FOLDER,
            self._load_lock,
            own_cpu=self._own_cpu,
            find_pods=self._find_pods,
            setup=self._setup,
            setup_folder=self._setup_folder,
        )

    @property
    def turns(self) -> int:
        """Number of bursts per figure of a comparison: one that serves both versions, or a block with one version each."""
        return len(self._turns)

    @property
    def plans(self) -> tuple[BurstPlan, ...]:
        """The different plans of its bursts."""
        return tuple(dict.fromkeys(self._turns))

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
            with self._load_lock.exclusive(), GeneratorPool(self._own_cpu, self._find_pods()) as pool:
                # another worker might have measured while this one waited for the machine
                results = self.bursts()
                values = self._setup.values(self._setup_folder) if self._setup is not None and len(results) < count else {}
                if len(results) < count:
                    self._warm_up(pool, values)
                while len(results) < count and not (results and enough(results)):
                    result = self._measure(len(results) + 1, pool, values)
                    results = (*results, result)
                    on_burst(len(results), count, result)
        return results[:count]

    def stored(self, name: str, make: Callable[[BurstPlan], str]) -> str:
        """The text that `make` returns for the plan with the setup's values: made once per series, with exclusive use of the machine.

        It is kept in the series' folder as `name`, readable only by the user, for all processes of the run.
        """
        file = self.folder / name
        if not file.exists():
            with self._load_lock.exclusive():
                if not file.exists():  # another worker might have made it while this one waited for the machine
                    self.folder.mkdir(parents=True, exist_ok=True)
                    values = self._setup.values(self._setup_folder) if self._setup is not None else {}
                    unfinished = self.folder / f"{name}.part"
                    unfinished.touch(mode=0o600)
                    unfinished.write_text(make(with_setup_values(self.plan, values)), encoding="utf-8")
                    unfinished.rename(file)
        return file.read_text(encoding="utf-8")

    def _warm_up(self, pool: GeneratorPool, values: SetupValues) -> None:
        if self._warmup > 0 and warm_up(with_setup_values(self.plan, values), self._warmup, pool).interrupted:
            raise KeyboardInterrupt

    def _measure(self, number: int, pool: GeneratorPool, values: SetupValues) -> BurstResult:
        plan = with_setup_values(self._turns[(number - 1) % len(self._turns)], values)
        result = run_burst(replace(plan, seed=plan.seed + number), pool=pool)
        self.folder.mkdir(parents=True, exist_ok=True)
        unfinished = self.folder / f".{number}.part"
        unfinished.write_text(json.dumps(result.to_json()))
        # a partial burst is kept for the report, but never judged
        unfinished.rename(self.folder / f"{'interrupted' if result.interrupted else 'burst'}-{number:04d}.json")
        if result.interrupted:
            raise KeyboardInterrupt
        return result
