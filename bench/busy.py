"""Programs that take the CPUs: strangers to a run on the same machine, and an application that burns its own limit."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import psutil

_SPIN = "import sys, time\nend = time.monotonic() + float(sys.argv[1])\nwhile time.monotonic() < end: pass"

_LAUNCH = """
import subprocess, sys
null = subprocess.DEVNULL
for _ in range(int(sys.argv[2])):
    command = [sys.executable, "-c", sys.argv[3], sys.argv[1]]
    print(subprocess.Popen(command, start_new_session=True, stdin=null, stdout=null, stderr=null).pid)
"""
"""Its children outlive it and belong to no process of the run any more."""


class BusyPrograms:
    """Processes that keep CPUs busy and are not the run's."""

    def __init__(self, processes: Sequence[psutil.Process]) -> None:
        self._processes = processes

    def cpu_seconds(self) -> float:
        """CPU time that they have used, in seconds."""
        return sum(sum(process.cpu_times()[:2]) for process in self._processes)

    def kill(self) -> None:
        """End them, whatever they have done."""
        for process in self._processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


@contextlib.contextmanager
def busy_programs(count: int, seconds: float) -> Iterator[BusyPrograms]:
    """`count` processes that keep a CPU busy each, until the block ends and for `seconds` at most."""
    told = subprocess.run([sys.executable, "-c", _LAUNCH, str(seconds), str(count), _SPIN], check=True, capture_output=True, text=True)
    found = BusyPrograms([psutil.Process(int(pid)) for pid in told.stdout.split()])
    try:
        yield found
    finally:
        found.kill()


def burning_pod(name: str, cpus: int) -> dict[str, Any]:
    """A pod that burns `cpus`, its own limit. Each of its processes has `name` among its arguments."""
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
