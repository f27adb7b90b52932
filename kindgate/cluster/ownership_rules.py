"""Cluster ownership as data: the owner recorded in the owner container's labels and the state file, and the rules that follow.

Pure: no engine, no files. `owner_container.py` reads and writes it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from kindgate.errors import OwnershipError
from kindgate.process import Liveness, ProcessName
from kindgate.settings import Keep

LABEL = "kindgate."
RUN_ID_LABEL = "kindgate.run-id"
CLUSTER_LABEL = "kindgate.cluster"
RUN_VARIABLE = "KINDGATE_RUN_ID"
"""Environment variable that marks kind and its children, so they can be found later."""


@dataclass(frozen=True)
class Owner:
    """The run that a cluster belongs to.

    `process` is None for a kept cluster that no run uses. `created` and `deadline` are in seconds since the epoch;
    after `deadline`, any run may delete the cluster unless it is kept permanently. `keep` is the user's setting; `kept`
    is whether the cluster outlives its run. `host_port` and `tls_port` lead to its ingress; `tls_port` is 0 for a
    cluster of a kindgate version that mapped none. `fingerprint` is equal for interchangeable clusters.
    """

    cluster: str
    run_id: str
    process: ProcessName | None
    created: float
    deadline: float
    fingerprint: str
    keep: Keep
    kept: bool
    host_port: int
    tls_port: int
    root: Path
    kubeconfig: Path
    node_image: str

    def labels(self) -> dict[str, str]:
        """The labels of the owner container, each `kindgate.*`."""
        flat = self._flat()
        process = flat.pop("process") or {}
        return {LABEL + name.replace("_", "-"): str(value) for name, value in {**flat, **process}.items()}

    @classmethod
    def from_labels(cls, labels: Mapping[str, str]) -> Self | None:
        """The owner named by a container's labels, or None if they are not kindgate's."""
        try:
            process = (
                ProcessName(
                    pid=int(labels["kindgate.pid"]),
                    started=labels["kindgate.started"],
                    boot_id=labels["kindgate.boot-id"],
                    pid_namespace=labels["kindgate.pid-namespace"],
                )
                if "kindgate.pid" in labels
                else None
            )
            return cls(
                cluster=labels[CLUSTER_LABEL],
                run_id=labels[RUN_ID_LABEL],
                process=process,
                created=float(labels["kindgate.created"]),
                deadline=float(labels["kindgate.deadline"]),
                fingerprint=labels["kindgate.fingerprint"],
                keep=_keep(labels["kindgate.keep"]),
                kept=labels["kindgate.kept"] == "True",
                host_port=int(labels["kindgate.host-port"]),
                tls_port=int(labels.get("kindgate.tls-port", "0")),
                root=Path(labels["kindgate.root"]),
                kubeconfig=Path(labels["kindgate.kubeconfig"]),
                node_image=labels["kindgate.node-image"],
            )
        except (KeyError, ValueError):
            return None

    def to_json(self) -> str:
        """The text of the state file."""
        return json.dumps(self._flat(), indent=2, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self | None:
        """The owner named by a state file, or None if the text is invalid."""
        try:
            fields = json.loads(text)
            process = fields.pop("process")
            return cls(
                **{
                    "tls_port": 0,
                    **fields,
                    "process": ProcessName(**process) if process else None,
                    "keep": _keep(fields["keep"]),
                    "root": Path(fields["root"]),
                    "kubeconfig": Path(fields["kubeconfig"]),
                }
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            return None

    def released(self) -> Self:
        """The same cluster, kept and unused."""
        return replace(self, process=None, kept=True)

    def taken_over_by(self, run: Self) -> Self:
        """The same cluster, still kept, in use by the run that `run` describes."""
        return replace(self, run_id=run.run_id, process=run.process, deadline=run.deadline)

    def _flat(self) -> dict[str, Any]:
        return {**asdict(self), "root": str(self.root), "kubeconfig": str(self.kubeconfig)}


@dataclass(frozen=True)
class NodeContainer:
    """A container of a KinD cluster; `role` is kind's: control-plane, worker or external-load-balancer."""

    name: str
    role: str
    running: bool


@dataclass(frozen=True)
class ClusterState:
    """The engine's state for a cluster name; `owner_container` is the ID of the owner container, if it exists."""

    name: str
    owner: Owner | None = None
    owner_container: str = ""
    nodes: tuple[NodeContainer, ...] = ()

    @property
    def kubernetes_nodes(self) -> tuple[str, ...]:
        """Node names, control planes first, without the load balancer of multiple control planes."""
        kubernetes = [node for node in self.nodes if node.role in {"control-plane", "worker"}]
        return tuple(node.name for node in sorted(kubernetes, key=lambda node: (node.role, len(node.name), node.name)))


