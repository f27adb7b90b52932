"""The run's own CPU time, from recorded and real processes."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.busy import busy_programs
from kindgate.host.cgroups import Cgroup
from kindgate.load.own_cpu import OwnCpu, OwnTimes
from kindgate.waiting import Deadline, Pending, Ready, wait_for

TICKS = os.sysconf("SC_CLK_TCK")
RUN = 100
"""The process that owns the run in the recorded trees."""


@dataclass
class Proc:
    """A /proc directory with processes, and a cluster node."""

    folder: Path
    node: Cgroup = field(init=False)

    def __post_init__(self) -> None:
        self.node = Cgroup("/docker/node", self.folder / "cpuacct.usage")
        self.spend_in_node(0.0)

    @property
    def own_cpu(self) -> OwnCpu:
        """Return the run under test."""
        return OwnCpu(RUN, (self.node,), self.folder)

    def put(self, pid: int, parent: int, name: str, used: float, *, reaped: float = 0.0, group: str = "/", started: int = 7) -> None:
        """Add or update a process that has used this many seconds, half of them in the kernel."""
        times = [round(part * TICKS / 2) for part in (used, used, reaped, reaped)]
        fields = ["S", parent, *[0] * 9, *times, *[0] * 4, started, 0]
        (self.folder / str(pid)).mkdir(exist_ok=True)
        (self.folder / str(pid) / "stat").write_text(f"{pid} ({name}) {' '.join(map(str, fields))}\n")
        (self.folder / str(pid) / "cgroup").write_text(f"2:cpuacct:{group}\n")

    def remove(self, pid: int) -> None:
        """End a process."""
        shutil.rmtree(self.folder / str(pid))

    def spend_in_node(self, seconds: float) -> None:
        """Set the CPU time used by all processes of the node."""
        self.node.usage.write_text(f"{round(seconds * 1e9)}\n")

    def own_times(self, before: OwnTimes | None = None) -> OwnTimes:
        """Return the current reading."""
        times = self.own_cpu.now(before)
        if times is None:
            raise AssertionError("nothing could be read")
        return times


@pytest.fixture(name="proc")
def _proc(tmp_path: Path) -> Proc:
    proc = Proc(tmp_path)
    proc.put(1, 0, "systemd", 5.0)
    proc.put(RUN, 1, "pytest", 10.0)
    return proc


def test_own_cpu_time_covers_process_tree_engine_and_nodes(proc: Proc) -> None:
    """A generator, a shim and a pod belong to the run; a compiler running alongside does not."""
    proc.put(101, RUN, "python", 1.0)
    proc.put(200, 1, "containerd-shim", 1.0)
    proc.put(300, 1, "cc1", 1.0)
    before = proc.own_times()
    proc.put(101, RUN, "python", 1.5)
    proc.put(200, 1, "containerd-shim", 1.2)
    proc.put(300, 1, "cc1", 9.0)
    proc.spend_in_node(2.0)

    assert proc.own_times(before).since(before) == pytest.approx(0.5 + 0.2 + 2.0)


def test_a_containerd_inside_a_node_is_counted_once(proc: Proc) -> None:
    """It has the engine's name, but the node's cgroup already counts its time."""
    proc.put(200, 1, "containerd", 1.0, group="/docker/node/system.slice/containerd.service")
    before = proc.own_times()
    proc.put(200, 1, "containerd", 3.0, group="/docker/node/system.slice/containerd.service")
    proc.spend_in_node(2.0)

    assert proc.own_times(before).since(before) == pytest.approx(2.0)


def test_an_engine_program_started_by_the_run_is_counted_once(proc: Proc) -> None:
    """A podman process is a child of the run and also has an engine's name."""
    proc.put(101, RUN, "podman", 1.0)
    before = proc.own_times()
    proc.put(101, RUN, "podman", 1.5)

    assert proc.own_times(before).since(before) == pytest.approx(0.5)


def test_children_reaped_by_a_shim_do_not_count_as_its_own_time(proc: Proc) -> None:
    """A `docker exec` process is the shim's child, but its container's cgroup counts it."""
    proc.put(200, 1, "containerd-shim", 1.0)
    before = proc.own_times()
    proc.put(200, 1, "containerd-shim", 1.0, reaped=4.0)

    assert proc.own_times(before).since(before) == 0


