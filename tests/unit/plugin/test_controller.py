"""The fate of the run's cluster after its tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindgate.pipeline.environment import DeployedApplication, Environment, RunningCluster
from kindgate.plugin.controller import LazyPipeline
from tests.unit.cluster.machine import Machine
from tests.unit.cluster.test_lifecycle import cluster_spec, opened
from tests.unit.deploy.objects import rendered
from tests.unit.plugin.conftest import StandIn, pipeline_of

SUITE = """
import pytest

pytestmark = pytest.mark.e2e

def test_passes(cluster):
    pass

def test_fails(cluster):
    assert False
"""


@pytest.mark.parametrize(("test", "kept"), [("passes", False), ("fails", True)])
def test_a_failed_test_keeps_the_cluster(
    test: str,
    machine: Machine,
    suite: pytest.Pytester,
    stand_in: StandIn,
    tmp_path: Path,
    *,
    kept: bool,
) -> None:
    """With --kind-keep=on-failure, a failed test alone keeps the cluster for inspection."""

    def reach(lazy: LazyPipeline) -> Environment:
        pipeline = pipeline_of(lazy)
        if pipeline.environment is None:
            cluster = opened(cluster_spec(machine, tmp_path, keep="on-failure"))
            pipeline.cleanup.add_cluster(cluster)
            running = RunningCluster(
                address=cluster.address,
                rendered=rendered(),
                kubectl=Path("kubectl"),
                kind=machine.kind,
                engine=machine.engine,
                artifacts=tmp_path,
                measurements=tmp_path,
            )
            pipeline.environment = DeployedApplication(running)
        return pipeline.environment

    stand_in(reach)
    suite.makepyfile(test_suite=SUITE)
    suite.runpytest_inprocess("-m", "e2e", "-k", test)

    assert bool(machine.containers) is kept