@dataclass(frozen=True)
class Create:
    """No cluster of that name exists."""


@dataclass(frozen=True)
class Reuse:
    """The existing cluster fits."""

    owner: Owner


@dataclass(frozen=True)
class Recreate:
    """The existing cluster may be deleted but does not fit; `reason` is why."""

    reason: str


def plan_opening(state: ClusterState, requested: Owner, liveness: Liveness, now: float) -> Create | Reuse | Recreate:
    """Choose how to open the cluster that `requested` describes, given the current state.

    `liveness` is that of `state.owner`'s process. The ports of `requested` are the requested ones, 0 for any. Raises
    `OwnershipError` if the name belongs to a live run or to a cluster that kindgate did not create.
    """
    owner = state.owner
    if owner is None:
        if state.nodes or state.owner_container:
            raise foreign_cluster_error(state)
        return Create()
    check_free(owner, liveness, now)
    reason = _unsuitable(owner, state, requested)
    return Recreate(reason) if reason else Reuse(owner)


def _unsuitable(owner: Owner, state: ClusterState, requested: Owner) -> str:
    """The reason why the existing cluster does not fit the requested one; empty if it does."""
    reasons = (
        (not owner.kept, "its run ended without deleting it"),
        (not state.nodes or not all(node.running for node in state.nodes), "its containers are no longer running"),
        (owner.fingerprint != requested.fingerprint, "its configuration, node image or versions differ from those requested now"),
        (requested.host_port not in {0, owner.host_port}, f"it listens on port {owner.host_port}, not on {requested.host_port}"),
        (owner.tls_port == 0, "it has no TLS port"),
        (requested.tls_port not in {0, owner.tls_port}, f"it listens for TLS on port {owner.tls_port}, not on {requested.tls_port}"),
    )
    return next((reason for unsuitable, reason in reasons if unsuitable), "")


def check_free(owner: Owner, liveness: Liveness, now: float) -> None:
    """Raise `OwnershipError` if a run uses the cluster, or may use it before its deadline."""
    if owner.process is None or liveness is Liveness.DEAD:
        return
    if liveness is Liveness.ALIVE:
        raise OwnershipError(
            f"cluster {owner.cluster} is in use by a running run: pid {owner.process.pid}, started in {owner.root}",
            next_step="wait for that run, or use another --cluster-name",
        )
    if now < owner.deadline:
        raise OwnershipError(
            f"cluster {owner.cluster} belongs to pid {owner.process.pid} of another machine, boot or container, "
            "so it is unknown whether that run is still alive",
            next_step=f"it becomes free at {_clock(owner.deadline)}; until then, use another --cluster-name",
        )


def foreign_cluster_error(state: ClusterState) -> OwnershipError:
    """The error for a name taken by something that is not kindgate's."""
    contents = (
        ", ".join(node.name for node in state.nodes) or f"container {state.owner_container[:12]} named {owner_container_name(state.name)}"
    )
    return OwnershipError(
        f"a cluster named {state.name} already exists, and kindgate did not create it ({contents})",
        next_step="use another --cluster-name; kindgate deletes only clusters that it created",
    )


def reap_reason(owner: Owner, liveness: Liveness, now: float, older_than: float | None = None) -> str:
    """The reason why any run may delete a cluster; empty if none may.

    A run's cluster is deleted once the run is provably dead or its deadline has passed. One kept after a failure is
    deleted at its deadline; one with keep=always is not deleted automatically. `older_than`, in seconds, is an
    operator's explicit request: every cluster of that age that no live run uses.
    """
    if older_than is not None and now - owner.created >= older_than and liveness is not Liveness.ALIVE:
        return f"it is older than {older_than:.0f} s"
    if owner.kept and owner.keep == "always":
        return ""
    if not owner.kept and owner.process is not None and liveness is Liveness.DEAD:
        return f"its run (pid {owner.process.pid}) has ended"
    if now >= owner.deadline:
        return f"its deadline passed at {_clock(owner.deadline)}"
    return ""


def owner_container_name(cluster: str) -> str:
    """The name of the owner container: unique in an engine, so creating it takes the lock."""
    return f"{cluster}-owner"


def network_name(cluster: str) -> str:
    """The cluster's own network; kind's default network belongs to the user and stays."""
    return cluster if cluster.startswith("kindgate-") else f"kindgate-{cluster}"


def _keep(text: str) -> Keep:
    match text:
        case "never" | "on-failure" | "always":
            return text
        case _:
            raise ValueError(text)


def _clock(epoch: float) -> str:
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
