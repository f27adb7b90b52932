"""Resources of pods during a block, from control groups in a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from kindgate.host.cgroups import Cgroup
from kindgate.host.pod_cgroups import PodGroup
from kindgate.load.pod_meter import MeteredPod, PodMeter
from kindgate.load.workload_usage import WorkloadUsage


@dataclass
class PodFolder:
    """The v2 group of a pod whose counters a test sets."""

    folder: Path
    workload: str
    arm: str

    def __post_init__(self) -> None:
        (self.folder / "net").mkdir(parents=True)
        (self.folder / "cgroup.procs").write_text("1\n")
        self.set()

    def set(self, *, cpu: float = 0.0, memory: int = 0, received: int = 0, sent: int = 0) -> None:
        """Set all counters: seconds and bytes."""
        (self.folder / "cpu.stat").write_text(f"usage_usec {round(cpu * 1e6)}\n")
        (self.folder / "memory.current").write_text(f"{memory}\n")
        (self.folder / "memory.stat").write_text("inactive_file 0\n")
        interfaces = f"head\nhead\n eth0: {received} 0 0 0 0 0 0 0 {sent} 0 0 0 0 0 0 0\n"
        (self.folder / "proc/1/net").mkdir(parents=True, exist_ok=True)
        (self.folder / "proc/1/net/dev").write_text(interfaces)

    @property
    def pod(self) -> MeteredPod:
        """The pod as the meter takes it."""
        return MeteredPod(self.workload, self.arm, PodGroup(Cgroup("/pod", self.folder / "cpu.stat"), self.folder, self.folder / "proc"))

    def end(self) -> None:
        """Remove the group, as the kernel does when a pod ends."""
        (self.folder / "cpu.stat").unlink()


@pytest.fixture
def pods(tmp_path: Path) -> dict[str, PodFolder]:
    """Two pods of one workload in the pull request, and one in the baseline."""
    return {name: PodFolder(tmp_path / name, "shop", arm) for name, arm in (("first", "head"), ("second", "head"), ("third", "base"))}


def test_usage_is_the_difference_between_the_edges_by_workload_and_arm(pods: dict[str, PodFolder]) -> None:
    """Pods of a workload are summed up; what they used before does not count."""
    for folder in pods.values():
        folder.set(cpu=5.0, memory=100, received=10, sent=20)
    with PodMeter([folder.pod for folder in pods.values()]) as meter:
        pods["first"].set(cpu=5.5, memory=100, received=15, sent=22)
        pods["second"].set(cpu=5.25, memory=100, received=11, sent=21)
    assert meter.usage == (
        WorkloadUsage("shop", "head", 2, 0.75, 200.0, 6, 3),
        WorkloadUsage("shop", "base", 1, 0.0, 100.0, 0, 0),
    )


def test_an_arm_that_lost_a_pod_has_no_usage(pods: dict[str, PodFolder]) -> None:
    """Half of a version's CPU time would look like a saving; the other version is still known."""
    with PodMeter([folder.pod for folder in pods.values()]) as meter:
        pods["second"].end()
    assert [usage.arm for usage in meter.usage] == ["base"]


def test_unknown_memory_is_not_zero(pods: dict[str, PodFolder]) -> None:
    """CPU time is still reported where memory or traffic cannot be read."""
    (pods["third"].folder / "memory.stat").unlink()
    (pods["third"].folder / "proc/1/net/dev").unlink()
    with PodMeter([pods["third"].pod]) as meter:
        pods["third"].folder.joinpath("cpu.stat").write_text("usage_usec 1000000\n")
    assert meter.usage == (WorkloadUsage("shop", "base", 1, 1.0, None, None, None),)


def test_without_pods_there_is_no_usage() -> None:
    """An existing cluster's nodes are elsewhere."""
    with PodMeter([]) as meter:
        pass
    assert meter.usage == ()
