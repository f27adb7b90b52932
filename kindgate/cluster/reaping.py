"""Deletes what runs left behind that are provably dead or past their deadline; never anybody else's."""

from __future__ import annotations

import time
from dataclasses import dataclass

from kindgate.cluster.deletion import delete_cluster
from kindgate.cluster.owner import why_reap
from kindgate.cluster.ownership import life_of, look, owned_clusters, read_state, remove_state, state_folders
from kindgate.errors import KindgateError
from kindgate.host.engine import Engine
from kindgate.waiting import Deadline


@dataclass(frozen=True)
class Reaped:
    """A cluster that was, or was to be, deleted; `error` is empty where that worked."""

    cluster: str
    reason: str
    error: str = ""


def reap(engine: Engine, *, deadline: Deadline, older_than: float | None = None) -> tuple[Reaped, ...]:
    """Delete every cluster of kindgate's whose run is provably dead or whose deadline has passed.

    A kept cluster is left before its time: one kept after a failure until its deadline, one kept always until an
    operator says `older_than` (seconds), which takes every cluster of that age that no living run uses. Cannot fail
    for one cluster because of another: what went wrong stands in the result.
    """
    reaped = []
    for owner in owned_clusters(engine, deadline):
        reason = why_reap(owner, life_of(owner), time.time(), older_than)
        if reason:
            reaped.append(_reap(engine, owner.cluster, owner.run_id, reason, deadline))
    _remove_stale_state(engine, deadline)
    return tuple(reaped)


def _reap(engine: Engine, cluster: str, run_id: str, reason: str, deadline: Deadline) -> Reaped:
    try:
        found = look(engine, cluster, deadline)
        if found.owner is not None and found.owner.run_id == run_id:
            delete_cluster(engine, found, found.owner, deadline)
    except KindgateError as error:
        return Reaped(cluster, reason, str(error))
    return Reaped(cluster, reason)


def _remove_stale_state(engine: Engine, deadline: Deadline) -> None:
    """Remove state folders that no container of this engine belongs to and that may go by the same rule."""
    for cluster in state_folders():
        owner = read_state(cluster)
        if owner is not None and why_reap(owner, life_of(owner), time.time()):
            found = look(engine, cluster, deadline)
            if not found.companion and not found.nodes:
                remove_state(cluster)
