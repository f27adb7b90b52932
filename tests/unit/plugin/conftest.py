"""Suites that use the plugin, run in this process: a new process would spend a second on imports before its first test."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

import pytest

from kindgate.deploy.baseline import Baseline
from kindgate.deploy.entries import Entry, PathSource
from kindgate.model import ClusterAddress, ObjectRef, Rendered
from kindgate.pipeline.environment import DeployedApplication, Environment, MonitoredApplication, RunningCluster, StageT
from kindgate.pipeline.provisioner import Pipeline
from kindgate.plugin.controller import LazyPipeline
from tests.unit.cluster.conftest import machine  # noqa: F401  # a fixture of this folder too

Reach = Callable[[LazyPipeline], Environment]
"""Reaches a stage without an engine, or raises."""

StandIn = Callable[[Reach], list[type[object]]]
"""Replaces the pipeline of nested runs in this process, but not in their workers; returns the requested stages."""

INI = "[pytest]\naddopts = -p no:locust -p no:hypothesispytest -p no:pytest-kind\n"
"""Disables three plugins that load slowly and that no nested suite uses."""

QUIET_MACHINE = ("-p", "tests.unit.plugin.quiet_machine_plugin")
"""Options of a nested run whose verdicts must not depend on the machine."""

LATE = ("plugin.duet", "plugin.item_objectives", "plugin.outcomes", "pipeline.finish", "report.page_charts")
"""Modules that kindgate imports lazily."""


@pytest.fixture(scope="session", autouse=True)
def _modules_stay() -> None:
    """Import modules first that a nested run would unload again, because numpy can be imported only once."""
    for name in (*(f"kindgate.{module}" for module in LATE), "scipy.optimize", "scipy.stats", "github"):
        importlib.import_module(name)


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """An empty suite with settings as strict as this one's."""
    pytester.makeini(INI + "strict = true\nfilterwarnings = error\n")
    return pytester


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """Replace the pipeline with one that needs no engine."""

    def replace(reach: Reach) -> list[type[object]]:
        requested_stages: list[type[object]] = []

        def recording_reach(lazy: LazyPipeline, stage: type[StageT]) -> Environment:
            requested_stages.append(stage)
            return reach(lazy)

        monkeypatch.setattr(LazyPipeline, "reach", recording_reach)
        return requested_stages

    return replace


def entry(host: str) -> Entry:
    """Return the entry for a host, as the pipeline reads it from an Ingress."""
    return Entry(host, "/", tls=False, source=PathSource.ROUTE, object=ObjectRef("Ingress", "i", "echo"), service=None, route_path="/")


def reached(
    url: str = "http://127.0.0.1:1",
    *hosts: str,
    rendered: Rendered = Rendered(Path("o"), ()),  # noqa: B008  # frozen
    base: Baseline | None = None,
    measurements: Path = Path("measurements"),
) -> MonitoredApplication:
    """Return an application at `url` with an entry for each host, without Prometheus: the last stage."""
    address = ClusterAddress("c", Path("kc"), "kind-c", url)
    cluster = RunningCluster(address, rendered, Path("kubectl"), Path("artifacts"), measurements, base)
    return MonitoredApplication(DeployedApplication(cluster, tuple(map(entry, hosts))), "it is off")


def pipeline_of(lazy: LazyPipeline) -> Pipeline:
    """Return the run's real pipeline, created as the run would create it, so the run ends with reports."""
    if lazy.pipeline is None:
        lazy.pipeline = Pipeline(lazy._settings, lazy._run_id, lazy._terminal.progress)
    return lazy.pipeline
