"""Each stage of an environment holds the one before."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from kindgate.host.container_engine import Engine
from kindgate.load.own_cpu import OwnCpu
from kindgate.pipeline.environment import (
    DeployedApplication,
    Environment,
    MonitoredApplication,
    RunningCluster,
    cluster_of,
    find_stage,
    stage_of,
)


def test_every_stage_before_the_last_one_can_be_used(application: DeployedApplication) -> None:
    """A test that needs only the cluster gets it from a run that has come further."""
    monitored = MonitoredApplication(application)

    assert stage_of(monitored, MonitoredApplication) is monitored
    assert stage_of(monitored, DeployedApplication) is application
    assert stage_of(monitored, RunningCluster) is application.cluster


def test_a_later_stage_is_not_found(application: DeployedApplication) -> None:
    """A stage that is only requested later must not be taken for reached."""
    assert find_stage(None, RunningCluster) is None
    assert find_stage(application.cluster, DeployedApplication) is None
    assert find_stage(application, MonitoredApplication) is None
    with pytest.raises(LookupError, match="not yet a MonitoredApplication"):
        stage_of(application, MonitoredApplication)


def test_the_cluster_of_every_stage_is_the_same(application: DeployedApplication) -> None:
    """Evidence and redaction need it at any stage."""
    stages: tuple[Environment, ...] = (application.cluster, application, MonitoredApplication(application))

    assert {id(cluster_of(stage)) for stage in stages} == {id(application.cluster)}


def test_an_environment_can_be_sent_to_another_process(application: DeployedApplication) -> None:
    """Workers receive it over a socket, with the engine, both versions and the run's own processes."""
    cluster = replace(application.cluster, engine=Engine("docker", Path("docker"), "28.0"), own_cpu=OwnCpu(1, ()))
    monitored = MonitoredApplication(replace(application, cluster=cluster, placement="apart", notes=("probed",)), "it is off")

    assert pickle.loads(pickle.dumps(monitored)) == monitored  # this test's own data
