"""Pods, their workloads, and the limits in the manifests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kindgate.errors import MetricsError
from kindgate.model import Rendered
from kindgate.observe.workloads import Allowance, workload_of, workloads_of


def _container(requests: dict[str, str], limits: dict[str, str]) -> dict[str, Any]:
    return {"name": "c", "resources": {"requests": requests, "limits": limits}}


def _workload(kind: str, name: str, *containers: dict[str, Any], **pod_spec: Any) -> dict[str, Any]:
    template = {"spec": {"containers": list(containers), **pod_spec}}
    spec: dict[str, Any] = {"template": template}
    if kind == "CronJob":
        spec = {"jobTemplate": {"spec": spec}}
    if kind == "Pod":
        spec = template["spec"]
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "echo"}, "spec": spec}


def _known(*manifests: dict[str, Any]) -> Any:
    return workloads_of(Rendered(Path(), manifests))


SMALL = _container({"cpu": "50m", "memory": "32Mi"}, {"cpu": "500m", "memory": "64Mi"})


@pytest.mark.parametrize(
    ("kind", "pod"),
    [
        ("Deployment", "web-7fbb45c94f-24gj9"),
        ("StatefulSet", "web-0"),
        ("DaemonSet", "web-z4hfr"),
        ("Job", "web-z4hfr"),
        ("CronJob", "web-29365740-z4hfr"),
        ("Pod", "web"),
    ],
)
def test_a_pods_workload_is_derived_from_its_name(kind: str, pod: str) -> None:
    """Each kind of controller names its pods differently."""
    assert workload_of("echo", pod, _known(_workload(kind, "web", SMALL))) == ("web", Allowance(0.05, 0.5, 32 * 2**20, 64 * 2**20))


def test_a_longer_workload_name_is_not_mistaken_for_a_shorter_one() -> None:
    """A pod of the DaemonSet `web-cnr` also looks like one of a Deployment `web`."""
    workloads = _known(_workload("Deployment", "web", SMALL), _workload("DaemonSet", "web-cnr", SMALL))
    assert workload_of("echo", "web-cnr-24gj9", workloads)[0] == "web-cnr"
    assert workload_of("echo", "web-7fbb45c94f-24gj9", workloads)[0] == "web"


def test_another_namespace_is_another_workload() -> None:
    """A workload of the same name elsewhere has no known limits."""
    assert workload_of("other", "web-0", _known(_workload("StatefulSet", "web", SMALL))) == ("web-0", Allowance())


def test_a_pod_without_a_manifest_is_grouped() -> None:
    """A Deployment's and a DaemonSet's pods are recognized by the random suffixes of their names, which spell no words."""
    names = {
        "traefik-b74b76465-r9xxf": "traefik",
        "kube-proxy-j7747": "kube-proxy",
        "kube-router-9cptq": "kube-router",
        "etcd-proof-control-plane": "etcd-proof-control-plane",
    }
    assert {pod: workload_of("x", pod, ()) for pod in names} == {pod: (name, Allowance()) for pod, name in names.items()}


def test_only_containers_and_sidecars_are_summed() -> None:
    """Containers that run together add up; those that have ended do not."""
    once = _container({"cpu": "8", "memory": "8Gi"}, {"cpu": "8", "memory": "8Gi"})
    workloads = _known(_workload("Deployment", "web", SMALL, initContainers=[once, {**SMALL, "restartPolicy": "Always"}]))
    assert workloads[0].allowance == Allowance(0.1, 1.0, 64 * 2**20, 128 * 2**20)


def test_one_container_without_a_limit_makes_the_pod_unlimited() -> None:
    """A sum over some of the containers would look like a limit."""
    workloads = _known(_workload("Deployment", "web", SMALL, _container({"cpu": "1"}, {"memory": "1Gi"})))
    assert workloads[0].allowance == Allowance(1.05, None, 32 * 2**20 + 2**30, 64 * 2**20 + 2**30)


def test_a_wrong_quantity_names_its_owner() -> None:
    """The message says where to look."""
    with pytest.raises(MetricsError, match="Deployment echo/web: limits of cpu"):
        _known(_workload("Deployment", "web", _container({"cpu": "1"}, {"cpu": "much"})))


def test_a_limit_range_supplies_missing_values() -> None:
    """The API server applies the namespace's LimitRange; a missing request defaults to the container's own limit."""
    limits = [{"type": "Container", "default": {"cpu": "1", "memory": "64Mi"}, "defaultRequest": {"cpu": "100m"}}]
    ranged = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "d", "namespace": "echo"}, "spec": {"limits": limits}}
    workloads = _known(ranged, _workload("Deployment", "web", _container({}, {"memory": "32Mi"})))
    assert workload_of("echo", "web-7fbb45c94f-24gj9", workloads)[1] == Allowance(0.1, 1.0, 32 * 2**20, 32 * 2**20)
