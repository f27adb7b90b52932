"""A separate process that deletes the run's cluster once the run is gone, even after SIGKILL.

It holds the read end of a pipe whose write end is the run's (`watchdog_client.py`). A run that ends normally says goodbye before
it closes the pipe; end of file without a goodbye means that it died or hands over the deletion. Until then it imports
next to nothing, so it costs the run nothing.
"""

from __future__ import annotations

import os
import select
import sys
import time
import traceback

from kindgate.process import Liveness, ProcessName, liveness

GOODBYE = b"goodbye"

DELETE_SECONDS = 120.0
"""Time limit for the deletion; 2-4 s is typical."""

_RETRY_SECONDS = 2.0

_CHECK_SECONDS = 5.0
"""Interval of an additional check of the owner: a surviving child of the run keeps the pipe open."""


def ended_normally(pipe: int, owner: ProcessName, check_seconds: float = _CHECK_SECONDS) -> bool:
    """Wait until the run closes the pipe or dies; return whether it said goodbye first."""
    received = b""
    while True:
        readable, _, _ = select.select([pipe], [], [], check_seconds)
        if readable:
            chunk = os.read(pipe, 64)
            received += chunk
            if not chunk:
                return received == GOODBYE
        elif liveness(owner) is Liveness.DEAD:
            return False


def clean_up(task_json: str, owner: ProcessName) -> None:
    """Delete the run's leftovers; a failure is written to `watchdog.log` in the state folder, as the only place to report it.

    A run that has handed over the deletion may still be writing its report from its private folder, so that folder is
    removed only once the run is dead. Standard output is closed first, to signal that the cluster is gone.
    """
    from kindgate.cluster.reaper import CleanupTask, clean_up_dead_run  # noqa: PLC0415  # most watchdogs never need it
    from kindgate.cluster.run_folder import remove_run_folder  # noqa: PLC0415  # as above
    from kindgate.errors import KindgateError  # noqa: PLC0415  # as above
    from kindgate.host.paths import state_dir  # noqa: PLC0415  # as above
    from kindgate.waiting import Deadline, Pending, Ready, wait_for  # noqa: PLC0415  # as above

    deadline = Deadline.after(DELETE_SECONDS)
    cleanup = CleanupTask.from_json(task_json)

    def attempt() -> Ready[None] | Pending:
        try:
            clean_up_dead_run(cleanup, deadline)
        except KindgateError as error:  # the engine may be restarting
            return Pending(str(error))
        return Ready(None)

    try:
        wait_for("the run's leftovers to be deleted", attempt, deadline, interval=_RETRY_SECONDS)
        os.close(sys.stdout.fileno())
        if cleanup.folder is not None:
            wait_for(
                "the run to end", lambda: Pending("it is still running") if liveness(owner) is Liveness.ALIVE else Ready(None), deadline
            )
            remove_run_folder(cleanup.folder)
    except Exception:  # noqa: BLE001  # the log is the only place to report any error
        with (state_dir() / "watchdog.log").open("a", encoding="utf-8") as log:
            log.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {task_json}\n{traceback.format_exc()}\n")


def main(pid: str, started: str, boot_id: str, pid_namespace: str, task_json: str) -> None:
    """Watch the process named by the first four arguments, with the pipe as standard input."""
    if os.fork() > 0:
        os._exit(0)  # an orphan is in no process tree, so killing the run's tree does not reach it
    owner = ProcessName(int(pid), started, boot_id, pid_namespace)
    if not ended_normally(sys.stdin.fileno(), owner):
        clean_up(task_json, owner)


if __name__ == "__main__":
    main(*sys.argv[1:])
