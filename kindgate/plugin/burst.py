"""The `burst` fixture: one burst of load to the application, with the machine to itself."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from kindgate.errors import LoadError
from kindgate.load.generator_pool import GeneratorPool, run_burst, warm_up
from kindgate.load.plan import BurstPlan
from kindgate.load.result import BurstResult
from kindgate.model import Window
from kindgate.pipeline.burst_plans import chosen_entries, entry_routes, standard_plan, workload_burst
from kindgate.pipeline.environment import DeployedApplication
from kindgate.pipeline.judged_series import run_setup
from kindgate.pipeline.load_lock import LoadLock
from kindgate.pipeline.run_objectives import load_workload
from kindgate.pipeline.workload_setup import with_setup_values
from kindgate.settings import LoadSettings
from kindgate.workload.burst_plan import shaped_loop
from kindgate.workload.document import parse_workload


class _WithoutAliases(yaml.SafeDumper):
    """Writes out objects that a workload contains more than once: its reader accepts no aliases."""

    def ignore_aliases(self, _data: object) -> bool:
        """Whether an object is never abbreviated."""
        return True


class Bursts:
    """Send bursts to `application` through the cluster's ingress; each result is kept for the report.

    `folder` is what the files of a test's own workload are relative to.
    """

    def __init__(self, application: DeployedApplication, load: LoadSettings, load_lock: LoadLock, folder: Path = Path()) -> None:
        self._application = application
        self._load = load
        self._load_lock = load_lock
        self._root = folder
        self._folder = application.cluster.measurements

    def __call__(
        self,
        *,
        route: str | Iterable[str] | None = None,
        workload: Mapping[str, Any] | None = None,
        hosts: Iterable[str] | None = None,
        path: str | None = None,
        rate: float | None = None,
        duration: float | None = None,
        warmup: float | None = None,
    ) -> BurstResult:
        """Send one open-loop burst and return its result.

        With a workload in the SLO file, the burst is that workload, or only `route`: the name of a route or journey, or
        several. `workload` is one of the test's own instead, with the keys of the SLO file's section. Without any, requests go
        to all entries of the application, or only to those of `hosts`; with `path`, to that path of each host instead.
        `rate` is in requests and journeys per second, `duration` and `warmup` in seconds; defaults come from the workload,
        --load-rate and its like. Raises `LoadError` if the burst is impossible, and `SloError` for an unusable workload.
        """
        load = replace(
            self._load,
            rate=self._load.rate if rate is None else rate,
            duration=self._load.duration if duration is None else duration,
        )
        seconds = self._load.warmup if warmup is None else warmup
        application = self._application if workload is None else self._with_workload(workload)
        loaded = application.cluster.workload
        if hosts is not None or path is not None or (loaded is None and route is None):
            if route is not None or workload is not None:
                raise LoadError("hosts and path select entries, not parts of a workload: use either")
            routes = entry_routes(chosen_entries(application.entries, hosts, path), application.address)
            return self.send(standard_plan(load, routes, application.address), seconds)
        if loaded is None:
            raise LoadError(
                "there is no workload to select a route from", next_step="add workload: to the SLO file, or pass workload={...}"
            )
        if loaded.workload.program and rate is not None:
            raise LoadError(f"the pace is that of the workload's {loaded.workload.program}: leave out rate")
        shape = loaded.workload.load
        if rate is not None or duration is not None:
            shape = replace(shape, rate=None, duration=None, stages=())
        loop = shaped_loop(shape, load.rate, load.duration, load.arrival)
        only = () if route is None else (route,) if isinstance(route, str) else tuple(route)
        plan = workload_burst(load, application, loaded, loop, only)
        setup = run_setup(application, load)
        if setup is not None:
            digest = hashlib.sha256(repr(loaded.workload.setup).encode()).hexdigest()[:12]
            with self._load_lock.exclusive():
                plan = with_setup_values(plan, {"": setup.values(self._folder / f"setup-{digest}").get("", {})})
        return self.send(plan, seconds)

    def send(self, plan: BurstPlan, warmup: float = 0.0) -> BurstResult:
        """Send a fully planned burst, after `warmup` seconds of it whose connections it reuses.

        Ctrl-C ends it early and keeps the results so far among the artifacts.
        """
        with self._load_lock.exclusive(), GeneratorPool(self._application.cluster.own_cpu) as pool:
            if warmup > 0 and warm_up(plan, warmup, pool).interrupted:
                raise KeyboardInterrupt
            result = run_burst(plan, pool=pool)
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / f"single-{result.window.start:.3f}-{uuid.uuid4().hex[:8]}.json").write_text(json.dumps(result.to_json()))
        if result.interrupted:
            raise KeyboardInterrupt
        return result

    def _with_workload(self, workload: Mapping[str, Any]) -> DeployedApplication:
        """The application under a test's own workload."""
        parsed = parse_workload(yaml.dump(dict(workload), Dumper=_WithoutAliases, sort_keys=False), "the test's workload", self._root)
        loaded = load_workload(parsed, os.environ)
        return replace(self._application, cluster=replace(self._application.cluster, workload=loaded))

    def windows(self) -> tuple[Window, ...]:
        """The time windows of all bursts of this run so far, from any test or worker, in order."""
        results = (BurstResult.from_json(json.loads(file.read_text())) for file in self._folder.rglob("[!.]*.json"))
        return tuple(sorted((result.window for result in results), key=lambda window: window.start))
