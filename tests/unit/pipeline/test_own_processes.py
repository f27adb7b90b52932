"""The CPU time on this machine that belongs to a run: the engine is a script, and the process trees are recorded."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kindgate.host.container_engine import Engine
from kindgate.pipeline.own_processes import find_own_processes
from kindgate.waiting import Deadline

IDS = ("a1" * 32, "b2" * 32)


def _engine(folder: Path, says: str, code: int = 0) -> Engine:
    """Return an engine whose commands all print this text."""
    command = folder / "docker"
    command.write_text(f"#!/bin/sh\ncat <<'END'\n{says}END\nexit {code}\n")
    command.chmod(0o755)
    return Engine("docker", command, "28")


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    """A machine with two containers, whose init processes are 40 and 41."""
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/mountinfo").write_text("30 25 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n")
    for pid, container in enumerate(IDS, 40):
        group = tmp_path / f"sys/fs/cgroup/docker/{container}"
        group.mkdir(parents=True)
        (group / "cpu.stat").write_text("usage_usec 5\n")
        (tmp_path / f"proc/{pid}").mkdir()
        (tmp_path / f"proc/{pid}/cgroup").write_text(f"0::/docker/{container}/init\n")
    return tmp_path


BOTH = f"{IDS[0]} 40\n{IDS[1]} 41\n"


def test_own_cpu_covers_this_process_and_every_node(root: Path) -> None:
    """Workers receive the owning process's ID as data, not their own."""
    own_cpu = find_own_processes(_engine(root, BOTH), ("control-plane", "worker"), Deadline.after(20), root)

    assert own_cpu is not None
    assert own_cpu.process == os.getpid()
    assert [node.path for node in own_cpu.nodes] == [f"/docker/{container}" for container in IDS]


@pytest.mark.parametrize(
    ("says", "code"),
    [
        (BOTH, 1),
        ("", 0),
        (f"{IDS[0]} 40\n", 0),
        (f"{IDS[0]} 41\n{IDS[1]} 40\n", 0),
        (f"{IDS[0]} 40\n{IDS[1]} 0\n", 0),
        (f"{IDS[0]} 40\nno such container\n", 0),
    ],
)
def test_own_cpu_is_unknown_unless_every_node_is_readable(root: Path, says: str, code: int) -> None:
    """A remote engine's process IDs belong to other processes here, and a missing node would count as foreign load."""
    assert find_own_processes(_engine(root, says, code), ("control-plane", "worker"), Deadline.after(20), root) is None


def test_a_cluster_without_known_nodes_has_no_own_cpu(root: Path) -> None:
    """An existing cluster has no known nodes."""
    assert find_own_processes(_engine(root, ""), (), Deadline.after(20), root) is None
