"""Rendered objects in the form the API server stores, so every later step can rely on it.

Lists are split into their items, empty fields removed, every object has its namespace, and every namespace exists. A
table tells which built-in kinds are namespaced; the CustomResourceDefinitions do so for custom kinds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kindgate.errors import ManifestError
from kindgate.model import Manifest, ObjectRef, Rendered, group_of, kind_of

DEFAULT_NAMESPACE = "default"

INITIAL_NAMESPACES = frozenset({DEFAULT_NAMESPACE, "kube-system", "kube-public", "kube-node-lease"})
"""The namespaces that every new cluster has."""

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


@dataclass(frozen=True, order=True)
class Identity:
    """API group, kind, namespace and name: manifests that agree in all four describe the same object."""

    group: str
    kind: str
    namespace: str
    name: str


@dataclass(frozen=True)
class CustomKind:
    """A kind that a CustomResourceDefinition defines."""

    group: str
    kind: str
    namespaced: bool


def identity(manifest: object, source: str) -> Identity:
    """Return the identity of a YAML document's object; `source` names the document in the error.

    Raises `ManifestError` if it is not a Kubernetes object: no mapping, or no `apiVersion`, `kind` or name.
    """
    if not isinstance(manifest, Mapping):
        raise ManifestError(f"{source}: not a Kubernetes object: {str(manifest)[:80]!r}")
    metadata = manifest.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    for field, value in (("apiVersion", manifest.get("apiVersion")), ("kind", manifest.get("kind")), ("metadata.name", name)):
        if not isinstance(value, str) or not value:
            raise ManifestError(f"{source}: a {manifest.get('kind') or 'document'} without {field}: not a Kubernetes object")
    group, slash, _ = manifest["apiVersion"].partition("/")
    return Identity(group if slash else "", manifest["kind"], str((metadata or {}).get("namespace") or ""), str(name))


def objects_of(documents: Iterable[Any], source: str) -> list[dict[str, Any]]:
    """Return the Kubernetes objects of YAML documents, with `List` kinds split into items and null fields removed.

    `source` names the documents in the error. Raises `ManifestError` for a document that is not a Kubernetes object.
    """
    objects = [_without_nulls(item) for document in documents for item in _items(document, source)]
    for item in objects:
        identity(item, source)
    return objects


def normalized(parts: Sequence[Rendered], *, namespace: str = DEFAULT_NAMESPACE, create_namespaces: bool = True) -> tuple[Rendered, ...]:
    """Return `parts`, which are applied in this order, with a namespace on every namespaced object.

    `namespace` is for objects that name none. A cluster-scoped object loses its namespace, as in the API server. With
    `create_namespaces`, a namespace that no part provides is added to the first part that needs it, and noted there.
    """
    custom = custom_kinds(item for part in parts for item in part.objects)
    placed = [_placed(part, namespace, custom) for part in parts]
    if not create_namespaces:
        return tuple(placed)
    existing = set(INITIAL_NAMESPACES)
    completed_parts: list[Rendered] = []
    for part in placed:
        existing |= {ObjectRef.of(item).name for item in part.of_kind("Namespace")}
        missing = [name for name in part.namespaces if name not in existing]
        existing.update(missing)
        completed_parts.append(_with_namespaces(part, missing))
    return tuple(completed_parts)


def custom_kinds(manifests: Iterable[Manifest]) -> frozenset[CustomKind]:
    """Return the kinds that the CustomResourceDefinitions in `manifests` define."""
    specs = (manifest.get("spec") or {} for manifest in manifests if kind_of(manifest) == "CustomResourceDefinition")
    return frozenset(
        CustomKind(str(spec.get("group")), str((spec.get("names") or {}).get("kind")), spec.get("scope") != "Cluster") for spec in specs
    )


def is_namespaced(manifest: Manifest, kinds: Iterable[CustomKind] = ()) -> bool:
    """Return whether the object is namespaced; an unknown kind is assumed to be, as most are."""
    for custom_kind in kinds:
        if (custom_kind.group, custom_kind.kind) == (group_of(manifest), manifest.get("kind")):
            return custom_kind.namespaced
    return kind_of(manifest) not in CLUSTER_SCOPED


def _items(document: Any, source: str) -> Iterator[Any]:  # noqa: ANN401  # any YAML document
    """Yield the document, or its items if it is a list: its kind ends in List and it has `items`."""
    kind = document.get("kind") if isinstance(document, Mapping) else None
    if not (isinstance(document, Mapping) and isinstance(kind, str) and kind.endswith("List") and "items" in document):
        yield document
        return
    items = document["items"] or []
    if not isinstance(items, list):
        raise ManifestError(f"{source}: the items of a {kind} must be a list, not {type(items).__name__}")
    defaults = {"apiVersion": document.get("apiVersion"), "kind": kind.removesuffix("List")} if kind != "List" else {}
    for item in items:
        yield from _items({**defaults, **item} if isinstance(item, Mapping) else item, source)


def _without_nulls(node: Any) -> Any:  # noqa: ANN401  # any part of a YAML document
    """Remove null fields; items of lists keep their positions."""
    if isinstance(node, Mapping):
        return {key: _without_nulls(value) for key, value in node.items() if value is not None}
    return [_without_nulls(item) for item in node] if isinstance(node, list) else node


def _placed(part: Rendered, namespace: str, custom: Iterable[CustomKind]) -> Rendered:
    pairs = [(item, _in_namespace(item, namespace, custom)) for item in part.objects]
    origins = {ObjectRef.of(after): part.origins[ref] for before, after in pairs if (ref := ObjectRef.of(before)) in part.origins}
    return replace(part, objects=tuple(after for _, after in pairs), origins=origins)


def _in_namespace(manifest: Manifest, namespace: str, custom: Iterable[CustomKind]) -> Manifest:
    metadata = manifest["metadata"]
    if not is_namespaced(manifest, custom):
        return {**manifest, "metadata": {key: value for key, value in metadata.items() if key != "namespace"}}
    return manifest if metadata.get("namespace") else {**manifest, "metadata": {**metadata, "namespace": namespace}}


def _with_namespaces(part: Rendered, names: Sequence[str]) -> Rendered:
    if not names:
        return part
    created: list[Manifest] = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in names]
    notes = (f"namespace {name} is used but not in the manifests: kindgate creates it" for name in names)
    return replace(part, objects=(*created, *part.objects), notes=(*part.notes, *notes))
