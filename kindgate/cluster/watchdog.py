"""A process beside the run that deletes the run's cluster when the run is gone, whatever ended it: SIGKILL included.

It holds the reading end of a pipe whose writing end is the run's. A run that ends in good order says goodbye before
it closes the pipe; end of file without a goodbye means that it died, or that it hands the deletion over.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import psutil

from kindgate.cluster.deletion import delete_cluster
from kindgate.cluster.ownership import look
from kindgate.cluster.process import Liveness, ProcessName, liveness
from kindgate.errors import KindgateError
from kindgate.host.command import spawn
from kindgate.host.directories import state_dir
from kindgate.host.engine import Engine
from kindgate.waiting import Deadline, Pending, Ready, wait_for

RUN_VARIABLE = "KINDGATE_RUN_ID"
"""Marks kind and its children in their environment, so that they are found without having been told of."""

DELETE_SECONDS = 120.0
"""What the watchdog gives the engine for the deletion; 2-4 s is usual."""

_GOODBYE = b"goodbye"
_LOOK_SECONDS = 5.0
"""How often the owner is looked at besides: a forked child of the run that lives on keeps the pipe open."""

_DISMISS_SECONDS = 5.0


@dataclass(frozen=True)
class Charge:
    """What a watchdog is in charge of; `run_id` tells this run's cluster from a later one of the same name."""

    cluster: str
    run_id: str
    owner: ProcessName
    engine: Engine

    def to_json(self) -> str:
        """The charge as an argument of the watchdog's command line."""
        return json.dumps({**asdict(self), "engine": {**asdict(self.engine), "command": str(self.engine.command)}})

    @classmethod
    def from_json(cls, text: str) -> Charge:
        """The inverse of `to_json`."""
        fields: dict[str, Any] = json.loads(text)
        engine = Engine(**{**fields["engine"], "command": Path(fields["engine"]["command"])})
        return cls(fields["cluster"], fields["run_id"], ProcessName(**fields["owner"]), engine)


class Watchdog:
    """The run's end of the pipe. Use `start`; then exactly one of `dismiss` and `hand_over`, or die."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    @classmethod
    def start(cls, charge: Charge) -> Watchdog:
        """Start a watchdog in a session of its own."""
        command = [sys.executable, "-m", "kindgate.cluster.watchdog", charge.to_json()]
        # a CI runner that was cancelled kills every process that carries its mark, and this one has work left then
        environment = {"RUNNER_TRACKING_ID": "", "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        return cls(spawn(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment))

    def dismiss(self) -> None:
        """Say goodbye, and see the watchdog end: it deletes nothing."""
        self._close(_GOODBYE)
        if self._process.stdout is not None:
            select.select([self._process.stdout], [], [], _DISMISS_SECONDS)
            self._process.stdout.close()

    def hand_over(self) -> None:
        """Leave the deletion to the watchdog, at once and without waiting for it."""
        self._close(b"")
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _close(self, last_words: bytes) -> None:
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.write(last_words)
                self._process.stdin.close()
        self._process.wait(_DISMISS_SECONDS)


def watch(pipe: IO[bytes], charge: Charge) -> bool:
    """Wait until the run says goodbye (True) or is gone without it (False)."""
    heard = b""
    while True:
        readable, _, _ = select.select([pipe], [], [], _LOOK_SECONDS)
        if readable:
            chunk = os.read(pipe.fileno(), 64)
            heard += chunk
            if not chunk:
                return heard == _GOODBYE
        elif liveness(charge.owner) is Liveness.DEAD:
            return False


def clean_up(charge: Charge, deadline: Deadline) -> bool:
    """End the run's kind, and delete its cluster unless it is kept or somebody else's by now; says whether it was deleted."""
    wait_for("the run's kind to end", lambda: _end_processes(charge.run_id), deadline)
    found = look(charge.engine, charge.cluster, deadline)
    if found.owner is None or found.owner.run_id != charge.run_id or found.owner.kept:
        return False
    delete_cluster(charge.engine, found, found.owner, deadline)
    return True


def _end_processes(run_id: str) -> Ready[None] | Pending:
    """Kill every process that carries the run's mark; ready when there was none."""
    alive: Mapping[int, str] = {process.pid: process.name() for process in psutil.process_iter() if _is_marked(process, run_id)}
    for pid in alive:
        with suppress(psutil.Error):
            psutil.Process(pid).kill()
    return Pending(f"killed {alive}") if alive else Ready(None)


def _is_marked(process: psutil.Process, run_id: str) -> bool:
    try:
        return process.environ().get(RUN_VARIABLE) == run_id and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OSError):
        return False


def main() -> None:
    """`python -m kindgate.cluster.watchdog CHARGE`, with the pipe as standard input."""
    if os.fork() > 0:
        os._exit(0)  # an orphan is in nobody's process tree: what kills the run's tree does not reach it
    charge = Charge.from_json(sys.argv[1])
    if watch(sys.stdin.buffer, charge):
        return
    try:
        clean_up(charge, Deadline.after(DELETE_SECONDS))
    except (KindgateError, OSError):
        with (state_dir() / "watchdog.log").open("a", encoding="utf-8") as log:
            log.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} cluster {charge.cluster}\n{traceback.format_exc()}\n")


if __name__ == "__main__":
    main()
