"""Which kinds are namespaced: built-in kinds by a table, custom ones by their CustomResourceDefinition."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kindgate.model import Manifest, group_of, kind_of

CLUSTER_SCOPED = frozenset(
    {
        *("Namespace", "Node", "PersistentVolume", "ComponentStatus"),
        *("ClusterRole", "ClusterRoleBinding", "CertificateSigningRequest", "ClusterTrustBundle"),
        *("CustomResourceDefinition", "APIService", "PriorityClass", "RuntimeClass", "IngressClass", "GatewayClass"),
        *(
            "StorageClass",
            "CSIDriver",
            "CSINode",
            "VolumeAttachment",
            "VolumeAttributesClass",
            "VolumeSnapshotClass",
            "VolumeSnapshotContent",
        ),
        *("FlowSchema", "PriorityLevelConfiguration", "ServiceCIDR", "IPAddress", "DeviceClass", "ResourceSlice", "DeviceTaintRule"),
        *("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"),
        *("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"),
        *("TokenReview", "SubjectAccessReview", "SelfSubjectAccessReview", "SelfSubjectRulesReview", "SelfSubjectReview"),
        *("StorageVersion", "StorageVersionMigration", "AdminNetworkPolicy", "BaselineAdminNetworkPolicy"),
    }
)
"""Cluster-scoped kinds of Kubernetes' own groups, from discovery of Kubernetes 1.37 and the `k8s.io` projects."""


@dataclass(frozen=True)
class CustomKind:
    """A kind that a CustomResourceDefinition defines."""

    group: str
    kind: str
    namespaced: bool


def custom_kinds(manifests: Iterable[Manifest]) -> frozenset[CustomKind]:
    """Return the kinds that the CustomResourceDefinitions in `manifests` define."""
    specs = (manifest.get("spec") or {} for manifest in manifests if kind_of(manifest) == "CustomResourceDefinition")
    return frozenset(
        CustomKind(str(spec.get("group")), str((spec.get("names") or {}).get("kind")), spec.get("scope") != "Cluster") for spec in specs
    )


def is_namespaced(manifest: Manifest, custom: Iterable[CustomKind] = ()) -> bool:
    """Return whether the object is namespaced; an unknown kind is assumed to be, as most are."""
    for one in custom:
        if (one.group, one.kind) == (group_of(manifest), manifest.get("kind")):
            return one.namespaced
    return kind_of(manifest) not in CLUSTER_SCOPED
