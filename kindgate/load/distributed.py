"""One burst from several machines, or from several processes that act like them: Locust's master and workers as subprocesses.

Locust patches the standard library when imported, so it is never imported here.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from kindgate.errors import LoadError, clipped
from kindgate.load.burst_duration import max_duration
from kindgate.load.locust_settings import HEARTBEATS as HEARTBEATS_VARIABLE
from kindgate.load.locust_settings import PLAN, RESULT
from kindgate.load.plan import BurstPlan
from kindgate.load.result import BurstResult

START_SECONDS: Final = 60.0
"""Timeout in seconds for all workers to join the master; allowed again for the shutdown."""

HEARTBEATS: Final = 10
"""Seconds without a heartbeat after which a worker counts as lost; a busy machine delays heartbeats."""

_LOCUSTFILE: Final = Path(__file__).with_name("locustfile.py")

_CONFLICTING: Final = frozenset(
    {"LOCUST_RUN_TIME", "LOCUST_PROCESSES", "LOCUST_MODE_MASTER", "LOCUST_MODE_WORKER", "LOCUST_AUTOSTART", "LOCUST_HTML", "LOCUST_CSV"}
)
"""Locust's variables that would change how a burst starts or ends."""


@dataclass
class Swarm:
    """A running master with its local workers."""

    master: subprocess.Popen[bytes]
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def end(self) -> None:
        """Terminate every process that is still running."""
        for process in (self.master, *self.workers):
            process.terminate()
        for process in (self.master, *self.workers):
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def run_distributed(plan: BurstPlan, workers: int) -> BurstResult:
    """Send `plan` from `workers` Locust workers on this machine, each with one generator.

    The share of a lost worker is missing from the result, which states how much. Ctrl-C ends the burst early: the result
    then holds what was measured until then. Raises `LoadError` if Locust is not installed or no worker reports.
    """
    if workers < 1:
        raise LoadError(f"a distributed burst needs at least one worker, not {workers}")
    refuse_missing_locust("a distributed burst")
    with tempfile.TemporaryDirectory(prefix="kindgate-load-") as folder, running_swarm(plan, workers, Path(folder)) as swarm:
        return await_result(swarm, Path(folder), max_duration(plan))


def refuse_missing_locust(what: str) -> None:
    """Raise `LoadError` if Locust, which `what` requires, is not installed."""
    if importlib.util.find_spec("locust") is None:
        raise LoadError(f"{what} requires Locust, which is not installed", next_step="run pip install 'kindgate[distributed]'")


def running_swarm(plan: BurstPlan, workers: int, folder: Path, heartbeats: int = HEARTBEATS) -> contextlib.AbstractContextManager[Swarm]:
    """Run a master and workers that send `plan` with kindgate's engine, and begin immediately."""
    count = str(workers)
    return launched_swarm(plan, workers, folder, locustfiles=str(_LOCUSTFILE), load=["-u", count, "-r", count], heartbeats=heartbeats)


@contextlib.contextmanager
def launched_swarm(
    plan: BurstPlan, workers: int, folder: Path, *, locustfiles: str, load: Sequence[str], heartbeats: int = HEARTBEATS
) -> Iterator[Swarm]:
    """Run a master with the options `load` and its workers, which begin immediately; logs and the result go to `folder`.

    A worker that sends no heartbeat for `heartbeats` seconds is lost.
    """
    (folder / "plan.json").write_text(json.dumps(plan.to_json()), encoding="utf-8")
    port = _free_port()
    common = [sys.executable, "-m", "locust", "-f", locustfiles]
    binding = ["--master-bind-host", "127.0.0.1", "--master-bind-port", port]
    waiting = ["--expect-workers", str(workers), "--expect-workers-max-wait", f"{START_SECONDS:g}"]
    environment = {
        **{name: value for name, value in os.environ.items() if name not in _CONFLICTING},
        PLAN: str(folder / "plan.json"),
        RESULT: str(folder / "result.json"),
        HEARTBEATS_VARIABLE: str(heartbeats),
    }
    with (folder / "locust.log").open("wb") as log, contextlib.ExitStack() as stack:

        def launch(arguments: list[str]) -> subprocess.Popen[bytes]:
            return subprocess.Popen(arguments, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

        swarm = Swarm(launch([*common, "--master", *binding, *waiting, "--headless", "--only-summary", *load]))
        stack.callback(swarm.end)
        for _ in range(workers):
            swarm.workers.append(launch([*common, "--worker", "--master-host", "127.0.0.1", "--master-port", port]))
        yield swarm


def await_result(swarm: Swarm, folder: Path, seconds: float) -> BurstResult:
    """The result of a burst that takes up to `seconds`; raises `LoadError` if there is none."""
    try:
        _wait_for_master(swarm.master, seconds + 2 * START_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise LoadError("Locust's master did not finish", waited=error.timeout, last_state=_log_tail(folder)) from error
    return read_result(folder)


def read_result(folder: Path) -> BurstResult:
    """The result that the master wrote; if it is missing, raises `LoadError` with the end of Locust's log."""
    try:
        return BurstResult.from_json(json.loads((folder / "result.json").read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise LoadError("no Locust worker reported a result", last_state=_log_tail(folder)) from error


def _wait_for_master(master: subprocess.Popen[bytes], seconds: float) -> None:
    """Wait for the master to exit. The first Ctrl-C asks it to end early; a second one reaches the caller."""
    try:
        master.wait(seconds)
    except KeyboardInterrupt:
        master.send_signal(signal.SIGUSR1)
        master.wait(START_SECONDS)


def _log_tail(folder: Path) -> str:
    return clipped((folder / "locust.log").read_text(encoding="utf-8", errors="replace"))


def _free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return str(probe.getsockname()[1])
