"""The baseline next to the pull request's version in one cluster: separate namespaces and hosts, otherwise identical.

The application's namespaces are copied: those that contain an entry, and those that no cluster-scoped object points
to. Whatever a cluster has only once stays the first version's: ingress controller, Prometheus, CRDs, classes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kindgate.deploy.baseline_hosts import SUFFIX, baseline_host, is_entry, routed_hosts, with_baseline_hosts
from kindgate.deploy.entries import ANY_HOST, requested_host
from kindgate.deploy.normalize import DEFAULT_NAMESPACE, INITIAL_NAMESPACES
from kindgate.errors import ManifestError
from kindgate.model import Manifest, ObjectRef, Rendered, kind_of
from kindgate.pod_templates import pod_template

NAME_LABEL = "kubernetes.io/metadata.name"
"""The label with its own name that Kubernetes sets on every namespace."""

SHARED = INITIAL_NAMESPACES - {DEFAULT_NAMESPACE}
"""The cluster's own namespaces."""

_REPLICATED = {"Deployment": "pod-template-hash", "StatefulSet": "controller-revision-hash", "ReplicaSet": ""}
"""Kinds with replicas, and the label that distinguishes their revisions."""


@dataclass(frozen=True)
class Baseline:
    """The baseline as it is applied.

    `namespaces` maps the first version's namespaces to the baseline's, and `hosts` does so for the requested hosts.
    """

    rendered: Rendered
    namespaces: Mapping[str, str]
    hosts: Mapping[str, str]


def place_baseline(head: Rendered, base: Rendered) -> Baseline:
    """Move `base` to separate namespaces and hosts, with the replica counts of `head` for the workloads that both have.

    Raises `ManifestError` if the two have no host in common.
    """
    namespaces = {name: name + SUFFIX for name in application_namespaces(base)}
    move = _NamespaceMove(namespaces)
    replicas = _replicas(head)
    pairs = [
        (manifest, move.object(with_baseline_hosts(manifest, base.objects)))
        for manifest in base.objects
        if _is_copied(manifest, namespaces)
    ]
    objects = tuple(_with_replicas(copy, replicas.get(ObjectRef.of(original))) for original, copy in pairs)
    origins = {ObjectRef.of(copy): base.origins[ref] for original, copy in pairs if (ref := ObjectRef.of(original)) in base.origins}
    head_hosts, base_hosts = routed_hosts(head.objects), routed_hosts(base.objects)
    common = head_hosts & base_hosts
    if not common:
        served = [", ".join(sorted(host or ANY_HOST for host in hosts)) or "none" for hosts in (base_hosts, head_hosts)]
        raise ManifestError(
            f"{base.overlay}: the baseline serves none of the hosts of {head.overlay}",
            last_state=f"hosts of the baseline: {served[0]}; of the pull request: {served[1]}",
            next_step="make both versions serve a common host",
        )
    rendered = Rendered(base.overlay, tuple(map(with_spread, objects)), origins)
    return Baseline(rendered, namespaces, {requested_host(host): requested_host(baseline_host(host)) for host in sorted(common)})


def with_spread_pods(rendered: Rendered, namespaces: Mapping[str, str]) -> Rendered:
    """Return `rendered` with the pods of `namespaces` spread over the nodes like the baseline's, so nothing else differs."""
    objects = tuple(with_spread(item) if ObjectRef.of(item).namespace in namespaces else item for item in rendered.objects)
    return replace(rendered, objects=objects)


def application_namespaces(rendered: Rendered) -> tuple[str, ...]:
    """The application's namespaces, sorted, without those that serve the whole cluster."""
    with_entries = {ObjectRef.of(item).namespace for item in rendered.objects if is_entry(item)}
    cluster_scoped = (item for item in rendered.objects if not ObjectRef.of(item).namespace and kind_of(item) != "Namespace")
    referenced = {name for item in cluster_scoped for name in _referenced_namespaces(item)}
    return tuple(name for name in rendered.namespaces if name not in SHARED and (name in with_entries or name not in referenced))


def with_spread(manifest: Manifest) -> Manifest:
    """Make a workload's pods prefer the nodes with the fewest of them; a workload with its own constraints is unchanged."""
    template = pod_template(manifest)
    if template is None or kind_of(manifest) not in _REPLICATED or template.spec.get("topologySpreadConstraints"):
        return manifest
    pods = manifest["spec"]["template"]
    spread_pods = {**pods["spec"], "topologySpreadConstraints": [spread_constraint(manifest)]}
    return {**manifest, "spec": {**manifest["spec"], "template": {**pods, "spec": spread_pods}}}


