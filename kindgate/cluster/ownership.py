"""Ownership of a cluster's name: a companion container in the engine, and a state file beside the kubeconfig.

kind labels its containers with two fixed labels and takes no others, so the owner stands on a container of its own,
`NAME-owner`, created and never started. Its unique name is the lock: of two runs, one creates it. It is exchanged by
id, so that of two runs which take over a kept cluster one finds that the id is gone.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kindgate.cluster.kubeconfig import write_private
from kindgate.cluster.owner import RUN_ID_LABEL, Found, NodeContainer, Owner, companion_name, foreign
from kindgate.cluster.process import Liveness, liveness
from kindgate.errors import CommandFailed, OwnershipError
from kindgate.host.directories import state_dir
from kindgate.host.engine import Engine
from kindgate.waiting import Deadline

KIND_CLUSTER_LABEL = "io.x-k8s.kind.cluster"
KIND_ROLE_LABEL = "io.x-k8s.kind.role"

_STATE_FILE = "owner.json"


def look(engine: Engine, name: str, deadline: Deadline) -> Found:
    """What the engine and the state file say about this name.

    The state file counts only for containers without a companion: a run that died while it exchanged the companion.
    """
    companions = _ids(engine, deadline, f"name=^/?{companion_name(name)}$")
    nodes = _ids(engine, deadline, f"label={KIND_CLUSTER_LABEL}={name}")
    found = _sorted_out(name, _inspect(engine, [*companions, *nodes], deadline))
    if found.owner is None and not found.companion and found.nodes:
        return Found(name, owner=read_state(name), nodes=found.nodes)
    return found


def owned_clusters(engine: Engine, deadline: Deadline) -> tuple[Owner, ...]:
    """The owners of all clusters in this engine that kindgate created, by name."""
    owners = (
        Owner.from_labels(container.labels) for container in _inspect(engine, _ids(engine, deadline, f"label={RUN_ID_LABEL}"), deadline)
    )
    return tuple(sorted((owner for owner in owners if owner is not None), key=lambda owner: owner.cluster))


def life_of(owner: Owner | None) -> Liveness:
    """Whether the owner's process lives; a cluster that nobody uses has none, and that is not known to be dead."""
    return liveness(owner.process) if owner is not None and owner.process is not None else Liveness.UNKNOWN


def claim(engine: Engine, owner: Owner, deadline: Deadline) -> str:
    """Make `owner` the owner of its cluster's name, and return the companion's id.

    Raises `OwnershipError` if somebody else was faster, and `CommandFailed` if the node image is not in the engine.
    """
    labels = [part for name, value in owner.labels().items() for part in ("--label", f"{name}={value}")]
    name = companion_name(owner.cluster)
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


def exchange(engine: Engine, companion: str, owner: Owner, deadline: Deadline) -> str:
    """Put `owner` in the place of the companion with this id, and return the new id.

    The state file speaks for the cluster in between. Raises `OwnershipError` if that companion is gone: somebody else
    exchanged it first.
    """
    write_state(owner)
    if companion:
        removed = engine.run("rm", companion, deadline=deadline, check=False)
        if removed.returncode != 0:
            raise OwnershipError(
                f"another run took over the kept cluster {owner.cluster} at the same time",
                last_state=removed.stderr,
                next_step="rerun, or use another --cluster-name",
            )
    return claim(engine, owner, deadline)


def state_path(cluster: str) -> Path:
    """Where the kubeconfig and the state file of a cluster lie, private to this user; `claim` makes it."""
    return state_dir() / "clusters" / cluster


def private_folder(cluster: str) -> Path | None:
    """The state folder of a cluster, for files that have to go with it even when a run is killed; None where it has none."""
    folder = state_path(cluster)
    return folder if folder.is_dir() else None


def state_folders() -> tuple[str, ...]:
    """The names of the clusters that have a state folder here."""
    parent = state_dir() / "clusters"
    return tuple(sorted(folder.name for folder in parent.iterdir() if folder.is_dir())) if parent.is_dir() else ()


def read_state(cluster: str) -> Owner | None:
    """The owner that the state file names, if there is one that can be read."""
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
    """Remove the state folder of a cluster with all that is in it."""
    shutil.rmtree(state_path(cluster), ignore_errors=True)


def owned(found: Found) -> Owner:
    """The owner of what was found. Raises `OwnershipError` if it is not kindgate's."""
    if found.owner is None:
        raise foreign(found)
    return found.owner


@dataclass(frozen=True)
class _Container:
    """What is needed of a container's description."""

    id: str
    name: str
    running: bool
    labels: dict[str, str]


def _sorted_out(name: str, containers: Iterable[_Container]) -> Found:
    owner, companion, nodes = None, "", []
    for container in containers:
        if container.name == companion_name(name):
            owner, companion = Owner.from_labels(container.labels), container.id
        else:
            nodes.append(NodeContainer(container.name, container.labels.get(KIND_ROLE_LABEL, ""), container.running))
    return Found(name, owner, companion, tuple(nodes))


def _ids(engine: Engine, deadline: Deadline, condition: str) -> list[str]:
    return engine.run("ps", "--all", "--quiet", "--no-trunc", "--filter", condition, deadline=deadline).stdout.split()


def _inspect(engine: Engine, ids: list[str], deadline: Deadline) -> list[_Container]:
    """The containers with these ids; one that vanished meanwhile is left out."""
    if not ids:
        return []
    answer = engine.run("container", "inspect", *ids, deadline=deadline, check=False)
    described: list[dict[str, Any]] = json.loads(answer.stdout or "[]")
    return [
        _Container(
            id=container["Id"],
            name=container["Name"].removeprefix("/"),
            running=bool(container["State"]["Running"]) and not container["State"].get("Paused", False),
            labels=container["Config"].get("Labels") or {},
        )
        for container in described
    ]
