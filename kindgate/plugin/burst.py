"""The `burst` fixture: one burst of load to the application, with the machine to itself."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from kindgate.deploy.entries import Entry
from kindgate.load.generator_pool import GeneratorPool, run_burst, warm_up
from kindgate.load.own_cpu import OwnCpu
from kindgate.load.plan import BurstPlan
from kindgate.load.result import BurstResult
from kindgate.model import ClusterAddress, Window
from kindgate.pipeline.burst_series import chosen_entries, entry_routes, standard_plan
from kindgate.pipeline.load_lock import LoadLock
from kindgate.settings import LoadSettings


class Bursts:
    """Send bursts to `entries` through the cluster's ingress; each result is kept in `folder` for the report.

    `own_cpu` allows bursts to measure the CPU time of other programs.
    """

    def __init__(
        self,
        address: ClusterAddress,
        entries: tuple[Entry, ...],
        load: LoadSettings,
        load_lock: LoadLock,
        folder: Path,
        *,
        own_cpu: OwnCpu | None = None,
    ) -> None:
        self._address = address
        self._entries = entries
        self._load = load
        self._load_lock = load_lock
        self._folder = folder
        self._own_cpu = own_cpu

    def __call__(
        self,
        *,
        hosts: Iterable[str] | None = None,
        path: str | None = None,
        rate: float | None = None,
        duration: float | None = None,
        warmup: float | None = None,
    ) -> BurstResult:
        """Send one open-loop burst and return its result.

        Requests go to all entries of the application, or only to those of `hosts`; with `path`, to that path of each host
        instead. `rate` is in requests per second over all hosts, `duration` and `warmup` in seconds; defaults come from --load-rate
        and its like. Raises `LoadError` if the burst is impossible.
        """
        load = replace(
            self._load,
            rate=self._load.rate if rate is None else rate,
            duration=self._load.duration if duration is None else duration,
        )
        routes = entry_routes(chosen_entries(self._entries, hosts, path), self._address)
        return self.send(standard_plan(load, routes, self._address), self._load.warmup if warmup is None else warmup)

    def send(self, plan: BurstPlan, warmup: float = 0.0) -> BurstResult:
        """Send a fully planned burst, after `warmup` seconds of it whose connections it reuses.

        Ctrl-C ends it early and keeps the results so far among the artifacts.
        """
        with self._load_lock.exclusive(), GeneratorPool(self._own_cpu) as pool:
            if warmup > 0 and warm_up(plan, warmup, pool).interrupted:
                raise KeyboardInterrupt
            result = run_burst(plan, pool=pool)
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / f"single-{result.window.start:.3f}-{uuid.uuid4().hex[:8]}.json").write_text(json.dumps(result.to_json()))
        if result.interrupted:
            raise KeyboardInterrupt
        return result

    def windows(self) -> tuple[Window, ...]:
        """The time windows of all bursts of this run so far, from any test or worker, in order."""
        results = (BurstResult.from_json(json.loads(file.read_text())) for file in self._folder.rglob("[!.]*.json"))
        return tuple(sorted((result.window for result in results), key=lambda window: window.start))
