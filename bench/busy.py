"""CPU load: from programs outside the run on the same machine, and from an application that uses its whole limit."""

from __future__ import annotations

import contextlib
import math
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import psutil

_SPIN = """
import sys, time
end, share = time.monotonic() + float(sys.argv[1]), float(sys.argv[2])
while time.monotonic() < end:
    pause = time.monotonic() + 0.02 * share
    while time.monotonic() < pause:
        pass
    if share < 1:
        time.sleep(0.02 * (1 - share))
"""
"""Busy for a share of every 20 ms."""

_LAUNCH = """
import subprocess, sys
null = subprocess.DEVNULL
for share in sys.argv[3:]:
    command = [sys.executable, "-c", sys.argv[2], sys.argv[1], share]
    print(subprocess.Popen(command, start_new_session=True, stdin=null, stdout=null, stderr=null).pid)
"""
"""Its children outlive it, so they no longer belong to a process of the run."""


class BusyPrograms:
    """Processes outside the run that keep CPUs busy."""

    def __init__(self, processes: Sequence[psutil.Process]) -> None:
        self._processes = processes

    @property
    def ids(self) -> tuple[int, ...]:
        """Their process ids."""
        return tuple(process.pid for process in self._processes)

    def cpu_seconds(self) -> float:
        """Return their total CPU time so far, in seconds."""
        return sum(sum(process.cpu_times()[:2]) for process in self._processes)

    def kill(self) -> None:
        """Kill them and wait for their end."""
        for process in self._processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(self._processes, timeout=10)


@contextlib.contextmanager
def busy_programs(cores: float, seconds: float) -> Iterator[BusyPrograms]:
    """Keep `cores` CPUs busy until the block ends, for at most `seconds`; the last process is busy part of the time."""
    shares = [str(min(1.0, cores - number)) for number in range(math.ceil(cores))]
    launched = subprocess.run([sys.executable, "-c", _LAUNCH, str(seconds), _SPIN, *shares], check=True, capture_output=True, text=True)
    programs = BusyPrograms([psutil.Process(int(pid)) for pid in launched.stdout.split()])
    try:
        yield programs
    finally:
        programs.kill()


def burning_pod(name: str, cpus: int) -> dict[str, Any]:
    """Return a pod that uses `cpus`, its own limit. Each of its processes has `name` in its arguments."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 65534, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": name,
                    "image": "docker.io/library/busybox:1.35",
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["sh", "-c", " ".join(["while :; do :; done &"] * cpus) + " wait", name],
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                    "resources": {"limits": {"cpu": str(cpus), "memory": "32Mi"}, "requests": {"cpu": "10m"}},
                }
            ],
        },
    }
