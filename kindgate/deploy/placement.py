"""Where the pods of two versions run: a difference between nodes must not pass for one between versions.

The second version follows the first: each of its workloads gets the nodes, and on each as many pods, as the same
workload of the first version has when it is ready. When both change places, each follows the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from kindgate.deploy.api import connect
from kindgate.deploy.beside import Beside, spread_constraint
from kindgate.deploy.calls import ask
from kindgate.model import ClusterAddress, Manifest, ObjectRef, Rendered
from kindgate.pod_templates import pod_template
from kindgate.waiting import Deadline

HOSTNAME = "kubernetes.io/hostname"

_REVISION_LABELS = ("pod-template-hash", "controller-revision-hash")


def pods_of(namespaces: Iterable[str], address: ClusterAddress, deadline: Deadline) -> tuple[Manifest, ...]:
    """The pods of `namespaces` that stand on a node and stay there.

    Raises `DeployError` when the API server cannot be asked.
    """
    with connect(address) as api:
        answers = [ask(api, "GET", f"/api/v1/namespaces/{name}/pods", deadline) or {} for name in namespaces]
    pods = (pod for answer in answers for pod in answer.get("items", ()))
    return tuple(pod for pod in pods if pod["spec"].get("nodeName") and not pod["metadata"].get("deletionTimestamp"))


def placed_like(beside: Beside, pods: Sequence[Manifest]) -> Rendered:
    """The second version, each workload bound to the nodes that `pods` of the same workload of the first version run on.

    A workload that says itself where it wants to be, or that the first version has no pods of, is left alone.
    """
    first = {second: name for name, second in beside.namespaces.items()}
    return replace(
        beside.rendered, objects=tuple(_bound(item, first.get(ObjectRef.of(item).namespace), pods) for item in beside.rendered.objects)
    )


def placed_as(rendered: Rendered, namespaces: Mapping[str, str], pods: Sequence[Manifest]) -> Rendered:
    """The first version, each workload bound to the nodes that `pods` of the same workload of the second version run on.

    `namespaces` maps its namespaces to those of the second version. The rest is as `placed_like` has it.
    """
    return replace(rendered, objects=tuple(_bound(item, namespaces.get(ObjectRef.of(item).namespace), pods) for item in rendered.objects))


def uneven_placement(first: Sequence[Manifest], second: Sequence[Manifest], namespaces: Mapping[str, str]) -> str:
    """What to say where a node runs more pods of a workload in one version than in the other; empty where none does.

    `namespaces` maps those of the first version to those beside them.
    """
    heads, bases = _per_node(first, namespaces), _per_node(second, {name: name for name in namespaces.values()})
    uneven = []
    for workload in sorted(heads | bases):
        head, base = heads.get(workload, Counter()), bases.get(workload, Counter())
        if head != base:
            counts = ", ".join(f"{node} {base[node]} and {head[node]}" for node in sorted(head | base))
            uneven.append(f"{workload[1]}: {counts}")
    return f"pods of the baseline and of the pull request per node: {'; '.join(uneven)}" if uneven else ""


def _bound(manifest: Manifest, namespace: str | None, pods: Sequence[Manifest]) -> Manifest:
    template = pod_template(manifest)
    if template is None or namespace is None or template.spec.get("topologySpreadConstraints") != [spread_constraint(manifest)]:
        return manifest
    labels = manifest["spec"]["selector"].get("matchLabels") or {}
    counts = Counter(str(pod["spec"]["nodeName"]) for pod in pods if pod["metadata"]["namespace"] == namespace and _carries(pod, labels))
    if not counts or (template.spec.get("affinity") or {}).get("nodeAffinity"):
        return manifest
    body = manifest["spec"]["template"]
    bound = {
        **body["spec"],
        "affinity": {**(body["spec"].get("affinity") or {}), "nodeAffinity": _affinity(counts)},
        "topologySpreadConstraints": [
            {
                **spread_constraint(manifest),
                "whenUnsatisfiable": "DoNotSchedule",
                "maxSkew": max(1, max(counts.values()) - min(counts.values())),
            }
        ],
    }
    return {**manifest, "spec": {**manifest["spec"], "template": {**body, "spec": bound}}}


def _affinity(counts: Mapping[str, int]) -> dict[str, Any]:
    """Only these nodes, and rather those that have more: what the spread leaves open goes there."""
    most = max(counts.values())
    return {
        "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [_on(sorted(counts))]},
        "preferredDuringSchedulingIgnoredDuringExecution": [
            {"weight": round(100 * count / most), "preference": _on([node])} for node, count in sorted(counts.items())
        ],
    }


def _on(nodes: list[str]) -> dict[str, Any]:
    return {"matchExpressions": [{"key": HOSTNAME, "operator": "In", "values": nodes}]}


def _carries(pod: Manifest, labels: Mapping[str, str]) -> bool:
    own = pod["metadata"].get("labels") or {}
    return all(own.get(key) == value for key, value in labels.items())


def _per_node(pods: Sequence[Manifest], namespaces: Mapping[str, str]) -> dict[tuple[str, str], Counter[str]]:
    """Pods per node of each workload, which is named by its second namespace and its name."""
    found: dict[tuple[str, str], Counter[str]] = {}
    for pod in pods:
        workload = (namespaces[pod["metadata"]["namespace"]], _workload(pod))
        found.setdefault(workload, Counter())[str(pod["spec"]["nodeName"])] += 1
    return found


def _workload(pod: Manifest) -> str:
    """What owns the pod, without the part of the name that changes with every revision."""
    owners = pod["metadata"].get("ownerReferences") or ({"name": pod["metadata"]["name"]},)
    labels = pod["metadata"].get("labels") or {}
    name = str(owners[0]["name"])
    for label in _REVISION_LABELS:
        name = name.removesuffix(f"-{labels[label]}") if labels.get(label) else name
    return name
