"""`make cycles`: create, test and delete a small cluster repeatedly; resource usage must not grow.

    python -m tests.faults.cycles [--count 50] [--fresh]

Cycles are added to artifacts/cycles.json, so fifty can be run in several calls. Exits with 1 if a cycle fails or usage
grows.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from kindgate.host.container_engine import Engine
from kindgate.host.engine_install import RUN_FOLDER
from kindgate.waiting import Deadline
from tests.faults.scene import Scene, available_engine
from tests.faults.suite_run import Stopwatch

MIB = 1 << 20

WARM_UP = 5
"""Cycles until the engine's caches are filled."""

MAX_GROWTH = 1.15
"""Allowed ratio of the engine's final memory to that after the warm-up: garbage collectors vary this much."""

MAX_DESCRIPTORS = 10


@dataclass(frozen=True)
class Cycle:
    """One cycle: exit code, seconds, and the objects left afterwards; memory (MiB) and descriptors are the engine's own."""

    exit_code: int
    seconds: float
    containers: int
    networks: int
    volumes: int
    files: int
    memory: float
    descriptors: int


def run_cycle(engine: Engine, folder: Path) -> Cycle:
    """Create, test, delete, and count."""
    scene = Scene(folder, engine, str, folder / "shared-state")
    scene.prepare()
    watch = Stopwatch()
    code = scene.start("test_cluster").wait()
    seconds = watch.seconds
    after = scene.snapshot()
    daemons = engine_processes()
    return Cycle(
        exit_code=code,
        seconds=round(seconds, 1),
        containers=len(after.containers),
        networks=len(after.networks),
        volumes=len(after.volumes),
        files=len(after.files),
        memory=round(sum(process.memory_info().rss for process in daemons) / MIB, 1),
        descriptors=sum(process.num_fds() for process in daemons),
    )


def engine_processes() -> list[psutil.Process]:
    """Docker's daemons on this machine, if visible to this user; empty for a remote engine."""
    processes = []
    for file in (RUN_FOLDER / "docker.pid", RUN_FOLDER / "docker/containerd/containerd.pid"):
        try:
            processes.append(psutil.Process(int(file.read_text())))
        except (OSError, ValueError, psutil.Error):
            continue
    return processes


def growth(cycles: Sequence[Cycle]) -> list[str]:
    """Descriptions of everything that grew; the engine's warm-up cycles are ignored."""
    grown = [f"cycle {number} ended with {cycle.exit_code}" for number, cycle in enumerate(cycles, 1) if cycle.exit_code]
    for name in ("containers", "networks", "volumes", "files"):
        first, last = getattr(cycles[0], name), getattr(cycles[-1], name)
        if last > first:
            grown.append(f"{name}: {first} after the first cycle, {last} after the last")
    warm_cycles = cycles[WARM_UP:]
    if len(warm_cycles) >= 2 * WARM_UP:
        early, late = warm_cycles[:WARM_UP], warm_cycles[-WARM_UP:]
        memory = [statistics.median(cycle.memory for cycle in part) for part in (early, late)]
        if memory[1] > memory[0] * MAX_GROWTH:
            grown.append(f"the engine's memory: from {memory[0]:.0f} to {memory[1]:.0f} MiB")
        descriptors = [statistics.median(cycle.descriptors for cycle in part) for part in (early, late)]
        if descriptors[1] > descriptors[0] + MAX_DESCRIPTORS:
            grown.append(f"the engine's descriptors: from {descriptors[0]:.0f} to {descriptors[1]:.0f}")
    return grown


def read_cycles(file: Path) -> list[Cycle]:
    """The cycles of earlier calls."""
    return [Cycle(**fields) for fields in json.loads(file.read_text(encoding="utf-8"))] if file.exists() else []


def summary(cycles: Sequence[Cycle]) -> list[str]:
    """The durations, and the counts after the first and last cycle."""
    times = [cycle.seconds for cycle in cycles]
    first, last = cycles[0], cycles[-1]
    return [
        f"{len(cycles)} cycles, {sum(not cycle.exit_code for cycle in cycles)} passed",
        "seconds: " + " ".join(f"{seconds:.0f}" for seconds in times),
        f"median {statistics.median(times):.1f} s, least {min(times):.1f} s, most {max(times):.1f} s",
        *(
            f"{name}: {getattr(first, name)} after the first cycle, {getattr(last, name)} after the last"
            for name in ("containers", "networks", "volumes", "files", "memory", "descriptors")
        ),
    ]


def main() -> int:
    """Run cycles, and evaluate all recorded ones."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=50, metavar="N", help="cycles to make now")
    parser.add_argument("--fresh", action="store_true", help="forget the cycles that were made before")
    parser.add_argument("--artifacts", type=Path, default=Path("artifacts"), metavar="DIR", help="where cycles.json goes")
    options = parser.parse_args()
    file: Path = options.artifacts.absolute() / "cycles.json"
    if options.fresh:
        file.unlink(missing_ok=True)
    engine = available_engine()
    engine.run("info", deadline=Deadline.after(30))
    for _ in range(options.count):
        cycles = [*read_cycles(file), run_cycle(engine, file.parent / "faults" / "cycle")]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps([asdict(cycle) for cycle in cycles], indent=1) + "\n", encoding="utf-8")
        sys.stderr.write(f"cycle {len(cycles)}: {cycles[-1]}\n")
    cycles = read_cycles(file)
    if not cycles:
        return 0
    sys.stdout.write("\n".join(summary(cycles)) + "\n")
    grown = growth(cycles)
    sys.stdout.write("".join(f"GROWN {line}\n" for line in grown))
    return 1 if grown else 0


if __name__ == "__main__":
    sys.exit(main())
