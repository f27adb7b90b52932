"""The suite into which faults are injected. It signals progress with files, and waits for files from the harness.

The harness copies it to a separate folder, as test_faulty.py.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from kindgate.observe.resource_summary import ResourceSummary
    from kindgate.plugin.burst import Bursts
    from kindgate.plugin.chaos import Chaos
    from kindgate.plugin.cluster import Cluster
    from kindgate.plugin.ingress import Ingress
    from kindgate.plugin.rollout import Rollouts
    from kindgate.plugin.slo import Slo

pytestmark = pytest.mark.e2e

FOLDER = Path(__file__).parent
WAIT_SECONDS = 120.0


def signal_progress(name: str) -> None:
    """Signal that the suite has reached this point."""
    (FOLDER / name).touch()


def wait_for_file(name: str) -> None:
    """Wait for the harness."""
    ends = time.monotonic() + WAIT_SECONDS
    while not (FOLDER / name).exists():
        assert time.monotonic() < ends, f"{name} was not created in time"
        time.sleep(0.05)


def test_answers(ingress: Ingress) -> None:
    """The application responds."""
    assert ingress.get("foo.localhost").text.strip() == "foo"


def test_cluster(cluster: Cluster) -> None:
    """The cluster is running; meanwhile, the harness may inject a fault."""
    signal_progress("standing")
    if "FAULT_MEET" in os.environ:
        wait_for_file("go")
    assert cluster.objects("nodes")


def test_burst(burst: Bursts) -> None:
    """Every request of a burst succeeds."""
    signal_progress("bursting")
    result = burst(rate=100, duration=float(os.environ.get("FAULT_BURST", "12")), warmup=0)
    (FOLDER / f"burst-{os.getpid()}.json").write_text(json.dumps([result.window.start, result.window.end]))
    assert result.total.failures == 0, f"{result.total.failures} of {result.total.scheduled} requests failed"


def test_objectives(slo: Slo) -> None:
    """No request of five bursts fails."""
    slo.check()


@pytest.mark.rollout
def test_rollout(rollout: Rollouts) -> None:
    """A restart under load; the harness kills its worker in the middle."""
    signal_progress(f"rolling-{os.getpid()}")
    rollout.restart()


@pytest.mark.chaos
def test_paused(chaos: Chaos) -> None:
    """A worker is paused under load; meanwhile, the harness kills the run."""
    chaos.pause_node(seconds=60)


def test_resources(resources: ResourceSummary) -> None:
    """Prometheus has the application's resource usage under load."""
    assert resources.workloads


def test_dns(cluster: Cluster) -> None:
    """A pod of the cluster can resolve a Service's name."""
    signal_progress("standing")
    wait_for_file("go")
    addresses = [
        address
        for item in cluster.objects("endpointslices.discovery.k8s.io", "kube-system")
        if item["metadata"]["labels"].get("kubernetes.io/service-name") == "kube-dns"
        for endpoint in item.get("endpoints") or ()
        if endpoint.get("conditions", {}).get("ready")
        for address in endpoint["addresses"]
    ]
    assert addresses, "no DNS server answers in the cluster"


def test_namespace(cluster: Cluster, namespace: str) -> None:
    """A test's own namespace contains an object whose finalizer blocks its deletion."""
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "held", "finalizers": ["kindgate.dev/held"]}}
    cluster.kubectl("apply", "--namespace", namespace, "--filename", "-", stdin=json.dumps(config_map))
    (FOLDER / "namespace").write_text(namespace)


@pytest.mark.parametrize("number", range(4))
def test_each(cluster: Cluster, number: int) -> None:
    """One of several small tests fails on request."""
    assert cluster.objects("nodes")
    time.sleep(1.0)
    assert str(number) != os.environ.get("FAULT_FAILING"), "this one was told to fail"


def test_worker(cluster: Cluster) -> None:
    """A fault hits the worker in the middle of this test."""
    assert cluster.objects("nodes")
    (FOLDER / f"worker-{os.getpid()}").touch()
    wait_for_file("go")
