"""In which order objects are applied: what others need comes first. Objects of one rank do not need each other."""

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
    """How early an object is applied, 0 first. Custom resources come after the workloads that may serve them.

    What can refuse other objects comes last: until its own server runs, it would refuse them all.
    """
    kind = kind_of(manifest)
    for number, kinds in enumerate(_RANKS):
        if kind in kinds:
            return number
    return _CUSTOM + 1 if kind in _LAST else _CUSTOM


def ranked(manifests: Iterable[Manifest]) -> list[tuple[Manifest, ...]]:
    """The objects in groups: each group may be applied at once, after those before it."""
    return [tuple(group) for _, group in groupby(sorted(manifests, key=rank), key=rank)]
