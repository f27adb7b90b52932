"""The series of bursts that objectives and comparisons are judged from, with the application's pods metered."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from types import MappingProxyType

from kindgate.deploy.baseline import Baseline
from kindgate.deploy.entries import entries_of
from kindgate.errors import SettingsError
from kindgate.load.plan import BurstPlan
from kindgate.pipeline.burst_plans import abba_plans, duet_plan, endpoints_of, objectives_plan, run_salt
from kindgate.pipeline.burst_series import BurstSeries
from kindgate.pipeline.environment import DeployedApplication
from kindgate.pipeline.load_lock import LoadLock
from kindgate.pipeline.pod_metering import find_metered_pods
from kindgate.pipeline.workload_setup import Arms, WorkloadSetup
from kindgate.settings import LoadSettings, Settings
from kindgate.slo.compare import BASE, HEAD
from kindgate.slo.objectives import Objectives
from kindgate.workload.burst_plan import duet_of


def comparison_series(settings: Settings, objectives: Objectives, application: DeployedApplication, load_lock: LoadLock) -> BurstSeries:
    """The bursts that `objectives.compare` is judged from; the warm-up always goes to both versions.

    Raises `SettingsError` if no baseline is deployed, or if it serves none of the paths.
    """
    base, loaded = base_of(application), application.cluster.workload
    if loaded is not None:
        plan = objectives_plan(settings.load, objectives, application)
        _refuse_hosts_without_baseline(plan, base)
        duet = duet_of(plan, base.hosts)
        turns = abba_plans(duet) if settings.slo.compare == "abba" else ()
        return _series(duet, settings.load, application, load_lock, turns=turns, arms={HEAD: {}, BASE: base.hosts})
    served = {(entry.host, entry.path) for entry in entries_of(base.rendered, existing=True)}
    duet = duet_plan(objectives_plan(settings.load, objectives, application), base.hosts, served)
    if not duet.routes:
        raise SettingsError(
            "the baseline serves none of the paths that the pull request is judged by",
            last_state=f"paths of the baseline: {', '.join(sorted(host + path for host, path in served)) or 'none'}",
            next_step="make both versions serve a common path",
        )
    turns = abba_plans(duet) if settings.slo.compare == "abba" else ()
    return _series(duet, settings.load, application, load_lock, turns=turns)


def objectives_series(load: LoadSettings, objectives: Objectives, application: DeployedApplication, load_lock: LoadLock) -> BurstSeries:
    """The bursts that the thresholds of `objectives` are judged from."""
    return _series(objectives_plan(load, objectives, application), load, application, load_lock)


def _series(
    plan: BurstPlan,
    load: LoadSettings,
    application: DeployedApplication,
    load_lock: LoadLock,
    *,
    turns: Sequence[BurstPlan] = (),
    arms: Arms = MappingProxyType({"": {}}),
) -> BurstSeries:
    cluster = application.cluster
    return BurstSeries(
        plan,
        load.warmup,
        cluster.measurements,
        load_lock,
        turns,
        own_cpu=cluster.own_cpu,
        find_pods=partial(find_metered_pods, application),
        setup=_setup(application, load, arms),
    )


def run_setup(application: DeployedApplication, load: LoadSettings) -> WorkloadSetup | None:
    """The setup and teardown of the application's workload, for every arm of the run; None if it has neither."""
    base = application.cluster.base
    return _setup(application, load, {"": {}, **({HEAD: {}, BASE: base.hosts} if base is not None else {})})


def _setup(application: DeployedApplication, load: LoadSettings, arms: Arms) -> WorkloadSetup | None:
    loaded = application.cluster.workload
    if loaded is None or not (loaded.workload.setup or loaded.workload.teardown):
        return None
    return WorkloadSetup(loaded, endpoints_of(application), application.address, arms, run_salt(application), load.timeout)


def _refuse_hosts_without_baseline(plan: BurstPlan, base: Baseline) -> None:
    """A request for a host that the baseline does not serve would go to the pull request's version."""
    missing = sorted({route.host for route in plan.routes} - base.hosts.keys())
    if missing:
        raise SettingsError(
            f"the baseline does not serve {', '.join(missing)}, which the workload requests",
            last_state=f"hosts of the baseline: {', '.join(sorted(base.hosts)) or 'none'}",
            next_step="compare versions that serve the same hosts",
        )


def base_of(application: DeployedApplication) -> Baseline:
    """The baseline deployed alongside the application; raises `SettingsError` if there is none."""
    base = application.cluster.base
    if base is None:
        raise SettingsError("no baseline to compare with", next_step="set --slo-base REF_OR_OVERLAY")
    return base
