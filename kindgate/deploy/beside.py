"""A second version of an application beside the first in one cluster: namespaces and hosts of its own, all else alike.

What belongs to the application is copied: namespaces that hold an Ingress, and those that nothing cluster-wide points
into. What the cluster has once stays the first version's: the ingress controller, Prometheus, CRDs, classes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kindgate.deploy.entries import ANY_HOST, requested_host
from kindgate.deploy.normalize import DEFAULT_NAMESPACE, INITIAL_NAMESPACES
from kindgate.errors import ManifestError
from kindgate.model import Manifest, ObjectRef, Rendered, kind_of
from kindgate.pod_templates import pod_template

SUFFIX = "-base"
"""What the second version's namespaces and hosts end with."""

ANY_HOST_BASE = "kindgate-base.localhost"
"""The host of a second version whose Ingress names none: a rule with a host comes before one without."""

NAME_LABEL = "kubernetes.io/metadata.name"
"""The label that every namespace carries, with its own name."""

SHARED = INITIAL_NAMESPACES - {DEFAULT_NAMESPACE}
"""Namespaces of the cluster itself."""

_REPLICATED = {"Deployment": "pod-template-hash", "StatefulSet": "controller-revision-hash", "ReplicaSet": ""}
"""Kinds with a number of replicas, and the label that tells their revisions apart."""


@dataclass(frozen=True)
class Beside:
    """The second version as it is applied.

    `namespaces` maps the first version's to the second's, and `hosts` the hosts as they are requested.
    """

    rendered: Rendered
    namespaces: Mapping[str, str]
    hosts: Mapping[str, str]


def place_beside(head: Rendered, base: Rendered) -> Beside:
    """`base` moved out of the way of `head`, with as many replicas of each workload that both have.

    Raises `ManifestError` where the two cannot stand side by side, or have no host in common.
    """
    namespaces = {name: name + SUFFIX for name in application_namespaces(base)}
    moved = _Move(namespaces)
    replicas = _replicas(head)
    pairs = [(manifest, moved.object(manifest)) for manifest in base.objects if _is_copied(manifest, namespaces)]
    objects = tuple(_with_replicas(copy, replicas.get(ObjectRef.of(original))) for original, copy in pairs)
    origins = {ObjectRef.of(copy): base.origins[ref] for original, copy in pairs if (ref := ObjectRef.of(original)) in base.origins}
    ours, theirs = _hosts(head), _hosts(base)
    common = ours & theirs
    if not common:
        served = [", ".join(sorted(host or ANY_HOST for host in hosts)) or "none" for hosts in (theirs, ours)]
        raise ManifestError(
            f"{base.overlay}: the baseline serves none of the hosts of {head.overlay}",
            last_state=f"hosts of the baseline: {served[0]}; of the pull request: {served[1]}",
            next_step="make both versions serve a common host",
        )
    rendered = Rendered(base.overlay, tuple(map(spread, objects)), origins)
    return Beside(rendered, namespaces, {requested_host(host): requested_host(beside_host(host)) for host in sorted(common)})


def with_spread_pods(rendered: Rendered, namespaces: Mapping[str, str]) -> Rendered:
    """`rendered` with the pods of `namespaces` spread over the nodes as the version beside them is: nothing else differs."""
    objects = tuple(spread(item) if ObjectRef.of(item).namespace in namespaces else item for item in rendered.objects)
    return replace(rendered, objects=objects)


def application_namespaces(rendered: Rendered) -> tuple[str, ...]:
    """The namespaces that belong to the application, sorted: not those of what serves the whole cluster."""
    entered = {ObjectRef.of(ingress).namespace for ingress in rendered.of_kind("Ingress")}
    wide = (item for item in rendered.objects if not ObjectRef.of(item).namespace and kind_of(item) != "Namespace")
    pointed = {name for item in wide for name in _named_namespaces(item)}
    return tuple(name for name in rendered.namespaces if name not in SHARED and (name in entered or name not in pointed))


def beside_host(host: str) -> str:
    """The host of the second version: `foo.localhost` becomes `foo-base.localhost`; a wildcard keeps its star.

    Where the first version answers for any host, the second one gets a host of its own.
    """
    if not host:
        return ANY_HOST_BASE
    star, labels = ("*.", host[2:]) if host.startswith("*.") else ("", host)
    first, dot, rest = labels.partition(".")
    return f"{star}{first}{SUFFIX}{dot}{rest}"


def spread(manifest: Manifest) -> Manifest:
    """A workload whose pods prefer the nodes that have fewest of them; one that says where it wants to be is left alone."""
    template = pod_template(manifest)
    if template is None or kind_of(manifest) not in _REPLICATED or template.spec.get("topologySpreadConstraints"):
        return manifest
    pods = manifest["spec"]["template"]
    spread_pods = {**pods["spec"], "topologySpreadConstraints": [spread_constraint(manifest)]}
    return {**manifest, "spec": {**manifest["spec"], "template": {**pods, "spec": spread_pods}}}


