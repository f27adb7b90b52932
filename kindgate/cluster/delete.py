"""Delete a cluster that kindgate created: containers, volumes, network, firewall rule, kubeconfig, state and owner container.

The owner container goes last, so an interrupted deletion still leaves a record of the owner.
"""

from __future__ import annotations

import json
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from kindgate.cluster.forwarding import remove_forwarding_rule
from kindgate.cluster.kubeconfig import read_kubeconfig
from kindgate.cluster.owner_container import KIND_CLUSTER_LABEL, inspect_cluster, liveness_of, remove_state
from kindgate.cluster.ownership_rules import ClusterState, Owner, check_free, foreign_cluster_error, network_name, owner_container_name
from kindgate.errors import ClusterError, KindgateError, WaitTimeout
from kindgate.host.container_engine import Engine
from kindgate.waiting import Deadline, Pending, Ready, wait_for

CONTEXT_PREFIX = "kind-"
"""Prefix that kind adds to a cluster's name to form its context."""

SETTLE_SECONDS = 2.0
"""Time for which the engine may still execute kind's requests after kind was killed."""

_NO_NETWORK = ("not found", "no such network")


def delete_cluster(engine: Engine, state: ClusterState, owner: Owner, deadline: Deadline, *, settle_seconds: float = 0.0) -> None:
    """Delete everything of `owner`'s cluster. Idempotent.

    If a killed kind has created containers, pass `SETTLE_SECONDS`: the engine may still be about to create another one.
    Raises `ClusterError` with what could not be deleted.
    """
    cluster = owner.cluster
    settle_deadline = deadline.at_most(settle_seconds)
    try:
        wait_for(
            f"the containers of cluster {cluster} to be removed",
            lambda: _remove_nodes(engine, cluster, deadline, settle_deadline),
            deadline,
        )
        wait_for(f"the volumes of cluster {cluster} to be removed", lambda: _remove_volumes(engine, cluster, deadline), deadline)
        wait_for(f"network {network_name(cluster)} to be removed", lambda: _remove_network(engine, cluster, deadline), deadline)
        _remove_kubeconfig(owner)
        remove_traces(engine, cluster, deadline)
        if state.owner_container:
            engine.run("rm", "--force", "--volumes", state.owner_container, deadline=deadline)
    except WaitTimeout as error:
        raise ClusterError(
            f"cannot delete cluster {cluster}: {error.message}",
            waited=error.waited,
            last_state=error.last_state,
            next_step=f"run `kind delete cluster --name {cluster}` and `{engine.program} rm {owner_container_name(cluster)}`",
        ) from error


def delete_named(engine: Engine, name: str, deadline: Deadline) -> bool:
    """Delete kindgate's cluster of this name, kept or not; return False if it does not exist.

    Raises `OwnershipError` if the cluster belongs to a live run or was not created by kindgate, and `ClusterError` if
    it cannot be deleted.
    """
    state = inspect_cluster(engine, name, deadline)
    if state.owner is None:
        if state.nodes or state.owner_container:
            raise foreign_cluster_error(state)
        remove_traces(engine, name, deadline)
        return False
    check_free(state.owner, liveness_of(state.owner), time.time())
    delete_cluster(engine, state, state.owner, deadline)
    return True


def remove_traces(engine: Engine, cluster: str, deadline: Deadline) -> None:
    """Remove the firewall rule and state folder that a cluster without containers may have left on this machine.

    Raises `ClusterError` if the rule cannot be removed; the state folder is then kept, so the next `reap` retries.
    """
    remove_forwarding_rule(engine, cluster, deadline)
    remove_state(cluster)


def volumes_of(cluster: str, listing: str) -> tuple[str, ...]:
    """The cluster's volumes in the output of `podman volume ls --format json`.

    kind labels each volume with its node's name only, not with the cluster's.
    """
    node = re.compile(rf"{re.escape(cluster)}-(?:control-plane|worker)\d*")
    volumes: list[dict[str, Any]] = json.loads(listing or "[]") or []
    return tuple(str(volume["Name"]) for volume in volumes if any(node.fullmatch(label) for label in volume.get("Labels") or ()))


def _remove_nodes(engine: Engine, cluster: str, deadline: Deadline, settle_deadline: Deadline) -> Ready[None] | Pending:
    """Remove the node containers; ready when none is found after `settle_deadline`."""
    nodes = engine.run("ps", "--all", "--quiet", "--filter", f"label={KIND_CLUSTER_LABEL}={cluster}", deadline=deadline).stdout.split()
    if not nodes:
        return Ready(None) if settle_deadline.expired else Pending("the engine may still create a container")
    at_once = ("--time", "0") if engine.program == "podman" else ()  # podman would wait 10 s for the nodes to stop
    removed = engine.run("rm", "--force", "--volumes", *at_once, *nodes, deadline=deadline, check=False)
    return Pending(removed.stderr.strip() or f"{len(nodes)} containers were being removed")


def _remove_volumes(engine: Engine, cluster: str, deadline: Deadline) -> Ready[None] | Pending:
    """Remove the volumes that kind creates for Podman's nodes; ready when none is left.

    Being named, they are not removed with the containers, as Docker's are.
    """
    if engine.program != "podman":
        return Ready(None)
    volumes = volumes_of(cluster, engine.run("volume", "ls", "--format", "json", deadline=deadline).stdout)
    if not volumes:
        return Ready(None)
    removed = engine.run("volume", "rm", "--force", *volumes, deadline=deadline, check=False)
    return Pending(removed.stderr.strip() or f"{len(volumes)} volumes were being removed")


def _remove_network(engine: Engine, cluster: str, deadline: Deadline) -> Ready[None] | Pending:
    removed = engine.run("network", "rm", network_name(cluster), deadline=deadline, check=False)
    if removed.returncode == 0 or any(mark in removed.stderr.lower() for mark in _NO_NETWORK):
        return Ready(None)
    return Pending(removed.stderr.strip())


def _remove_kubeconfig(owner: Owner) -> None:
    """Remove the kubeconfig only if kind wrote it for this cluster alone: its path comes from a label, which proves nothing."""
    with suppress(KindgateError, OSError):
        content = read_kubeconfig(owner.kubeconfig)
        if [context["name"] for context in content["contexts"]] == [CONTEXT_PREFIX + owner.cluster]:
            Path(owner.kubeconfig).unlink()
