"""Pressure on a pod: its checks, and its scripts, which a shell runs with the real programs and a control group of plain files."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kindgate.errors import ScenarioError
from kindgate.host.container_engine import Engine
from kindgate.model import ClusterAddress, ObjectRef
from kindgate.scenarios.pod_fault import TargetPod
from kindgate.scenarios.pressure import Pressure, PressureName, begin_script, end_script, left_script
from kindgate.waiting import Deadline, Pending, Ready, wait_for

WEB = ObjectRef("Deployment", "shop", "web")
ADDRESS = ClusterAddress("test", Path("kubeconfig"), "test", "")
ENGINE = Engine("docker", Path("docker"), "27.0")
MEBIBYTE = 1024 * 1024
SECONDS = 60.0

pytestmark = pytest.mark.skipif(shutil.which("pgrep") is None, reason="the scripts need procps, as kind's nodes have it")


def a_pod(limits: dict[str, str]) -> dict[str, Any]:
    """A pod whose container has these limits."""
    container = {"name": "web", "resources": {"limits": limits}}
    return {"kind": "Pod", "metadata": {"name": "a", "namespace": "shop"}, "spec": {"containers": [container]}}


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """A folder with a runtime that lists one container, whose control group has 64 MiB of memory and uses 16 of them."""
    (tmp_path / "bin").mkdir()
    runtime = tmp_path / "bin" / "ctr"
    runtime.write_text("#!/bin/sh\necho 'TASK PID STATUS'; echo 'web 42 RUNNING'\n")
    runtime.chmod(0o755)
    (tmp_path / "proc" / "42").mkdir(parents=True)
    for name, content in (("cgroup.procs", ""), ("memory.max", str(64 * MEBIBYTE)), ("memory.current", str(16 * MEBIBYTE))):
        file = tmp_path / "cgroup" / "pod" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    (tmp_path / "proc" / "42" / "cgroup").write_text("0::/pod\n")
    return tmp_path


@pytest.fixture
def episode() -> Iterator[str]:
    """A name that no other test has; what is left of it is ended."""
    name = uuid.uuid4().hex
    yield name
    subprocess.run(["/bin/sh", "-c", end_script(name)], check=False, capture_output=True)


def run(script: str, node: Path) -> subprocess.CompletedProcess[str]:
    """Run a script on the node."""
    local = script.replace("/sys/fs/cgroup/", f"{node}/cgroup/").replace("/proc/", f"{node}/proc/")
    environment = {**os.environ, "PATH": f"{node / 'bin'}:{os.environ['PATH']}"}
    return subprocess.run(["/bin/sh", "-c", local], env=environment, capture_output=True, text=True, check=False)


def is_left(episode: str, node: Path) -> bool:
    """Whether processes of the episode run."""
    return bool(run(left_script(episode), node).stdout)


def wait_until(description: str, condition: Any) -> None:
    """Wait until the condition holds."""
    wait_for(description, lambda: Ready(None) if condition() else Pending("not yet"), Deadline.after(30), interval=0.05)


@pytest.mark.parametrize("group", ["0::/pod\n", "5:memory:/other\n4:cpuacct,cpu:/pod\n0::/\n"], ids=["version-2", "version-1"])
def test_busy_loops_join_the_control_group_and_end(node: Path, episode: str, group: str) -> None:
    """Of the CPU controller, where each controller has its own."""
    (node / "proc" / "42" / "cgroup").write_text(group)
    (node / "cgroup" / "cpuacct,cpu").symlink_to(node / "cgroup")
    done = run(begin_script("web", episode, SECONDS), node)
    assert (done.returncode, done.stderr) == (0, "")
    wait_until("a process to join", lambda: (node / "cgroup/pod/cgroup.procs").read_text().strip())
    assert is_left(episode, node)
    assert run(end_script(episode), node).returncode == 0
    wait_until("the end", lambda: not is_left(episode, node))
    assert run(end_script(episode), node).returncode == 0


def test_memory_is_filled_by_a_process_that_ends_with_its_children(node: Path, episode: str) -> None:
    """To half of the limit, of which a quarter is in use: 16 MiB."""
    run(begin_script("web", episode, SECONDS, 50), node)
    wait_until("a process to join", lambda: (node / "cgroup/pod/cgroup.procs").read_text().strip())
    joined = (node / "cgroup/pod/cgroup.procs").read_text().strip()
    session = subprocess.run(["ps", "-o", "sid=", "-p", joined], capture_output=True, text=True, check=True).stdout.strip()

    def of_session() -> str:
        return subprocess.run(["ps", "-o", "rss=,args=", "-s", session], capture_output=True, text=True, check=False).stdout

    wait_until("the memory", lambda: any("tail" in line and int(line.split()[0]) > 15 * 1024 for line in of_session().splitlines()))
    run(end_script(episode), node)
    wait_until("the end of all", lambda: not of_session().strip())


def test_the_processes_expire(node: Path, episode: str) -> None:
    """If nothing ends them."""
    run(begin_script("web", episode, 1.0), node)
    wait_until("the end", lambda: not is_left(episode, node))


@pytest.mark.parametrize(
    ("container", "percent", "reason"),
    [("ended", 0, "container ended does not run"), ("web", 20, "more than 20 % of the memory is in use")],
)
def test_what_cannot_begin_is_named(node: Path, episode: str, container: str, percent: int, reason: str) -> None:
    """And nothing runs."""
    done = run(begin_script(container, episode, SECONDS, percent), node)
    assert (done.returncode, done.stderr.strip()) == (1, reason)
    assert not is_left(episode, node)


@pytest.mark.parametrize(("name", "works"), [("cpu-pressure", True), ("memory-pressure", False)])
def test_only_memory_needs_a_limit(name: PressureName, *, works: bool) -> None:
    """Busy loops compete without one, too."""
    action = Pressure(ADDRESS, [WEB], ENGINE, name)
    action.check(a_pod({"memory": "64Mi"}))
    if works:
        action.check(a_pod({}))
        return
    with pytest.raises(ScenarioError, match="Pod shop/a has no memory limit"):
        action.check(a_pod({}))


@pytest.mark.parametrize("percent", [0, 100, -1])
def test_memory_is_never_filled_to_its_limit(percent: int) -> None:
    """The kernel would kill a process, perhaps the application's."""
    with pytest.raises(ScenarioError, match="memory cannot be filled"):
        Pressure(ADDRESS, [WEB], ENGINE, "memory-pressure", percent=percent)


def test_each_pressure_has_its_script() -> None:
    """And says what it does."""
    pod = TargetPod("Pod shop/a", "worker", "web", ())
    cpu = Pressure(ADDRESS, [WEB], ENGINE, "cpu-pressure").scripts(pod, SECONDS)
    memory = Pressure(ADDRESS, [WEB], ENGINE, "memory-pressure", percent=70).scripts(pod, SECONDS)
    assert "while :" in cpu.begin
    assert "limit * 70 / 100" in memory.begin
    assert (cpu.effect, memory.effect) == ("has busy neighbors", "has its memory filled to 70 %")
