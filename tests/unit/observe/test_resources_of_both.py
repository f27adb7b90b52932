"""Resource use of two versions during a comparison, separately."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from kindgate.deploy.baseline import Baseline
from kindgate.load.aggregate import burst_result
from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.load.raw_samples import OK
from kindgate.load.result import BurstResult, Health
from kindgate.model import ClusterAddress, Rendered
from kindgate.pipeline.comparison import resources_of_both
from kindgate.pipeline.environment import DeployedApplication, MonitoredApplication, RunningCluster
from tests.unit.deploy.standin import kubeconfig
from tests.unit.observe.prometheus_stand_in import PrometheusServer

PLAN = BurstPlan((Route("http://127.0.0.1/"),), OpenLoop.constant(1, requests=1))


def burst(started: float, seconds: float) -> BurstResult:
    """Build a burst with one request that took its whole duration."""
    rows = np.array([(0, 0, 0, int(seconds * 1e9), 0, 1, OK, 200)], np.int64)
    return burst_result(PLAN, rows, started=started, health=Health())


def test_each_version_is_summed_over_the_full_comparison(
    prometheus: PrometheusServer, load_of_30_s: Callable[[float, float], None], tmp_path: Path
) -> None:
    """Head comes first, then base: each has its CPU from the first burst to the last, without the other's."""
    began = time.time() - 100
    load_of_30_s(began, began + 30)
    nothing = Rendered(Path(), ())
    cluster = RunningCluster(
        ClusterAddress("test", kubeconfig(tmp_path, prometheus.url), "test", "http://127.0.0.1:1"),
        nothing,
        tmp_path / "kubectl",
        tmp_path / "artifacts",
        tmp_path / "measurements",
        base=Baseline(nothing, {"demo": "ingress"}, {}),
    )

    head, base = resources_of_both(MonitoredApplication(DeployedApplication(cluster)), (burst(began, 2), burst(began + 28, 2)))

    assert {use.namespace for use in head.workloads} == {"demo"}
    assert {use.namespace for use in base.workloads} == {"ingress"}
    assert max(use.cpu_avg or 0 for use in head.workloads) > 0
    assert (head.window.start, head.window.seconds) == (began, 30)
