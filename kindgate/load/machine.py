"""Machine load during a burst: total CPU time, time stolen by the hypervisor, CPU pressure."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from kindgate.load.result import Health

_PRESSURE = Path("/proc/pressure/cpu")


@dataclass(frozen=True)
class MachineTimes:
    """Counters since boot, in seconds summed over all CPUs; `at` is on the monotonic clock; `pressure` is None without PSI.

    `interrupts` is the part of `busy` spent in interrupts.
    """

    at: float
    busy: float
    idle: float
    steal: float
    pressure: float | None
    interrupts: float = 0.0

    @classmethod
    def now(cls) -> MachineTimes:
        """Read the current counters."""
        times = psutil.cpu_times()
        steal = float(getattr(times, "steal", 0.0))
        idle = times.idle + float(getattr(times, "iowait", 0.0))
        interrupts = float(getattr(times, "irq", 0.0)) + float(getattr(times, "softirq", 0.0))
        busy = times.user + times.system + times.nice + interrupts
        return cls(time.monotonic(), busy, idle, steal, _pressure(), interrupts)


def health_between(
    before: MachineTimes, after: MachineTimes, generators: list[tuple[float, float]], own_seconds: float | None = None
) -> Health:
    """Health of the generators between two readings; `generators` has (CPU seconds, seconds) of each.

    `own_seconds` is the CPU time in seconds of the whole run and its cluster, None if unknown.
    """
    seconds = max(after.at - before.at, 1e-9)
    used = sum(cpu for cpu, _ in generators)
    total = (after.busy - before.busy) + (after.idle - before.idle) + (after.steal - before.steal)
    pressure = None
    if before.pressure is not None and after.pressure is not None:
        pressure = (after.pressure - before.pressure) / seconds
    return Health(
        processes=len(generators),
        cpu_share=max((cpu / wall for cpu, wall in generators if wall > 0), default=0.0),
        cpu_seconds=used,
        steal=(after.steal - before.steal) / total if total > 0 else 0.0,
        other_cpu=max(0.0, after.busy - before.busy - used) / seconds,
        foreign=None if own_seconds is None or total <= 0 else min(1.0, _foreign(before, after, own_seconds) / total),
        pressure=pressure,
    )


def _foreign(before: MachineTimes, after: MachineTimes, own_seconds: float) -> float:
    """CPU time in seconds of programs outside the run.

    Interrupts are excluded: most come from the run's own traffic, and the rest cannot be attributed. Kernels without
    IRQ_TIME_ACCOUNTING charge them to the interrupted process too, so they are also in `own_seconds`, and foreign programs are
    underestimated by the cost of the run's traffic (2 to 9 % of two cores were seen), never overestimated.
    """
    interrupts = after.interrupts - before.interrupts
    return max(0.0, after.busy - before.busy - interrupts - own_seconds)


def _pressure() -> float | None:
    """Seconds in which at least one task waited for a CPU (first line of the kernel's PSI file)."""
    try:
        return int(_PRESSURE.read_text(encoding="utf-8").split("\n", 1)[0].rpartition("total=")[2]) / 1e6
    except (OSError, ValueError):
        return None
