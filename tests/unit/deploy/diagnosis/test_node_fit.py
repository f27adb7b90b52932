"""Pods that no node could ever run."""

from __future__ import annotations

from typing import Any

import pytest

from kindgate.deploy.diagnosis.node_fit import fits_no_node

CONTROL_PLANE = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}


def node(*taints: dict[str, str], cpu: str = "2", **labels: str) -> dict[str, Any]:
    """A node with two cores and 4 GiB."""
    return {
        "metadata": {"name": "n", "labels": labels},
        "spec": {"taints": list(taints)},
        "status": {"allocatable": {"cpu": cpu, "memory": "4Gi"}},
    }


def pod(*requests: dict[str, str], init: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    """A pod with one container per mapping of requests."""
    containers = [{"resources": {"requests": one}} for one in requests]
    return {"spec": {"containers": containers, "initContainers": [{"resources": {"requests": init}}] if init else [], **spec}}


def affinity(operator: str, *values: str) -> dict[str, Any]:
    """A required node affinity for the label `disk`."""
    terms = [{"matchExpressions": [{"key": "disk", "operator": operator, "values": list(values)}]}]
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}


@pytest.mark.parametrize(
    ("unscheduled", "nodes", "fits_none"),
    [
        (pod({"cpu": "1500m"}), [node()], False),
        (pod({"cpu": "1500m"}, {"cpu": "600m"}), [node()], True),
        (pod({"cpu": "1"}, init={"cpu": "3"}), [node()], True),
        (pod({"cpu": "3"}), [node(), node(cpu="4")], False),
        (pod({"memory": "5Gi"}), [node()], True),
        (pod({"example.dev/gpu": "1"}), [node()], True),
        (pod(nodeSelector={"disk": "ssd"}), [node()], True),
        (pod(nodeSelector={"disk": "ssd"}), [node(disk="ssd")], False),
        (pod(affinity=affinity("In", "ssd", "nvme")), [node(disk="hdd")], True),
        (pod(affinity=affinity("NotIn", "ssd")), [node(disk="hdd")], False),
        (pod(affinity=affinity("Exists")), [node()], True),
        (pod(affinity=affinity("DoesNotExist")), [node(disk="hdd")], True),
        (pod(affinity=affinity("Gt", "1")), [node(disk="0")], False),
        (pod(), [node(CONTROL_PLANE)], True),
        (pod(tolerations=[{"operator": "Exists"}]), [node(CONTROL_PLANE)], False),
        (pod(tolerations=[{**CONTROL_PLANE, "operator": "Exists"}]), [node(CONTROL_PLANE)], False),
        (pod(tolerations=[{**CONTROL_PLANE, "effect": "NoExecute"}]), [node(CONTROL_PLANE)], True),
        (pod(tolerations=[{"key": "team", "value": "a"}]), [node({"key": "team", "value": "b", "effect": "NoSchedule"})], True),
        (pod(tolerations=[{"key": "team", "value": "a"}]), [node({"key": "team", "value": "a", "effect": "NoSchedule"})], False),
        (pod(), [node({"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"})], False),
        (pod(), [node({"key": "x", "effect": "PreferNoSchedule"})], False),
        (pod({"cpu": "64"}), [], False),
    ],
)
def test_only_permanent_constraints_rule_a_node_out(unscheduled: dict[str, Any], nodes: list[dict[str, Any]], *, fits_none: bool) -> None:
    """Only size, labels and permanent taints rule a node out; unknown constraints count as satisfied."""
    assert fits_no_node(unscheduled, nodes) is fits_none
