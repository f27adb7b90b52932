"""Garbage collection of kindgate's clusters whose runs are provably dead or past their deadline."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from kindgate.cluster.delete import SETTLE_SECONDS, delete_cluster, remove_traces
from kindgate.cluster.owner_container import inspect_cluster, liveness_of, owned_clusters, read_state, state_folders
from kindgate.cluster.ownership_rules import RUN_VARIABLE, reap_reason
from kindgate.cluster.run_folder import remove_dead_runs
from kindgate.errors import ClusterError, KindgateError
from kindgate.host.container_engine import Engine
from kindgate.waiting import Deadline, Pending, Ready, wait_for

_EACH_SECONDS = 60.0
"""Time limit for one cluster's deletion: 2-4 s is typical, and the others wait for it."""


@dataclass(frozen=True)
class CleanupTask:
    """A watchdog's task; `run_id` distinguishes this run's cluster from a later one of the same name.

    `folder` is the run's private folder, which the watchdog removes once the run is dead.
    """

    cluster: str
    run_id: str
    engine: Engine
    folder: Path | None = None

    def to_json(self) -> str:
        """The task as a command-line argument."""
        folder = str(self.folder) if self.folder is not None else None
        return json.dumps({**asdict(self), "folder": folder, "engine": {**asdict(self.engine), "command": str(self.engine.command)}})

    @classmethod
    def from_json(cls, text: str) -> CleanupTask:
        """The inverse of `to_json`."""
        fields: dict[str, Any] = json.loads(text)
        engine = Engine(**{**fields["engine"], "command": Path(fields["engine"]["command"])})
        folder = Path(fields["folder"]) if fields["folder"] is not None else None
        return cls(fields["cluster"], fields["run_id"], engine, folder)


@dataclass(frozen=True)
class Reaped:
    """A cluster that was deleted, or that could not be; `error` is empty on success."""

    cluster: str
    reason: str
    error: str = ""


def reap(engine: Engine, *, deadline: Deadline, older_than: float | None = None) -> tuple[Reaped, ...]:
    """Delete every kindgate cluster whose run is provably dead or whose deadline has passed.

    A kept cluster is not deleted early: one kept after a failure stays until its deadline, one with keep=always until
    an operator passes `older_than` (seconds), which selects every cluster of that age that no live run uses. A failure
    for one cluster does not affect the others; it is reported in the result.
    """
    reaped = []
    for owner in owned_clusters(engine, deadline):
        reason = reap_reason(owner, liveness_of(owner), time.time(), older_than)
        if reason:
            reaped.append(_reap(engine, owner.cluster, owner.run_id, reason, deadline.at_most(_EACH_SECONDS)))
    reaped += _remove_stale_state(engine, deadline)
    remove_dead_runs()
    return tuple(reaped)


def _reap(engine: Engine, cluster: str, run_id: str, reason: str, deadline: Deadline) -> Reaped:
    try:
        state = inspect_cluster(engine, cluster, deadline)
        if state.owner is not None and state.owner.run_id == run_id:
            delete_cluster(engine, state, state.owner, deadline)
    except KindgateError as error:
        return Reaped(cluster, reason, str(error))
    return Reaped(cluster, reason)


def _remove_stale_state(engine: Engine, deadline: Deadline) -> list[Reaped]:
    """Remove the traces of clusters whose containers are gone, if the same rule permits it; return only failures."""
    failures = []
    for cluster in state_folders():
        owner = read_state(cluster)
        reason = reap_reason(owner, liveness_of(owner), time.time()) if owner is not None else ""
        if not reason:
            continue
        state = inspect_cluster(engine, cluster, deadline)
        if not state.owner_container and not state.nodes:
            try:
                remove_traces(engine, cluster, deadline)
            except ClusterError as error:
                failures.append(Reaped(cluster, reason, str(error)))
    return failures


def clean_up_dead_run(task: CleanupTask, deadline: Deadline) -> bool:
    """Kill a dead run's kind, and delete its cluster unless it is kept or already another run's; return whether it was deleted."""
    killed: set[int] = set()
    wait_for("the run's kind process to end", lambda: _end_processes(task.run_id, killed), deadline)
    state = inspect_cluster(task.engine, task.cluster, deadline)
    if state.owner is None or state.owner.run_id != task.run_id or state.owner.kept:
        return False
    delete_cluster(task.engine, state, state.owner, deadline, settle_seconds=SETTLE_SECONDS if killed else 0.0)
    return True


def _end_processes(run_id: str, killed: set[int]) -> Ready[None] | Pending:
    """Kill every process marked with the run's ID, adding its PID to `killed`; ready when none is found."""
    marked = [process for process in psutil.process_iter() if _is_marked(process, run_id)]
    for process in marked:
        with suppress(psutil.Error):
            process.kill()
            killed.add(process.pid)
    return Pending(f"killed {[process.pid for process in marked]}") if marked else Ready(None)


def _is_marked(process: psutil.Process, run_id: str) -> bool:
    try:
        return process.environ().get(RUN_VARIABLE) == run_id and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OSError):
        return False
