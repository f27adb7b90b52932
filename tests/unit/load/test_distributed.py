"""A burst on Locust's master and workers: shares add up, and a lost worker's share is reported missing."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from kindgate.errors import LoadError
from kindgate.load.distributed import read_result, run_distributed, running_swarm
from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.waiting import Deadline, Pending, Ready, wait_for

Serve = Callable[[Callable[[socket.socket], None]], str]
Behaviors = dict[str, Callable[[socket.socket], None]]

LOOP = OpenLoop.constant(100, seconds=1.5, arrival="uniform")


def _log_contains(folder: Path, text: str) -> Ready[None] | Pending:
    """Return whether the master or workers have logged these words."""
    output = (folder / "locust.log").read_text()
    return Ready(None) if text in output else Pending(output[-500:])


def test_a_killed_workers_share_is_missing(serve: Serve, behaviors: Behaviors, tmp_path: Path) -> None:
    """One of two workers is killed after both received their shares: half is measured, exactly on its schedule."""
    with running_swarm(BurstPlan((Route(serve(behaviors["well"])),), LOOP), 2, tmp_path, heartbeats=4) as swarm:
        wait_for("Locust to start", lambda: _log_contains(tmp_path, "All users spawned"), Deadline.after(60), interval=0.1)
        swarm.workers[0].kill()
        swarm.master.wait(60)
    result = read_result(tmp_path)
    assert result.missing == pytest.approx(1 / 2)
    assert (result.scheduled, result.total.completed, result.health.processes) == (75, 75, 1)


INTERRUPTED = """
import sys
from kindgate.load.distributed import run_distributed
from kindgate.load.plan import BurstPlan, OpenLoop, Route
result = run_distributed(BurstPlan((Route(sys.argv[1]),), OpenLoop.constant(100, seconds=60)), 2)
total = result.total
print(result.interrupted, result.missing, 0 < total.completed == result.scheduled - total.failures - result.late < 6000)
"""


def test_ctrl_c_ends_the_burst_on_every_worker_and_keeps_what_was_measured(serve: Serve, behaviors: Behaviors) -> None:
    """The master tells the workers to stop, and each reports its part."""
    answered = threading.Event()

    def handle(connection: socket.socket) -> None:
        answered.set()
        behaviors["well"](connection)

    command = [sys.executable, "-c", INTERRUPTED, serve(handle)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert answered.wait(120)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=120)
    assert output == "True 0.0 True\n"


def test_a_missing_result_is_an_error_with_the_end_of_locusts_log(tmp_path: Path) -> None:
    """The reader need not look for a log file that is already deleted."""
    (tmp_path / "locust.log").write_text("no port left")
    with pytest.raises(LoadError, match="no Locust worker reported") as caught:
        read_result(tmp_path)
    assert "no port left" in caught.value.last_state


def test_a_burst_without_workers_is_rejected() -> None:
    """Zero workers are an error."""
    with pytest.raises(LoadError, match="at least one worker"):
        run_distributed(BurstPlan((Route("http://127.0.0.1/"),), LOOP), 0)
