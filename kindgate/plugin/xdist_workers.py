"""xdist's worker processes, from the controller's side: stop those of an interrupted run."""

from __future__ import annotations

import signal
from contextlib import suppress

import psutil


def stop_workers(seconds: float) -> None:
    """Interrupt this process's xdist workers, as a terminal's Ctrl-C does, and kill any left after `seconds`."""
    workers = [child for child in psutil.Process().children() if _is_worker(child)]
    for worker in workers:
        with suppress(psutil.Error):
            worker.send_signal(signal.SIGINT)
    _, alive = psutil.wait_procs(workers, seconds)
    for worker in alive:
        with suppress(psutil.Error):
            worker.kill()


def _is_worker(process: psutil.Process) -> bool:
    """Whether the process is an execnet gateway: it runs a program that reads its code from standard input."""
    try:
        command = process.cmdline()
    except psutil.Error:
        return False
    return any("sys.stdin.readline()" in part for part in command)
