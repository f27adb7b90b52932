"""One episode against a run's application: its plan, its targets, and exclusive use of the machine from first to last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from kindgate.errors import ScenarioError
from kindgate.load.plan import BurstPlan, OpenLoop
from kindgate.load.process_limits import requests_per_arrival
from kindgate.model import ObjectRef
from kindgate.pipeline.burst_plans import objectives_plan
from kindgate.pipeline.environment import DeployedApplication, RunningCluster
from kindgate.pipeline.judged_series import run_setup
from kindgate.pipeline.load_lock import LoadLock
from kindgate.pipeline.workload_setup import with_setup_values
from kindgate.progress import Progress
from kindgate.scenarios.action import Action
from kindgate.scenarios.episode_load import AFTER_SECONDS, EpisodeLoad, Ramp
from kindgate.scenarios.run import Scene, run_action
from kindgate.scenarios.scaling import ScaleOut
from kindgate.scenarios.targets import ingress_controllers, named_workloads, workloads_behind
from kindgate.settings import LoadSettings
from kindgate.slo.episode import Episode
from kindgate.slo.episode_objectives import refuse_unknown_routes
from kindgate.slo.objectives import Objectives

EPISODE_RATE = 200.0
"""Requests per second of an episode, unless the workload's own rate is higher."""

PEAK_FACTOR = 4.0
"""The load at the top of a ramp as a multiple of that before it, unless --scenario-peak states it."""

PEAK_SECONDS = 10.0
"""Seconds at the top of a ramp after the action; response times need not be those of the lower load."""

EPISODE_SEEDS = 4_000_000
"""Distance of the seeds of episodes from their plan's: no burst and no warm-up has them."""


def episode_plan(load: LoadSettings, objectives: Objectives, application: DeployedApplication, rate: float | None = None) -> BurstPlan:
    """The load of an episode, at `rate` requests per second: the workload's mix, or all entries equally.

    Without `rate`, it is `EPISODE_RATE`, or that of the workload if it is higher. Raises `LoadError` or `SloError` if there is
    nothing to send requests to, and `SloError` for an objective about a route that is not sent.
    """
    plan = objectives_plan(load, objectives, application)
    refuse_unknown_routes(objectives.scenarios, (route.label for route in plan.routes))
    assert isinstance(plan.loop, OpenLoop)  # noqa: S101  # bursts of objectives have one
    per_arrival = requests_per_arrival(plan)
    own = plan.loop.peak_rate * per_arrival if application.cluster.workload is not None else 0.0
    arrivals = (rate or max(EPISODE_RATE, own)) / per_arrival
    return replace(plan, loop=OpenLoop.constant(arrivals, seconds=plan.loop.seconds, arrival=plan.loop.arrival))


def episode_targets(application: DeployedApplication, names: Sequence[str] = ()) -> tuple[ObjectRef, ...]:
    """The workloads of these names, or all those behind the application's entries; raises `ScenarioError`."""
    rendered = application.rendered
    return named_workloads(names, rendered) if names else workloads_behind(application.entries, rendered)


def ingress_controller(cluster: RunningCluster) -> tuple[ObjectRef, ...]:
    """The workloads of the cluster's ingress controller; raises `ScenarioError` if kindgate did not install it."""
    if cluster.address.existing:
        raise ScenarioError("the ingress controller of an existing cluster also serves others", next_step="kill pods of the application")
    return ingress_controllers(cluster.rendered)


def run_episode(
    action: Action,
    plan: BurstPlan,
    application: DeployedApplication,
    *,
    load: LoadSettings,
    lock: LoadLock,
    peak: float | None = None,
    progress: Progress = lambda _: None,
) -> Episode:
    """Do `action` under the load of `plan`, and undo it, before anything else of the run uses the machine.

    Under a scale-out, the load rises to `peak` requests per second, or by `PEAK_FACTOR`.

    Raises `KindgateError` if the action cannot be done or the load not be sent; what fails later is part of the episode.
    """
    cluster = application.cluster
    with lock.exclusive():
        folder = cluster.measurements / "episodes"
        plan = with_own_seed(plan, folder)
        setup = run_setup(application, load)
        if setup is not None:
            plan = with_setup_values(plan, setup.values(folder))
        ramp = ramp_to(peak, plan) if isinstance(action, ScaleOut) else None
        after = AFTER_SECONDS if ramp is None else PEAK_SECONDS
        episode_load = EpisodeLoad(plan, own_cpu=cluster.own_cpu, warmup=load.warmup, ramp=ramp, after=after)
        return run_action(action, episode_load, Scene(cluster.address, cluster.kubectl, cluster.engine), progress=progress)


def ramp_to(peak: float | None, plan: BurstPlan) -> Ramp:
    """The ramp from the plan's rate to `peak` requests per second, or to `PEAK_FACTOR` times its rate.

    Raises `ScenarioError` for a peak that is not higher.
    """
    assert isinstance(plan.loop, OpenLoop)  # noqa: S101  # episodes have one
    rate = plan.loop.peak_rate * requests_per_arrival(plan)
    if peak is not None and peak <= rate:
        raise ScenarioError(
            f"--scenario-peak {peak:g} is not above the load before the ramp, {rate:g} requests per second",
            next_step="raise it, or lower --scenario-rate",
        )
    return Ramp(PEAK_FACTOR if peak is None else peak / rate)


def with_own_seed(plan: BurstPlan, folder: Path) -> BurstPlan:
    """The plan with a seed that no other load of the run has, so no generated value is sent twice; to be called under the load lock.

    A repeated value, such as the address of a user that exists already, would be refused and count as a lost request. `folder`
    records how many episodes there were, for every process of the run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    number = 1 + len(list(folder.glob("episode-*")))
    (folder / f"episode-{number:04d}").touch()
    return replace(plan, seed=plan.seed + EPISODE_SEEDS + number)
