"""Series of bursts, and the plans of their bursts: the application's entries, or both versions of a comparison.

A series is stored on disk: tests of a run share it, and a killed worker loses at most one burst. A comparison sends one
schedule to both versions, so the machine affects both alike. Every block of the schedule holds each host of each version
once, in random order: the versions get equal shares of the rate, and no request is tied to a time that favors one of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from kindgate.deploy.baseline import Baseline
from kindgate.deploy.entries import Entry, entries_of
from kindgate.deploy.entry_requests import entry_url, trusted_file
from kindgate.errors import LoadError, SettingsError
from kindgate.load.generator_pool import GeneratorPool, run_burst, warm_up
from kindgate.load.own_cpu import OwnCpu
from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.load.result import BurstResult
from kindgate.model import ClusterAddress
from kindgate.pipeline.environment import Environment
from kindgate.pipeline.load_lock import LoadLock
from kindgate.settings import LoadSettings, Settings
from kindgate.slo.compare import BASE, HEAD
from kindgate.slo.objectives import Objectives

OnBurst = Callable[[int, int, BurstResult], object]
"""Receives the number of the burst (from 1), the planned number, and the burst's result."""

Enough = Callable[[Sequence[BurstResult]], bool]
"""Returns whether the bursts so far make all further ones pointless."""

SECOND_SEEDS = 1_000_000
"""Seed offset of a second series; larger than any series is long."""

TURNS = (BASE, HEAD, HEAD, BASE)
"""ABBA: a steady drift of the machine affects both versions equally."""


class BurstSeries:
    """Bursts of `plan`, each with its own seed, stored under `folder`.

    `warmup` seconds of load are sent and discarded before the first burst and after every pause between calls; the bursts
    that follow use its connections. `turns` are plans to cycle through instead of `plan`. `own_cpu` lets bursts record the
    share of other programs.
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

    def second(self) -> BurstSeries:
        """Another series of the same plan, with its own schedules and warm-up."""
        plan, *turns = (replace(each, seed=each.seed + SECOND_SEEDS) for each in (self.plan, *self._requested_turns))
        return BurstSeries(plan, self._warmup, self.folder.parent, self._load_lock, turns, own_cpu=self._own_cpu)

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
            with self._load_lock.exclusive(), GeneratorPool(self._own_cpu) as pool:
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


def entry_routes(entries: Iterable[Entry], address: ClusterAddress) -> tuple[Route, ...]:
    """One route per entry: all go to the ingress's address, and the Host header selects the host."""
    return tuple(Route(url=entry_url(address, entry.path, tls=entry.tls), host=entry.host, name=entry.label) for entry in entries)


def chosen_entries(entries: Sequence[Entry], hosts: Iterable[str] | None = None, path: str | None = None) -> tuple[Entry, ...]:
    """The entries of `hosts`, or all; with `path`, that path on each host, even if no manifest contains it.

    Raises `LoadError` for a host without an entry, and if there is no entry at all.
    """
    if not entries:
        raise LoadError(
            "nothing routes requests to the application: it has no usable Ingress, HTTPRoute or IngressRoute",
            next_step="find out why with `kindgate validate`; `kindgate init` writes an Ingress for a Service without one",
        )
    known = {entry.host for entry in entries}
    unknown = sorted(set(hosts) - known) if hosts is not None else []
    if unknown:
        raise LoadError(f"no entry has the host {', '.join(unknown)}", next_step=f"known hosts: {', '.join(sorted(known))}")
    chosen = [entry for entry in entries if hosts is None or entry.host in set(hosts)]
    if path is None:
        return tuple(chosen)
    first = {entry.host: entry for entry in reversed(chosen)}
    return tuple(replace(first[host], path=path) for host in dict.fromkeys(entry.host for entry in chosen))


def standard_plan(load: LoadSettings, routes: tuple[Route, ...], address: ClusterAddress) -> BurstPlan:
    """The burst described by the settings: an open loop over all routes equally, with TLS verified against the cluster's CA."""
    loop = OpenLoop.constant(load.rate, seconds=load.duration, arrival=load.arrival)
    return BurstPlan(routes=routes, loop=loop, seed=load.seed, timeout=load.timeout, ca_file=str(trusted_file(address) or ""))


def objectives_plan(load: LoadSettings, objectives: Objectives, env: Environment) -> BurstPlan:
    """The burst that `objectives` are judged from: the standard one with the sizes of the SLO file, if set."""
    sizes = objectives.bursts
    sized = replace(load, rate=sizes.rate or load.rate, duration=sizes.duration or load.duration)
    return standard_plan(sized, entry_routes(chosen_entries(env.entries), env.address), env.address)


def duet_plan(plan: BurstPlan, hosts: Mapping[str, str], served: Container[tuple[str, str]] | None = None) -> BurstPlan:
    """Turn `plan`, whose routes lead to the pull request, into one schedule with both versions as arms, at the same total rate.

    `hosts` maps the pull request's hosts to the baseline's; `served` holds the hosts and paths that the baseline serves
    (None: all of them). Paths that the baseline does not serve are left out.
    """
    heads = [
        replace(route, arm=HEAD)
        for route in plan.routes
        if route.host in hosts and (served is None or (hosts[route.host], urlsplit(route.url).path) in served)
    ]
    bases = [replace(route, host=hosts[route.host], arm=BASE) for route in heads]
    return replace(plan, routes=(*heads, *bases))


def abba_plans(duet: BurstPlan) -> tuple[BurstPlan, ...]:
    """The bursts of one block of the fallback, each with one version at the full rate: base, head, head, base."""

    def routes_of(arm: str) -> tuple[Route, ...]:
        return tuple(route for route in duet.routes if route.arm == arm)

    return tuple(replace(duet, routes=routes_of(arm)) for arm in TURNS)


def comparison_series(settings: Settings, objectives: Objectives, env: Environment, load_lock: LoadLock) -> BurstSeries:
    """The bursts that `objectives.compare` is judged from; the warm-up always goes to both versions.

    Raises `SettingsError` if no baseline is deployed, or if it serves none of the paths.
    """
    base = base_of(env)
    served = {(entry.host, entry.path) for entry in entries_of(base.rendered, existing=True)}
    duet = duet_plan(objectives_plan(settings.load, objectives, env), base.hosts, served)
    if not duet.routes:
        raise SettingsError(
            "the baseline serves none of the paths that the pull request is judged by",
            last_state=f"paths of the baseline: {', '.join(sorted(host + path for host, path in served)) or 'none'}",
            next_step="make both versions serve a common path",
        )
    turns = abba_plans(duet) if settings.slo.compare == "abba" else ()
    return BurstSeries(duet, settings.load.warmup, env.measurements, load_lock, turns, own_cpu=env.own_cpu)


def base_of(env: Environment) -> Baseline:
    """The baseline deployed alongside the application; raises `SettingsError` if there is none."""
    if env.base is None:
        raise SettingsError("no baseline to compare with", next_step="set --slo-base REF_OR_OVERLAY")
    return env.base
