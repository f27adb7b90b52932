"""Node placement of two versions: a difference between nodes must not look like one between versions.

The baseline follows the first version: once that is ready, each baseline workload gets the nodes of the same workload
and as many pods on each. When the two change places, the first version follows the baseline.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from kindgate.cluster.api_client import connect
from kindgate.cluster.api_retry import request_if_exists
from kindgate.deploy.baseline import Baseline, spread_constraint
from kindgate.model import ClusterAddress, Manifest, ObjectRef, Rendered
from kindgate.pod_templates import pod_template
from kindgate.waiting import Deadline

HOSTNAME = "kubernetes.io/hostname"

_REVISION_LABELS = ("pod-template-hash", "controller-revision-hash")


def pods_of(namespaces: Iterable[str], address: ClusterAddress, deadline: Deadline) -> tuple[Manifest, ...]:
    """Return the pods of `namespaces` that are assigned to a node and not being deleted.

    Raises `DeployError` if the API server is unreachable.
    """
    with connect(address) as api:
        responses = [request_if_exists(api, "GET", f"/api/v1/namespaces/{name}/pods", deadline) or {} for name in namespaces]
    pods = (pod for response in responses for pod in response.get("items", ()))
    return tuple(pod for pod in pods if pod["spec"].get("nodeName") and not pod["metadata"].get("deletionTimestamp"))


def baseline_placed_like_head(baseline: Baseline, pods: Sequence[Manifest]) -> Rendered:
    """Bind each of the baseline's workloads to the nodes that run `pods` of the same workload of the first version.

    A workload with its own placement rules, or without pods in the first version, is unchanged.
    """
    head_namespaces = {base_namespace: head_namespace for head_namespace, base_namespace in baseline.namespaces.items()}
    return replace(
        baseline.rendered,
        objects=tuple(_bound_to_nodes(item, head_namespaces.get(ObjectRef.of(item).namespace), pods) for item in baseline.rendered.objects),
    )


def head_placed_like_baseline(rendered: Rendered, namespaces: Mapping[str, str], pods: Sequence[Manifest]) -> Rendered:
    """Bind each workload of the first version to the nodes that run `pods` of the same workload of the baseline.

    `namespaces` maps the first version's namespaces to the baseline's. Otherwise as in `baseline_placed_like_head`.
    """
    return replace(
        rendered, objects=tuple(_bound_to_nodes(item, namespaces.get(ObjectRef.of(item).namespace), pods) for item in rendered.objects)
    )


def uneven_placement(head_pods: Sequence[Manifest], base_pods: Sequence[Manifest], namespaces: Mapping[str, str]) -> str:
    """Return a message if the two versions have different numbers of a workload's pods on a node; otherwise empty.

    `namespaces` maps the first version's namespaces to the baseline's.
    """
    head_counts, base_counts = _per_node(head_pods, namespaces), _per_node(base_pods, {name: name for name in namespaces.values()})
    uneven = []
    for workload in sorted(head_counts | base_counts):
        head, base = head_counts.get(workload, Counter()), base_counts.get(workload, Counter())
        if head != base:
            counts = ", ".join(f"{node} {base[node]} and {head[node]}" for node in sorted(head | base))
            uneven.append(f"{workload[1]}: {counts}")
    return f"pods of the baseline and of the pull request per node: {'; '.join(uneven)}" if uneven else ""


def _bound_to_nodes(manifest: Manifest, namespace: str | None, pods: Sequence[Manifest]) -> Manifest:
    template = pod_template(manifest)
    if template is None or namespace is None or template.spec.get("topologySpreadConstraints") != [spread_constraint(manifest)]:
        return manifest
    labels = manifest["spec"]["selector"].get("matchLabels") or {}
    counts = Counter(str(pod["spec"]["nodeName"]) for pod in pods if pod["metadata"]["namespace"] == namespace and _has_labels(pod, labels))
    if not counts or (template.spec.get("affinity") or {}).get("nodeAffinity"):
        return manifest
    body = manifest["spec"]["template"]
    bound = {
        **body["spec"],
        "affinity": {**(body["spec"].get("affinity") or {}), "nodeAffinity": _node_affinity(counts)},
        "topologySpreadConstraints": [
            {
                **spread_constraint(manifest),
                "whenUnsatisfiable": "DoNotSchedule",
                "maxSkew": max(1, max(counts.values()) - min(counts.values())),
            }
        ],
    }
    return {**manifest, "spec": {**manifest["spec"], "template": {**body, "spec": bound}}}


def _node_affinity(counts: Mapping[str, int]) -> dict[str, Any]:
    """Only these nodes, preferring those with more pods: this places what the spread leaves open."""
    most = max(counts.values())
    return {
        "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [_node_term(sorted(counts))]},
        "preferredDuringSchedulingIgnoredDuringExecution": [
            {"weight": round(100 * count / most), "preference": _node_term([node])} for node, count in sorted(counts.items())
        ],
    }


def _node_term(nodes: list[str]) -> dict[str, Any]:
    return {"matchExpressions": [{"key": HOSTNAME, "operator": "In", "values": nodes}]}


def _has_labels(pod: Manifest, labels: Mapping[str, str]) -> bool:
    pod_labels = pod["metadata"].get("labels") or {}
    return all(pod_labels.get(key) == value for key, value in labels.items())


def _per_node(pods: Sequence[Manifest], namespaces: Mapping[str, str]) -> dict[tuple[str, str], Counter[str]]:
    """Return the pods per node of each workload, by its baseline namespace and name."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    for pod in pods:
        workload = (namespaces[pod["metadata"]["namespace"]], workload_name(pod))
        counts.setdefault(workload, Counter())[str(pod["spec"]["nodeName"])] += 1
    return counts


def workload_name(pod: Manifest) -> str:
    """Return the name of the pod's owner without the part that changes with each revision."""
    owners = pod["metadata"].get("ownerReferences") or ({"name": pod["metadata"]["name"]},)
    labels = pod["metadata"].get("labels") or {}
    name = str(owners[0]["name"])
    for label in _REVISION_LABELS:
        name = name.removesuffix(f"-{labels[label]}") if labels.get(label) else name
    return name
