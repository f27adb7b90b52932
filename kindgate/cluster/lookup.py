"""Look up an existing cluster for a manual step: the engine's state counts, not a state file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from kindgate.cluster.api import server_version
from kindgate.cluster.kubeconfig import externalise
from kindgate.cluster.life import address_of
from kindgate.cluster.ownership import look, owned, state_path
from kindgate.errors import ClusterError
from kindgate.host.command import run
from kindgate.host.engine import Engine
from kindgate.model import ClusterAddress
from kindgate.waiting import Deadline

_ANSWER_SECONDS = 15.0


def find_cluster(engine: Engine, name: str, kind: Path, deadline: Deadline) -> ClusterAddress | None:
    """The address of kindgate's cluster of this name, once its server has responded; None if there is no such cluster.

    A missing kubeconfig is rewritten. Raises `OwnershipError` if the cluster is not kindgate's and `ClusterError` if it
    is not running.
    """
    found = look(engine, name, deadline)
    if not found.nodes and not found.companion:
        return None
    owner = owned(found)
    stopped = [node.name for node in found.nodes if not node.running]
    if stopped or not found.nodes:
        raise ClusterError(
            f"cluster {name} is not running",
            last_state=f"stopped: {', '.join(stopped) or 'all nodes were removed'}",
            next_step="delete it with `kindgate down`",
        )
    if not owner.kubeconfig.exists():
        folder = state_path(name)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = replace(owner, kubeconfig=folder / "kubeconfig")
        run(
            [kind, "export", "kubeconfig", "--name", name, "--kubeconfig", owner.kubeconfig], deadline=deadline, env=engine.kind_environment
        )
        externalise(owner.kubeconfig, folder)
    address = replace(address_of(owner, found.kubernetes_nodes), reused=True)
    return replace(address, server_version=server_version(address, deadline.at_most(_ANSWER_SECONDS)))
