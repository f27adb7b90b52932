"""Plain data shared by several packages. No I/O, and no pytest, kubernetes or PyGithub."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Manifest = Mapping[str, Any]
"""One Kubernetes object as in YAML: `apiVersion`, `kind`, `metadata`, ..."""


class Verdict(enum.StrEnum):
    """Outcome of a threshold, a burst or a run; `INVALID` is only the generator's or the machine's fault."""

    PASS = "PASS"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"
    INVALID = "INVALID"


def is_kubernetes_group(group: str) -> bool:
    """Whether an API group belongs to Kubernetes itself: the core group, `apps`, `batch`, or a group under `k8s.io`.

    The API conventions reserve groups without a dot and those that end in `.k8s.io` for Kubernetes; every other group
    comes from a CustomResourceDefinition or an aggregated API server.
    """
    return "." not in group or group.endswith(".k8s.io")


def group_of(manifest: Manifest) -> str:
    """An object's API group: `apps` for `apps/v1`, empty for the core group."""
    return str(manifest.get("apiVersion", "")).rpartition("/")[0]


def kind_of(manifest: Manifest) -> str:
    """An object's kind in rules: `Job`, but `Job.batch.volcano.sh` for a kind in a group outside Kubernetes.

    This is kubectl's notation, and prevents a rule from mistaking one kind for another.
    """
    kind, group = str(manifest.get("kind", "")), group_of(manifest)
    return kind if is_kubernetes_group(group) else f"{kind}.{group}"


@dataclass(frozen=True, order=True)
class ObjectRef:
    """Identifies one Kubernetes object; `kind` is from `kind_of`, `namespace` is empty for cluster-scoped objects."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        """`kind namespace/name`, for people."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"

    @classmethod
    def of(cls, manifest: Manifest) -> ObjectRef:
        """The reference to the object in `manifest`."""
        metadata = manifest.get("metadata") or {}
        return cls(kind_of(manifest), str(metadata.get("namespace", "")), str(metadata.get("name", "")))


@dataclass(frozen=True)
class Rendered:
    """Kustomize's output for an overlay: the objects in order, and the source file of each, if known.

    `notes` describe what kindgate added or left out, one line each.
    """

    overlay: Path
    objects: tuple[Manifest, ...]
    origins: Mapping[ObjectRef, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def of_kind(self, *kinds: str) -> Iterator[Manifest]:
        """The objects of these kinds (as in `kind_of`), in order."""
        return (manifest for manifest in self.objects if kind_of(manifest) in kinds)

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts routed by the Ingress objects, sorted and unique."""
        rules = (rule for ingress in self.of_kind("Ingress") for rule in ingress["spec"].get("rules", ()))
        return tuple(sorted({rule["host"] for rule in rules if rule.get("host")}))

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces of the objects, sorted and unique."""
        named = {ObjectRef.of(manifest).namespace for manifest in self.objects}
        created = {ObjectRef.of(manifest).name for manifest in self.of_kind("Namespace")}
        return tuple(sorted((named | created) - {""}))


@dataclass(frozen=True)
class ClusterAddress:
    """Everything that a worker process needs to reach the cluster: data only, so it can be sent between processes.

    `ingress_url` is the ingress's address on this machine (`http://127.0.0.1:PORT`); the host name goes into the Host
    header, never into DNS. `ingress_tls_url` is the same for TLS (`https://127.0.0.1:PORT`), with the host name in SNI too;
    empty for an existing cluster without one. `ca_file` holds the CA certificates for TLS: None means the system's, and a
    missing file means that no entry has TLS. `nodes` are the names of the node containers, control plane first; empty for a
    cluster that kindgate did not create.
    """

    name: str
    kubeconfig: Path
    context: str
    ingress_url: str
    nodes: tuple[str, ...] = ()
    server_version: str = ""
    node_image: str = ""
    reused: bool = False
    existing: bool = False
    ingress_tls_url: str = ""
    ca_file: Path | None = None


@dataclass(frozen=True)
class Window:
    """A time span in seconds since the epoch, by this machine's clock."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """Duration."""
        return self.end - self.start


TIME_TO_FIRST_TEST = "time to first test"
"""A phase that is not a separate step: from the start of the process to the first test that uses the application."""


@dataclass(frozen=True)
class Phase:
    """One step of the pipeline and its duration; `started` in seconds since the epoch."""

    name: str
    started: float
    seconds: float
    ok: bool = True
    note: str = ""
