"""Plain data that several rooms share. No I/O, and nothing of pytest, kubernetes or PyGithub."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Manifest = Mapping[str, Any]
"""One Kubernetes object as it stands in YAML: `apiVersion`, `kind`, `metadata`, ..."""


class Verdict(enum.StrEnum):
    """What a threshold, a burst or a run ends with; `INVALID` is the generator's or the machine's fault only."""

    PASS = "PASS"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"
    INVALID = "INVALID"


def is_kubernetes_group(group: str) -> bool:
    """Whether an API group is one of Kubernetes' own: the core group, `apps`, `batch`, or below `k8s.io`.

    The API conventions reserve groups without a dot and those that end in `.k8s.io` for Kubernetes; every other group
    comes from a CustomResourceDefinition or an aggregated API server.
    """
    return "." not in group or group.endswith(".k8s.io")


def group_of(manifest: Manifest) -> str:
    """The API group of an object: `apps` of `apps/v1`, empty for the core group."""
    return str(manifest.get("apiVersion", "")).rpartition("/")[0]


def kind_of(manifest: Manifest) -> str:
    """The object's kind as rules name it: `Job`, but `Job.batch.volcano.sh` for a kind of a group that is not Kubernetes' own.

    This is how kubectl names a resource of another group, and what keeps a rule from taking one kind for another.
    """
    kind, group = str(manifest.get("kind", "")), group_of(manifest)
    return kind if is_kubernetes_group(group) else f"{kind}.{group}"


@dataclass(frozen=True, order=True)
class ObjectRef:
    """Names one Kubernetes object; `kind` is as `kind_of` has it, `namespace` is empty for what is cluster-scoped."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        """`kind namespace/name`, as people say it."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"

    @classmethod
    def of(cls, manifest: Manifest) -> ObjectRef:
        """The name of the object that `manifest` describes."""
        metadata = manifest.get("metadata") or {}
        return cls(kind_of(manifest), str(metadata.get("namespace", "")), str(metadata.get("name", "")))


@dataclass(frozen=True)
class Rendered:
    """What Kustomize made of an overlay: the objects in its order, and for each the file it came from, if known.

    `notes` say what kindgate added or left out, one line each.
    """

    overlay: Path
    objects: tuple[Manifest, ...]
    origins: Mapping[ObjectRef, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def of_kind(self, *kinds: str) -> Iterator[Manifest]:
        """The objects of these kinds (as `kind_of` has them), in order."""
        return (manifest for manifest in self.objects if kind_of(manifest) in kinds)

    @property
    def hosts(self) -> tuple[str, ...]:
        """The host names that the Ingress objects route, sorted and each once."""
        rules = (rule for ingress in self.of_kind("Ingress") for rule in ingress["spec"].get("rules", ()))
        return tuple(sorted({rule["host"] for rule in rules if rule.get("host")}))

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces that the objects live in, sorted and each once."""
        named = {ObjectRef.of(manifest).namespace for manifest in self.objects}
        made = {ObjectRef.of(manifest).name for manifest in self.of_kind("Namespace")}
        return tuple(sorted((named | made) - {""}))


@dataclass(frozen=True)
class ClusterAddress:
    """All that a worker process needs to reach the cluster: data only, so that it can travel between processes.

    `ingress_url` is where the ingress listens on this machine (`http://127.0.0.1:PORT`); the host name goes into
    the Host header, never into DNS. `ingress_tls_url` is the same for TLS (`https://127.0.0.1:PORT`), where the host
    name goes into SNI too; it is empty for an existing cluster without one. `ca_file` holds the certificates by which
    TLS is verified: None means the system's, and a file that is not there means that no entry has TLS. `nodes` are
    the names of the node containers, control plane first; they are empty for a cluster that kindgate did not create.
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
    """A span of time in seconds since the epoch, by this machine's clock."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.end - self.start


TIME_TO_FIRST_TEST = "time to first test"
"""The phase that is no step of its own: from the start of the process to the first test that uses the application."""


@dataclass(frozen=True)
class Phase:
    """One step of the pipeline and how long it took; `started` in seconds since the epoch."""

    name: str
    started: float
    seconds: float
    ok: bool = True
    note: str = ""