def test_an_exited_child_counts_once_with_its_time_since_the_first_reading(proc: Proc) -> None:
    """Its parent then reports the child's whole lifetime, of which only the new part counts."""
    proc.put(101, RUN, "kubectl", 3.0)
    before = proc.own_times()
    proc.remove(101)
    proc.put(RUN, 1, "pytest", 10.0, reaped=3.5)

    assert proc.own_times(before).since(before) == pytest.approx(0.5)


def test_a_process_still_counts_after_its_parent_exits(proc: Proc) -> None:
    """A process reparented to init still counts."""
    proc.put(101, RUN, "sh", 0.0)
    proc.put(102, 101, "worker", 1.0)
    before = proc.own_times()
    proc.remove(101)
    proc.put(102, 1, "worker", 1.8)

    assert proc.own_times(before).since(before) == pytest.approx(0.8)


def test_a_reused_pid_is_another_process(proc: Proc) -> None:
    """The previous process's time is not subtracted from that of a new process with the same ID."""
    proc.put(200, 1, "docker-proxy", 8.0, started=3)
    before = proc.own_times()
    proc.put(200, 1, "docker-proxy", 0.5, started=9)

    assert proc.own_times(before).since(before) == pytest.approx(0.5)


@pytest.mark.parametrize("name", ["a) S 1 (b", "(", ")", "x y"])
def test_a_process_name_can_contain_any_character(proc: Proc, name: str) -> None:
    """The kernel writes the name unescaped between parentheses."""
    proc.put(101, RUN, name, 2.0)

    assert sum(proc.own_times().tree.values()) == pytest.approx(12.0)


def test_the_own_cpu_time_is_unknown_without_a_nodes_cgroup(proc: Proc) -> None:
    """The result is then unknown; otherwise the node's use would count as foreign."""
    proc.node.usage.unlink()

    assert proc.own_cpu.now() is None


@given(steps=st.lists(st.tuples(st.floats(0, 5), st.floats(0, 5), st.floats(0, 5)), min_size=1, max_size=6))
def test_times_between_readings_add_up(steps: list[tuple[float, float, float]]) -> None:
    """The time from the first to the last reading is the sum of the times in between."""
    moments, tree, engine, node = [], 1.0, 2.0, 3.0
    for more_tree, more_engine, more_node in [(0.0, 0.0, 0.0), *steps]:
        tree, engine, node = tree + more_tree, engine + more_engine, node + more_node
        moments.append(OwnTimes({(1, 1): tree}, {(2, 1): engine}, (node,)))
    parts = [later.since(earlier) for earlier, later in itertools.pairwise(moments)]

    assert all(part >= 0 for part in parts)
    assert moments[-1].since(moments[0]) == pytest.approx(sum(parts), abs=1e-6)
    assert sum(parts) == pytest.approx(sum(map(sum, steps)), abs=1e-6)


def _spent(seconds: float, process: psutil.Process) -> Ready[None] | Pending:
    return Ready(None) if sum(process.cpu_times()[:2]) >= seconds else Pending("it has not used so much yet")


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_a_real_child_counts_and_a_foreign_process_does_not() -> None:
    """Both use a quarter of a second; the stranger's parent has ended, so it is in no tree of the run."""
    own_cpu = OwnCpu(os.getpid(), ())
    before, used = own_cpu.now(), sum(os.times()[:4])
    assert before is not None
    with busy_programs(1, 60.0) as strangers:
        wait_for("a stranger's CPU time", lambda: Ready(None) if strangers.cpu_seconds() >= 0.25 else Pending(""), Deadline.after(60))
        between, used = own_cpu.now(before), sum(os.times()[:4]) - used
    child = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        wait_for("a child's CPU time", lambda: _spent(0.25, psutil.Process(child.pid)), Deadline.after(60))
        after = own_cpu.now(between)
    finally:
        child.kill()
        child.wait()

    assert between is not None
    assert after is not None
    assert replace(between, engine={}).since(before) == pytest.approx(used, abs=0.1)
    assert after.since(between) >= 0.25