def spread_constraint(manifest: Manifest) -> dict[str, Any]:
    """Evenly over the nodes, pods of one revision among themselves: those that a rollout replaces do not count."""
    template = pod_template(manifest)
    constraint: dict[str, Any] = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        # a tainted control plane is no place for these pods, and must not count as an empty one
        "nodeTaintsPolicy": "Honor",
        "labelSelector": {"matchLabels": dict(template.labels) if template is not None else {}},
    }
    revision = _REPLICATED.get(kind_of(manifest))
    return {**constraint, "matchLabelKeys": [revision]} if revision else constraint


def _named_namespaces(node: Any) -> set[str]:  # noqa: ANN401 - any part of a YAML document
    """Every namespace that a cluster-scoped object points into: subjects, webhooks' and API services' Services."""
    if isinstance(node, list):
        return {name for item in node for name in _named_namespaces(item)}
    if not isinstance(node, Mapping):
        return set()
    own = {node["namespace"]} if isinstance(node.get("namespace"), str) else set()
    return own | {name for value in node.values() for name in _named_namespaces(value)}


def _is_copied(manifest: Manifest, namespaces: Mapping[str, str]) -> bool:
    """Whether the second version needs an object of its own: what lives in its namespaces, they themselves, their rights."""
    ref = ObjectRef.of(manifest)
    if ref.namespace:
        return ref.namespace in namespaces
    if ref.kind == "Namespace":
        return ref.name in namespaces
    return ref.kind == "ClusterRoleBinding" and bool(_named_namespaces(manifest) & set(namespaces))


def _hosts(rendered: Rendered) -> set[str]:
    """The hosts that the Ingress objects route, wildcards as they are; empty for any host."""
    specs = [ingress.get("spec") or {} for ingress in rendered.of_kind("Ingress")]
    named = {str(rule.get("host") or "") for spec in specs for rule in spec.get("rules") or ()}
    return named | ({""} if any(spec.get("defaultBackend") for spec in specs) else set())


def _replicas(rendered: Rendered) -> dict[ObjectRef, int | None]:
    return {ObjectRef.of(item): item["spec"].get("replicas") for item in rendered.of_kind(*_REPLICATED)}


def _with_replicas(manifest: Manifest, replicas: int | None) -> Manifest:
    return manifest if replicas is None else {**manifest, "spec": {**manifest["spec"], "replicas": replicas}}


class _Move:
    """Moves objects from namespaces to those beside them, with all that names them."""

    def __init__(self, namespaces: Mapping[str, str]) -> None:
        self._namespaces = namespaces
        names = "|".join(map(re.escape, sorted(namespaces))) or "(?!)"
        # a Service's name as DNS has it: NAME.NAMESPACE.svc
        self._service = re.compile(rf"(?<=\.)({names})(?=\.svc\b)")
        self._special: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "Namespace": self._namespace,
            "Ingress": self._ingress,
            "Service": _without_node_ports,
            "ClusterRoleBinding": _renamed,
        }

    def object(self, manifest: Manifest) -> Manifest:
        """The object in its new place."""
        copy = self._part(manifest)
        special = self._special.get(kind_of(manifest))
        return special(copy) if special else copy

    def _part(self, node: Any) -> Any:  # noqa: ANN401 - any part of a YAML document
        if isinstance(node, list):
            return [self._part(item) for item in node]
        if isinstance(node, str):
            return self._service.sub(lambda found: self._namespaces[found[0]], node)
        if not isinstance(node, Mapping):
            return node
        copy = {key: self._part(value) for key, value in node.items()}
        for key in ("namespace", NAME_LABEL):
            if isinstance(copy.get(key), str):
                copy[key] = self._namespaces.get(copy[key], copy[key])
        if copy.get("key") == NAME_LABEL and isinstance(copy.get("values"), list):
            copy["values"] = [self._namespaces.get(value, value) for value in copy["values"]]
        return copy

    def _namespace(self, copy: dict[str, Any]) -> dict[str, Any]:
        return {**copy, "metadata": {**copy["metadata"], "name": self._namespaces[copy["metadata"]["name"]]}}

    def _ingress(self, copy: dict[str, Any]) -> dict[str, Any]:
        spec = dict(copy["spec"])
        rules = [{**rule, "host": beside_host(str(rule.get("host") or ""))} for rule in spec.get("rules") or ()]
        default = spec.pop("defaultBackend", None)
        if default is not None:
            paths = [{"path": "/", "pathType": "Prefix", "backend": default}]
            rules.append({"host": beside_host(""), "http": {"paths": paths}})
        spec["rules"] = rules
        if spec.get("tls"):
            spec["tls"] = [{**entry, "hosts": [beside_host(host) for host in entry.get("hosts") or ()]} for entry in spec["tls"]]
        return {**copy, "spec": spec}


def _without_node_ports(copy: dict[str, Any]) -> dict[str, Any]:
    """A Service that takes whatever node port is free: the first version has the one that it asks for."""
    ports = [{key: value for key, value in port.items() if key != "nodePort"} for port in copy["spec"].get("ports") or ()]
    return {**copy, "spec": {**copy["spec"], "ports": ports}} if ports else copy


def _renamed(copy: dict[str, Any]) -> dict[str, Any]:
    return {**copy, "metadata": {**copy["metadata"], "name": copy["metadata"]["name"] + SUFFIX}}
