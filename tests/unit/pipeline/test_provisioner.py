"""The stages of a run, and its notes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kindgate.deploy.baseline import Baseline
from kindgate.errors import MetricsError, SettingsError
from kindgate.model import ClusterAddress
from kindgate.pipeline.environment import DeployedApplication, MonitoredApplication, RunningCluster
from kindgate.pipeline.inputs import Inputs
from kindgate.pipeline.provisioner import Pipeline
from kindgate.pipeline.run_tools import Tools
from kindgate.settings import MetricsSettings, Settings
from kindgate.slo.objectives import Objectives
from tests.unit.deploy.objects import deployment, rendered
from tests.unit.deploy.standin import kubeconfig, serving


def test_the_report_lists_changes_to_the_manifests() -> None:
    """Readers of a verdict must see that another image than the pinned one was used, in either version."""
    pipeline = Pipeline(Settings(), "run", lambda _: None)
    before, head, base = (replace(rendered(deployment(name)), notes=(f"{name} changed",)) for name in ("database", "web", "web-base"))

    pipeline.inputs = Inputs(Objectives(), Tools(Path("kubectl"), None), head, (before,), None, base=Baseline(base, {}, {}))

    assert pipeline.notes == ("database changed", "web changed", "web-base changed")


def test_a_stage_is_reached_once(application: DeployedApplication) -> None:
    """Every test requests its stage; the phases run for the first, and earlier stages stay available."""
    pipeline = Pipeline(Settings(metrics=MetricsSettings(prometheus="optional")), "run", lambda _: None)
    pipeline.inputs = Inputs(Objectives(), Tools(Path("kubectl"), None), application.rendered, (), None)
    pipeline.environment = application

    assert pipeline.environment_at(DeployedApplication) is application is pipeline.environment

    monitored = pipeline.environment_at(MonitoredApplication)
    assert "the manifests do not contain" in monitored.missing_prometheus
    assert monitored.missing_prometheus in pipeline.notes
    assert pipeline.environment_at(MonitoredApplication) is monitored
    assert pipeline.environment_at(RunningCluster) is application.cluster
    assert pipeline.reach(RunningCluster) is monitored
    assert [phase.name for phase in pipeline.log.phases] == ["wait for Prometheus"]


def test_a_failed_stage_is_not_reached(application: DeployedApplication, tmp_path: Path) -> None:
    """The error is kept for the report with the evidence, and the stage before stays."""
    settings = Settings(root=tmp_path, metrics=MetricsSettings(prometheus="required"))
    pipeline = Pipeline(settings, "run", lambda _: None)
    pipeline.inputs = Inputs(Objectives(), Tools(Path("kubectl"), None), application.rendered, (), None)
    with serving() as server:
        address = ClusterAddress("test", kubeconfig(tmp_path, server.url), "test", "http://127.0.0.1:1")
        cluster = replace(application.cluster, address=address, artifacts=pipeline.artifacts)
        pipeline.environment = before = replace(application, cluster=cluster)

        with pytest.raises(MetricsError, match="the manifests do not contain") as raised:
            pipeline.environment_at(MonitoredApplication)

    assert pipeline.error is raised.value
    assert pipeline.environment is before
    assert [bundle.name for bundle in pipeline.bundles] == ["wait for Prometheus"]


def test_a_swap_without_a_baseline_is_refused() -> None:
    """Without a comparison nothing is removed from the cluster."""
    pipeline = Pipeline(Settings(), "run", lambda _: None)

    with pytest.raises(SettingsError, match="no two versions"):
        pipeline.swap_versions()
