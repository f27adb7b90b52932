"""Pods of the shop as the API server reports them, and outsiders next to them."""

from __future__ import annotations

from collections.abc import Mapping

from kindgate.deploy.snapshot import Snapshot
from kindgate.model import ObjectRef
from kindgate.scenarios.connection_attempts import RunningPod
from kindgate.scenarios.outsiders import Outsiders
from tests.unit.deploy.objects import Object, deployment, live_pod, manifest, service

STRANGER = RunningPod(ObjectRef("Pod", "kube-public", "stranger"), "worker", "s", "10.0.9.1")
NEIGHBOR = RunningPod(ObjectRef("Pod", "shop", "neighbor"), "worker", "n", "10.0.9.2")
OUTSIDERS = Outsiders(STRANGER, {"shop": NEIGHBOR})


def running_status(container: str, address: str) -> Object:
    """The status of a ready pod with one container that runs."""
    state = {"name": "web", "containerID": f"containerd://{container}", "state": {"running": {}}}
    return {"podIP": address, "conditions": [{"type": "Ready", "status": "True"}], "containerStatuses": [state]}


def pod_of(workload: str, number: int, *ports: Mapping[str, object], namespace: str = "shop") -> Object:
    """The ready pod `WORKLOAD-NUMBER` of a workload, with the address `10.0.NUMBER.LENGTH`."""
    name = f"{workload}-{number}"
    item = live_pod(name, owner=f"{namespace}/{workload}", **running_status(name, f"10.0.{number}.{len(workload)}"))
    item["metadata"] |= {"namespace": namespace, "labels": {"app": workload}}
    item["spec"] = {"nodeName": "worker", "containers": [{"name": "web", "ports": list(ports)}]}
    return item


def workload(name: str, *, namespace: str = "shop") -> Object:
    """The Deployment, which owns its pods directly."""
    item = deployment(name, namespace=namespace)
    item["metadata"]["uid"] = f"{namespace}/{name}"
    return item


def live_service(name: str, address: str, *ports: Mapping[str, object]) -> Object:
    """A Service of the workload of the same name; without ports, 80 leads to `http`."""
    item = service(name, clusterIP=address)
    item["spec"] |= {"ports": list(ports)} if ports else {}
    return item


def snapshot(*objects: Object) -> Snapshot:
    """The objects as they are in the cluster."""
    return Snapshot([{"kind": item["kind"], **item} for item in objects])


def node_with(*images: str) -> Object:
    """A node that reports these images."""
    return manifest("Node", "worker", namespace="", status={"images": [{"names": list(images)}]})
