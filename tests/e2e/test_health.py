"""The cluster and the application are up: nodes, Deployments, hosts, Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from kindgate import Application, Cluster, Ingress, Prometheus


pytestmark = pytest.mark.e2e


@pytest.mark.smoke
def test_every_node_is_ready(cluster: Cluster) -> None:
    """Each node of the cluster reports the condition Ready."""
    nodes = cluster.objects("nodes")

    conditions = {node["metadata"]["name"]: {(one["type"], one["status"]) for one in node["status"]["conditions"]} for node in nodes}
    unready = [name for name, found in conditions.items() if ("Ready", "True") not in found]

    assert nodes
    assert unready == []


@pytest.mark.smoke
def test_every_deployment_has_all_its_replicas(cluster: Cluster, app: Application) -> None:
    """Every Deployment of the application has all of its replicas available."""
    deployments = [item for namespace in app.namespaces for item in cluster.objects("deployments.apps", namespace)]

    short = [item["metadata"]["name"] for item in deployments if item["status"].get("availableReplicas", 0) != item["spec"]["replicas"]]

    assert deployments
    assert short == []


@pytest.mark.smoke
def test_an_unknown_host_gets_404(ingress: Ingress) -> None:
    """The controller itself responds for a host without an Ingress."""
    assert ingress.get("nobody.localhost").status_code == 404


def test_every_prometheus_target_is_up(prometheus: Prometheus) -> None:
    """Prometheus scrapes every target that it knows."""
    jobs = {"cadvisor", "kubelet-resource", "ingress", "prometheus"}

    targets = prometheus.wait_for_targets(*jobs)

    assert jobs <= {target.job for target in targets}
    assert {target.health for target in targets} == {"up"}
