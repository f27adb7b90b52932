"""A separate process that undoes an action once the process that did it is gone, even after SIGKILL.

Like the watchdog of a cluster (`kindgate/cluster/watchdog.py`), it holds the read end of a pipe, and until its end it
imports next to nothing. It works on any cluster, also on one that is kept or that kindgate did not create.
"""

from __future__ import annotations

import os
import sys
import time
import traceback
from pathlib import Path

from kindgate.cluster.watchdog import ended_normally
from kindgate.process import ProcessName

UNDO_SECONDS = 600.0
"""Time limit of the undo: a cluster whose API server is down for longer needs `kindgate scenario undo`."""


def undo(path: Path) -> None:
    """Undo the action of the record in `path`; a failure is written to `undo.log` in the state folder, and the record stays."""
    from kindgate.host.paths import state_dir  # noqa: PLC0415  # most undo processes never need it
    from kindgate.scenarios.undo import perform  # noqa: PLC0415  # as above
    from kindgate.scenarios.undo_journal import read_record  # noqa: PLC0415  # as above
    from kindgate.waiting import Deadline  # noqa: PLC0415  # as above

    try:
        record = read_record(path)
        if record is not None:
            perform(record, Deadline.after(UNDO_SECONDS))
    except Exception:  # noqa: BLE001  # the log is the only place to report any error
        with (state_dir() / "undo.log").open("a", encoding="utf-8") as log:
            log.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {path}\n{traceback.format_exc()}\n")


def main(pid: str, started: str, boot_id: str, pid_namespace: str, path: str) -> None:
    """Watch the process named by the first four arguments, with the pipe as standard input."""
    if os.fork() > 0:
        os._exit(0)  # an orphan is in no process tree, so killing the run's tree does not reach it
    if not ended_normally(sys.stdin.fileno(), ProcessName(int(pid), started, boot_id, pid_namespace)):
        undo(Path(path))


if __name__ == "__main__":
    main(*sys.argv[1:])
