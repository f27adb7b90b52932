"""Undo an action: by the process that did it, by its undo process, by the next run on the cluster, or by hand."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from kindgate.cluster.watchdog_client import WatchdogClient
from kindgate.errors import CommandError, ScenarioError, WaitTimeout
from kindgate.host.command import Completed, run
from kindgate.host.container_engine import Engine
from kindgate.model import ClusterAddress
from kindgate.process import Liveness, liveness
from kindgate.scenarios.action import UndoProgram, UndoStep
from kindgate.scenarios.undo_journal import UndoRecord, open_records
from kindgate.waiting import Deadline, Pending, Ready, wait_for

UNDO_SECONDS = 60.0
"""Time limit of an undo; its commands take tenths of a second, unless the API server is restarting."""

COMMAND_SECONDS = 15.0
"""Time limit of one command; the last one may end that much later than the undo's time limit."""

_RETRY_SECONDS = 1.0

_NOTHING_LEFT: Mapping[UndoProgram, re.Pattern[str]] = {
    "kubectl": re.compile(r"\(NotFound\)|the server rejected our request due to an error in our request"),
    "engine": re.compile(r"no such container|no container with name or ID|is not paused|is not running", re.IGNORECASE),
}
"""Messages if nothing is left of the action, or someone else changed it.

Of kubectl: the object is gone, or a test in a JSON patch fails. Of the engine: the node is gone, runs already, or was stopped,
which ended what the action did inside it.
"""

UNDO_COMMAND = "kindgate scenario undo"


@dataclass(frozen=True)
class Leftover:
    """An action that another process left; `error` is why it is not undone, empty if it is."""

    what: str
    error: str = ""


@dataclass
class Undo:
    """The undo of one action; `error` is why it failed, empty if it has not."""

    error: str = ""


@contextmanager
def undone_afterward(record: UndoRecord, seconds: float = UNDO_SECONDS) -> Iterator[Undo]:
    """Undo the action of `record` after the block, however it ends, also if this process is killed in it.

    If that fails for `seconds`, `error` of the yielded object is set, the undo process tries on, and the record stays until it succeeds.
    """
    watchdog: WatchdogClient | None = None
    undo = Undo()
    done = False
    try:
        record.write()
        watchdog = WatchdogClient.start_module("kindgate.scenarios.undo_process", str(record.path))
        yield undo
    finally:
        try:
            perform(record, Deadline.after(seconds))
            done = True
        except ScenarioError as error:
            undo.error = str(error)
        finally:
            if watchdog is not None and done:
                watchdog.dismiss()
            elif watchdog is not None:
                watchdog.hand_over()


def perform(record: UndoRecord, deadline: Deadline) -> None:
    """Perform all steps, and remove the record; a step is repeated until the API server has answered it.

    Raises `ScenarioError` at the deadline.
    """
    _perform_steps(record, record.steps, deadline)
    record.remove()


def _perform_steps(record: UndoRecord, steps: Iterable[UndoStep], deadline: Deadline) -> None:
    for step in steps:
        try:
            wait_for("the cluster to accept an undo", functools.partial(_attempt, record, step), deadline, interval=_RETRY_SECONDS)
        except WaitTimeout as error:
            raise ScenarioError(
                f"{record.what} on cluster {record.cluster} is not undone",
                waited=error.waited,
                last_state=error.last_state,
                next_step=f"make the cluster reachable and run `{UNDO_COMMAND}`",
            ) from error


def undo_node_faults(cluster: str, engine: Engine, *, by_hand: bool = False) -> None:
    """Do the engine's steps of what dead processes left on the nodes of a cluster that kindgate created; the records stay.

    To be called before the cluster is looked up, because one with a stopped node counts as broken. A failure is not
    reported: `undo_leftovers`, which does the steps again, reports it. `by_hand` is as there.
    """
    for record in open_records():
        mine = record.cluster == cluster and record.changes_nodes
        if mine and liveness(record.process) in ({Liveness.DEAD, Liveness.UNKNOWN} if by_hand else {Liveness.DEAD}):
            steps = [step for step in record.steps if step.program == "engine"]
            with suppress(ScenarioError):
                _perform_steps(replace(record, engine=engine), steps, Deadline.after(UNDO_SECONDS))


def undo_leftovers(address: ClusterAddress, kubectl: Path, engine: Engine | None = None, *, by_hand: bool = False) -> tuple[Leftover, ...]:
    """Undo what dead processes left on the cluster; an action of a living process is in progress, and is not touched.

    The programs and the kubeconfig of the record may be gone, so `kubectl`, `engine` (None on an existing cluster) and those of
    the address are used. A process of another boot or machine cannot be checked: its actions are undone only `by_hand`.
    Never raises: a failure is part of the result.
    """
    records = (
        replace(record, kubectl=kubectl, kubeconfig=address.kubeconfig, context=address.context, engine=engine or record.engine)
        for record in open_records()
        if record.belongs_to(address)
    )
    return tuple(leftover for record in records if (leftover := _undo_leftover(record, by_hand=by_hand)) is not None)


def _undo_leftover(record: UndoRecord, *, by_hand: bool) -> Leftover | None:
    state = liveness(record.process)
    if state is Liveness.ALIVE:
        return Leftover(record.what, f"process {record.process.pid} is doing it") if by_hand else None
    if state is Liveness.UNKNOWN and not by_hand:
        return Leftover(record.what, f"it was begun on another machine, or before this one was restarted: run `{UNDO_COMMAND}`")
    try:
        perform(record, Deadline.after(UNDO_SECONDS))
    except ScenarioError as error:
        return Leftover(record.what, str(error))
    return Leftover(record.what)


def _attempt(record: UndoRecord, step: UndoStep) -> Ready[None] | Pending:
    if record.is_void:
        return Ready(None)
    try:
        result = _execute(record, step, Deadline.after(COMMAND_SECONDS))
    except CommandError as error:
        return Pending(str(error))
    if result.returncode == 0 or _NOTHING_LEFT[step.program].search(result.stderr):
        return Ready(None)
    return Pending(result.stderr.strip() or f"{step.program} exited with {result.returncode}")


def _execute(record: UndoRecord, step: UndoStep, deadline: Deadline) -> Completed:
    if step.program == "engine":
        assert record.engine is not None  # noqa: S101  # no record without an engine has such a step
        return record.engine.run(*step.arguments, input=step.stdin, deadline=deadline, check=False)
    cluster = ("--kubeconfig", str(record.kubeconfig), "--context", record.context)
    return run([record.kubectl, *step.arguments, *cluster], input=step.stdin, deadline=deadline, check=False)
