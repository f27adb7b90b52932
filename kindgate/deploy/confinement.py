"""Ways out of an application's containers other than its pods: rights over the cluster, and other namespaces.

A label on each namespace enforces `--app-pod-security=baseline`. It holds as long as the application can neither
change that label, nor create pods in namespaces without it, nor execute commands in other pods.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kindgate.deploy.manifest_findings import Finding
from kindgate.deploy.normalize import DEFAULT_NAMESPACE, INITIAL_NAMESPACES
from kindgate.deploy.pod_security import AT_LEAST_BASELINE, BASELINE, ENFORCE_LABEL, baseline_problems
from kindgate.deploy.value_rules import Problem, mapping, sequence
from kindgate.model import Manifest, ObjectRef, Rendered, group_of, is_kubernetes_group, kind_of
from kindgate.pod_templates import pod_templates

RESERVED = INITIAL_NAMESPACES - {DEFAULT_NAMESPACE} | {"local-path-storage", "ingress", "load", "monitoring"}
"""Namespaces of the cluster and of kindgate's components, which run privileged pods."""

_CLUSTER_WIDE = frozenset(
    {"Namespace", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "IngressClass", "GatewayClass", "PriorityClass"}
)
"""Cluster-scoped kinds that by themselves do not affect other pods."""

_READ_VERBS = frozenset({"get", "list", "watch"})
_ESCALATING_VERBS = frozenset({"*", "bind", "escalate", "impersonate"})
_POD_ACCESS = ("/exec", "/attach", "/portforward", "/proxy", "/ephemeralcontainers", "/token")
_HARMLESS_ROLES = frozenset({"view", "edit", "admin"})
"""Built-in roles that may be bound in a namespace; `view` may also be bound cluster-wide."""


@dataclass(frozen=True)
class _Rights:
    """The rules of the application's own roles, by the role's reference."""

    roles: Mapping[ObjectRef, Sequence[Mapping[str, Any]]]

    @classmethod
    def of(cls, manifests: Iterable[Manifest]) -> _Rights:
        return cls({ObjectRef.of(item): sequence(item.get("rules")) for item in manifests if kind_of(item) in {"Role", "ClusterRole"}})


def confinement_findings(parts: Sequence[Rendered], trusted: Collection[ObjectRef] = ()) -> list[Finding]:
    """Return everything in `parts` that could escape its containers; `trusted` objects are kindgate's own."""
    findings: list[Finding] = []
    rights = _Rights.of(item for part in parts for item in part.objects)
    for part in parts:
        for manifest in part.objects:
            ref = ObjectRef.of(manifest)
            if ref in trusted:
                continue
            file = part.origins.get(ref, str(part.overlay))
            template_problems = (problem for template in pod_templates(manifest) for problem in baseline_problems(template))
            problems = [*_object_problems(manifest, ref, rights), *template_problems]
            findings += [Finding(file, ref, path, f"{message} (--app-pod-security={BASELINE})") for path, message in problems]
    return findings


def with_enforcement(part: Rendered, trusted: Collection[ObjectRef] = ()) -> Rendered:
    """Return `part` with the label on every application namespace that makes the API server reject pods below the level."""
    defined = {ObjectRef.of(item).name for item in part.of_kind("Namespace")}
    used = {ObjectRef.of(item).namespace for item in part.objects if ObjectRef.of(item) not in trusted}
    added = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": DEFAULT_NAMESPACE}}] * (DEFAULT_NAMESPACE in used - defined)
    return replace(part, objects=tuple(_with_enforcement_label(item, trusted) for item in (*added, *part.objects)))


def _with_enforcement_label(manifest: Manifest, trusted: Collection[ObjectRef]) -> Manifest:
    if kind_of(manifest) != "Namespace" or ObjectRef.of(manifest) in trusted:
        return manifest
    metadata = manifest["metadata"]
    labels = mapping(metadata.get("labels"))
    return {**manifest, "metadata": {**metadata, "labels": {ENFORCE_LABEL: BASELINE, **labels}}}


def _object_problems(manifest: Manifest, ref: ObjectRef, rights: _Rights) -> Iterator[Problem]:
    if ref.namespace in RESERVED:
        yield "metadata.namespace", f"{ref.namespace} does not belong to the application"
    elif not ref.namespace and is_kubernetes_group(group_of(manifest)) and ref.kind not in _CLUSTER_WIDE:
        yield "kind", f"a {ref.kind} can affect objects outside the application's namespaces"
    if ref.kind == "Namespace":
        yield from _namespace_problems(manifest, ref)
    if ref.kind in {"Role", "ClusterRole"}:
        yield from _role_problems(manifest)
    if ref.kind in {"RoleBinding", "ClusterRoleBinding"}:
        yield from _binding_problems(manifest, ref, rights)


def _namespace_problems(manifest: Manifest, ref: ObjectRef) -> Iterator[Problem]:
    if ref.name in RESERVED:
        yield "metadata.name", f"{ref.name} does not belong to the application"
    level = mapping(manifest["metadata"].get("labels")).get(ENFORCE_LABEL, BASELINE)
    if level not in AT_LEAST_BASELINE:
        yield f"metadata.labels.{ENFORCE_LABEL}", f"{level} is weaker than baseline"


def _role_problems(manifest: Manifest) -> Iterator[Problem]:
    if manifest.get("aggregationRule") is not None:
        yield "aggregationRule", "its permissions come from roles that are not in the manifests"
    for number, rule in enumerate(sequence(manifest.get("rules"))):
        verbs, resources = _field_values(rule, "verbs"), _field_values(rule, "resources")
        if verbs & _ESCALATING_VERBS:
            yield f"rules[{number}].verbs", f"{min(verbs & _ESCALATING_VERBS)} may grant any permission"
        elif verbs - _READ_VERBS and resources & {"*", "*/*", "namespaces", "namespaces/finalize"}:
            yield f"rules[{number}].resources", "a namespace's Pod Security level must not be changed"


def _binding_problems(manifest: Manifest, ref: ObjectRef, rights: _Rights) -> Iterator[Problem]:
    role = mapping(manifest.get("roleRef"))
    kind, name = str(role.get("kind")), str(role.get("name"))
    rules = rights.roles.get(ObjectRef(kind, ref.namespace if kind == "Role" else "", name))
    cluster_wide = ref.kind == "ClusterRoleBinding"
    if rules is None:
        if name not in ({"view"} if cluster_wide else _HARMLESS_ROLES):
            yield "roleRef", f"{kind} {name} is not in the manifests, and may grant any permission"
        return
    for rule in rules if cluster_wide else ():
        resources = _field_values(rule, "resources")
        if _field_values(rule, "verbs") - _READ_VERBS:
            yield "roleRef", f"{kind} {name} may write in every namespace"
        elif resources & {"*", "*/*", "secrets"} or any(resource.endswith(_POD_ACCESS) for resource in resources):
            yield "roleRef", f"{kind} {name} may read secrets of every namespace, or enter its pods"


def _field_values(rule: Mapping[str, Any], field: str) -> set[str]:
    values = rule.get(field)
    return {str(value) for value in values} if isinstance(values, list) else set()
