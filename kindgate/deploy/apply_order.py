"""The order in which objects are applied: dependencies first. Objects of one rank do not depend on each other."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from kindgate.model import Manifest, kind_of

_RANKS: tuple[frozenset[str], ...] = (
    frozenset({"Namespace"}),
    frozenset({"CustomResourceDefinition", "PriorityClass", "StorageClass", "RuntimeClass", "IngressClass", "GatewayClass"}),
    frozenset({"ServiceAccount", "ClusterRole", "Role", "ResourceQuota", "LimitRange"}),
    frozenset({"ClusterRoleBinding", "RoleBinding", "ConfigMap", "Secret", "PersistentVolume", "PersistentVolumeClaim"}),
    frozenset({"Service", "NetworkPolicy"}),
    frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Pod", "Job", "CronJob", "ReplicationController"}),
    frozenset({"Ingress", "PodDisruptionBudget", "HorizontalPodAutoscaler"}),
)
_CUSTOM = len(_RANKS)
_LAST = frozenset(
    {"APIService", "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "ValidatingAdmissionPolicy"}
    | {"MutatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "MutatingAdmissionPolicyBinding"}
)


def rank(manifest: Manifest) -> int:
    """Return an object's position in the order, 0 first. Custom resources follow the workloads that might serve them.

    Objects that can reject others come last: they would reject everything until their own server runs.
    """
    kind = kind_of(manifest)
    for number, kinds in enumerate(_RANKS):
        if kind in kinds:
            return number
    return _CUSTOM + 1 if kind in _LAST else _CUSTOM


def ranked(manifests: Iterable[Manifest]) -> list[tuple[Manifest, ...]]:
    """Return the objects in groups: the objects of a group can be applied in parallel, after the groups before it."""
    return [tuple(group) for _, group in groupby(sorted(manifests, key=rank), key=rank)]