def spread_constraint(manifest: Manifest) -> dict[str, Any]:
    """An even spread over the nodes among pods of one revision: pods that a rollout replaces do not count."""
    template = pod_template(manifest)
    constraint: dict[str, Any] = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        # these pods cannot run on a tainted control plane, so it must not count as an empty node
        "nodeTaintsPolicy": "Honor",
        "labelSelector": {"matchLabels": dict(template.labels) if template is not None else {}},
    }
    revision = _REPLICATED.get(kind_of(manifest))
    return {**constraint, "matchLabelKeys": [revision]} if revision else constraint


def _referenced_namespaces(node: Any) -> set[str]:  # noqa: ANN401 - any part of a YAML document
    """The namespaces that a cluster-scoped object points to: in subjects, and in the Services of webhooks and API services."""
    if isinstance(node, list):
        return {name for item in node for name in _referenced_namespaces(item)}
    if not isinstance(node, Mapping):
        return set()
    direct = {node["namespace"]} if isinstance(node.get("namespace"), str) else set()
    return direct | {name for value in node.values() for name in _referenced_namespaces(value)}


def _is_copied(manifest: Manifest, namespaces: Mapping[str, str]) -> bool:
    """Return whether the baseline needs its own copy: objects in its namespaces, the namespaces, and their role bindings."""
    ref = ObjectRef.of(manifest)
    if ref.namespace:
        return ref.namespace in namespaces
    if ref.kind == "Namespace":
        return ref.name in namespaces
    return ref.kind == "ClusterRoleBinding" and bool(_referenced_namespaces(manifest) & set(namespaces))


def _replicas(rendered: Rendered) -> dict[ObjectRef, int | None]:
    return {ObjectRef.of(item): item["spec"].get("replicas") for item in rendered.of_kind(*_REPLICATED)}


def _with_replicas(manifest: Manifest, replicas: int | None) -> Manifest:
    return manifest if replicas is None else {**manifest, "spec": {**manifest["spec"], "replicas": replicas}}


class _NamespaceMove:
    """Moves objects to the baseline's namespaces and renames every reference to them."""

    def __init__(self, namespaces: Mapping[str, str]) -> None:
        self._namespaces = namespaces
        names = "|".join(map(re.escape, sorted(namespaces))) or "(?!)"
        # a Service's DNS name: NAME.NAMESPACE.svc
        self._service = re.compile(rf"(?<=\.)({names})(?=\.svc\b)")
        self._special: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "Namespace": self._renamed_namespace,
            "Service": _without_node_ports,
            "ClusterRoleBinding": _with_base_suffix,
        }

    def object(self, manifest: Manifest) -> Manifest:
        """Return the object in its new namespace."""
        copy = self._moved_node(manifest)
        special = self._special.get(kind_of(manifest))
        return special(copy) if special else copy

    def _moved_node(self, node: Any) -> Any:  # noqa: ANN401 - any part of a YAML document
        if isinstance(node, list):
            return [self._moved_node(item) for item in node]
        if isinstance(node, str):
            return self._service.sub(lambda match: self._namespaces[match[0]], node)
        if not isinstance(node, Mapping):
            return node
        copy = {key: self._moved_node(value) for key, value in node.items()}
        for key in ("namespace", NAME_LABEL):
            if isinstance(copy.get(key), str):
                copy[key] = self._namespaces.get(copy[key], copy[key])
        if copy.get("key") == NAME_LABEL and isinstance(copy.get("values"), list):
            copy["values"] = [self._namespaces.get(value, value) for value in copy["values"]]
        return copy

    def _renamed_namespace(self, copy: dict[str, Any]) -> dict[str, Any]:
        return {**copy, "metadata": {**copy["metadata"], "name": self._namespaces[copy["metadata"]["name"]]}}


def _without_node_ports(copy: dict[str, Any]) -> dict[str, Any]:
    """Return the Service without fixed node ports: the first version already uses them."""
    ports = [{key: value for key, value in port.items() if key != "nodePort"} for port in copy["spec"].get("ports") or ()]
    return {**copy, "spec": {**copy["spec"], "ports": ports}} if ports else copy


def _with_base_suffix(copy: dict[str, Any]) -> dict[str, Any]:
    return {**copy, "metadata": {**copy["metadata"], "name": copy["metadata"]["name"] + SUFFIX}}
