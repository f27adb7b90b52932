"""Ownership of a cluster's name: an owner container in the engine, and a state file next to the kubeconfig.

kind sets two fixed labels on its containers and accepts no others, so the owner is recorded on a separate container,
`NAME-owner`, created but never started. Its unique name is the lock: of two runs, only one can create it. It is
replaced by ID, so of two runs that take over a kept cluster, one finds the ID gone.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kindgate.cluster.kubeconfig import write_private
from kindgate.cluster.ownership_rules import RUN_ID_LABEL, ClusterState, NodeContainer, Owner, foreign_cluster_error, owner_container_name
from kindgate.errors import CommandFailed, OwnershipError
from kindgate.host.container_engine import Engine
from kindgate.host.paths import state_dir
from kindgate.process import Liveness, liveness
from kindgate.waiting import Deadline

KIND_CLUSTER_LABEL = "io.x-k8s.kind.cluster"
KIND_ROLE_LABEL = "io.x-k8s.kind.role"

_STATE_FILE = "owner.json"


def inspect_cluster(engine: Engine, name: str, deadline: Deadline) -> ClusterState:
    """Look up this name in the engine and the state file.

    The state file counts only if the owner container is missing: a run died while replacing it.
    """
    owner_containers = _ids(engine, deadline, f"name=^/?{owner_container_name(name)}$")
    nodes = _ids(engine, deadline, f"label={KIND_CLUSTER_LABEL}={name}")
    state = _cluster_state(name, _inspect(engine, [*owner_containers, *nodes], deadline))
    if state.owner is None and not state.owner_container and state.nodes:
        return ClusterState(name, owner=read_state(name), nodes=state.nodes)
    return state


def owned_clusters(engine: Engine, deadline: Deadline) -> tuple[Owner, ...]:
    """The owners of all of kindgate's clusters in this engine, by name."""
    owners = (
        Owner.from_labels(container.labels) for container in _inspect(engine, _ids(engine, deadline, f"label={RUN_ID_LABEL}"), deadline)
    )
    return tuple(sorted((owner for owner in owners if owner is not None), key=lambda owner: owner.cluster))


def liveness_of(owner: Owner | None) -> Liveness:
    """Whether the owner's process is alive; unknown for an unused cluster, which has no process."""
    return liveness(owner.process) if owner is not None and owner.process is not None else Liveness.UNKNOWN


def claim(engine: Engine, owner: Owner, deadline: Deadline) -> str:
    """Make `owner` the owner of its cluster's name, and return the owner container's ID.

    Raises `OwnershipError` if another run was faster, and `CommandFailed` if the node image is not in the engine.
    """
    labels = [part for name, value in owner.labels().items() for part in ("--label", f"{name}={value}")]
    name = owner_container_name(owner.cluster)
    try:
        created = engine.run("create", "--name", name, "--pull", "never", *labels, owner.node_image, "true", deadline=deadline)
    except CommandFailed as error:
        if "already in use" not in error.stderr:
            raise
        raise OwnershipError(
            f"another run claimed the cluster name {owner.cluster} at the same time", next_step="use another --cluster-name for one of them"
        ) from error
    write_state(owner)
    return created.stdout.strip()


def replace_owner(engine: Engine, owner_container: str, owner: Owner, deadline: Deadline) -> str:
    """Replace the owner container that has this ID with one for `owner`, and return the new ID.

    In between, the state file records the owner. Raises `OwnershipError` if that container is gone: another run
    replaced it first.
    """
    write_state(owner)
    if owner_container:
        removed = engine.run("rm", owner_container, deadline=deadline, check=False)
        if removed.returncode != 0:
            raise OwnershipError(
                f"another run took over the kept cluster {owner.cluster} at the same time",
                last_state=removed.stderr,
                next_step="rerun, or use another --cluster-name",
            )
    return claim(engine, owner, deadline)


def state_path(cluster: str) -> Path:
    """The folder of a cluster's kubeconfig and state file, private to this user; `claim` creates it."""
    return state_dir() / "clusters" / cluster


def private_folder(cluster: str) -> Path | None:
    """A cluster's state folder, for files that must be deleted with it even if a run is killed; None if it has none."""
    folder = state_path(cluster)
    return folder if folder.is_dir() else None


def state_folders() -> tuple[str, ...]:
    """The names of the clusters that have a state folder on this machine."""
    parent = state_dir() / "clusters"
    return tuple(sorted(folder.name for folder in parent.iterdir() if folder.is_dir())) if parent.is_dir() else ()


def read_state(cluster: str) -> Owner | None:
    """The owner named by the state file, if it exists and is valid."""
    try:
        return Owner.from_json((state_path(cluster) / _STATE_FILE).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None


def write_state(owner: Owner) -> None:
    """Write the state file of the owner's cluster."""
    folder = state_path(owner.cluster)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(folder / _STATE_FILE, owner.to_json())


def remove_state(cluster: str) -> None:
    """Remove a cluster's state folder and its content."""
    shutil.rmtree(state_path(cluster), ignore_errors=True)


def require_owner(state: ClusterState) -> Owner:
    """The owner of the cluster found. Raises `OwnershipError` if it is not kindgate's."""
    if state.owner is None:
        raise foreign_cluster_error(state)
    return state.owner


@dataclass(frozen=True)
class _Container:
    """The fields used from a container's description."""

    id: str
    name: str
    running: bool
    labels: dict[str, str]


def _cluster_state(name: str, containers: Iterable[_Container]) -> ClusterState:
    owner, owner_container, nodes = None, "", []
    for container in containers:
        if container.name == owner_container_name(name):
            owner, owner_container = Owner.from_labels(container.labels), container.id
        else:
            nodes.append(NodeContainer(container.name, container.labels.get(KIND_ROLE_LABEL, ""), container.running))
    return ClusterState(name, owner, owner_container, tuple(nodes))


def _ids(engine: Engine, deadline: Deadline, condition: str) -> list[str]:
    return engine.run("ps", "--all", "--quiet", "--no-trunc", "--filter", condition, deadline=deadline).stdout.split()


def _inspect(engine: Engine, ids: list[str], deadline: Deadline) -> list[_Container]:
    """The containers with these IDs; those that disappeared meanwhile are omitted."""
    if not ids:
        return []
    inspected = engine.run("container", "inspect", *ids, deadline=deadline, check=False)
    descriptions: list[dict[str, Any]] = json.loads(inspected.stdout or "[]")
    return [
        _Container(
            id=container["Id"],
            name=container["Name"].removeprefix("/"),
            running=bool(container["State"]["Running"]) and not container["State"].get("Paused", False),
            labels=container["Config"].get("Labels") or {},
        )
        for container in descriptions
    ]
