"""Process identities that any process can later check for liveness."""

from __future__ import annotations

import enum
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Liveness(enum.Enum):
    """The liveness of a process as far as it can be determined here."""

    ALIVE = "alive"
    DEAD = "dead"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class ProcessName:
    """A process, distinguished from every other that ever had its number.

    `started` is the kernel's start time, in no particular unit; setting the clock does not change it. `pid` is only
    meaningful within `boot_id` and `pid_namespace`.
    """

    pid: int
    started: str
    boot_id: str
    pid_namespace: str

    @classmethod
    def current(cls) -> ProcessName:
        """Identify the calling process."""
        return cls.of(os.getpid())

    @classmethod
    def of(cls, pid: int) -> ProcessName:
        """Identify the process that has this number now."""
        return cls(pid, _start_time(pid) or "", boot_id(), pid_namespace())


def liveness(process: ProcessName) -> Liveness:
    """Whether `process` is alive; unknown if its number means nothing here: another boot, machine or PID namespace."""
    if not process.boot_id or (process.boot_id, process.pid_namespace) != (boot_id(), pid_namespace()):
        return Liveness.UNKNOWN
    if not _exists(process.pid):
        return Liveness.DEAD
    started = _start_time(process.pid)
    if started is None:
        return Liveness.ALIVE if _exists(process.pid) else Liveness.DEAD
    return Liveness.ALIVE if started == process.started else Liveness.DEAD


@cache
def boot_id() -> str:
    """The ID of the machine's current boot; empty if the system provides none."""
    if BOOT_ID.exists():
        return BOOT_ID.read_text(encoding="ascii").strip()
    if sys.platform == "darwin":
        return subprocess.run(
            ["sysctl", "-n", "kern.bootsessionuuid"], capture_output=True, text=True, timeout=5, check=False
        ).stdout.strip()
    return ""


@cache
def pid_namespace() -> str:
    """The ID of this process's PID namespace; `host` if the system has none."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return "host"


def _exists(pid: int) -> bool:
    """Whether a process has this number; unlike reading /proc, sending a signal works despite `hidepid`."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _start_time(pid: int) -> str | None:
    """The start time of `pid`, `zombie` for a terminated process that was not reaped, None if it cannot be read."""
    if sys.platform == "linux":
        try:
            # proc_pid_stat(5): the name in parentheses may contain anything; the fields after it start with the state, field 3
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            return None
        return "zombie" if fields[0] in {"Z", "X", "x"} else fields[19]
    import psutil  # noqa: PLC0415  # only needed without /proc

    try:
        process = psutil.Process(pid)
        return "zombie" if process.status() == psutil.STATUS_ZOMBIE else repr(process.create_time())
    except psutil.Error:
        return None
