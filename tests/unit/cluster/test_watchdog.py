"""After a run is killed, the watchdog ends its kind and deletes its cluster unless it is kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from kindgate.cluster.ownership_rules import RUN_VARIABLE
from kindgate.cluster.reaper import CleanupTask
from kindgate.cluster.run_folder import claim_run_folder
from kindgate.cluster.watchdog import GOODBYE, ended_normally
from kindgate.cluster.watchdog_client import WatchdogClient
from kindgate.host.container_engine import Engine
from kindgate.process import ProcessName
from kindgate.waiting import Deadline, Pending, Ready, wait_for
from tests.unit.cluster.machine import Machine, an_owner

CHECKOUT = Path(__file__).parents[3]


def eventually(condition_name: str, condition: Callable[[], bool]) -> None:
    """Wait until the condition is true; fail after a minute."""
    wait_for(condition_name, lambda: Ready(None) if condition() else Pending("not yet"), Deadline.after(60), interval=0.05)


@contextmanager
def run_process(machine: Machine, tmp_path: Path, keep: str = "never", folder: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Start a run in a separate process with the private `folder`."""
    private = [str(folder)] if folder is not None else []
    command = [sys.executable, "-m", "tests.unit.cluster.run_process", str(machine.root), str(tmp_path), keep, *private]
    with subprocess.Popen(command, cwd=CHECKOUT) as process:
        try:
            yield process
        finally:
            process.kill()


def is_all_deleted(machine: Machine, folder: Path) -> bool:
    """Return whether containers, networks and the state folder are gone."""
    return not machine.containers and not machine.networks and not (folder / "state" / "clusters" / "shop").exists()


def kinds_of(run_id: str) -> list[psutil.Process]:
    """Return the processes that have the run's mark."""
    processes = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(RUN_VARIABLE) == run_id and process.status() != psutil.STATUS_ZOMBIE:
                processes.append(process)
        except psutil.Error:
            continue
    return processes


def test_a_killed_run_leaves_nothing(machine: Machine, tmp_path: Path) -> None:
    """After SIGKILL, the nodes, network, state and owner container of a running cluster are removed."""
    with run_process(machine, tmp_path) as process:
        eventually("the cluster to stand", (machine.root / "open").exists)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        eventually("everything to be gone", lambda: is_all_deleted(machine, tmp_path))


def test_the_watchdog_removes_a_dead_runs_private_folder(machine: Machine, tmp_path: Path) -> None:
    """The private folder of a killed run is removed with its cluster."""
    folder = claim_run_folder("killed")
    (folder / "archive.tar").touch()
    with run_process(machine, tmp_path, folder=folder) as process:
        eventually("the cluster to stand", (machine.root / "open").exists)
        process.kill()
        process.wait(10)
        eventually("everything to be gone", lambda: not folder.exists() and is_all_deleted(machine, tmp_path))


def test_after_a_handover_the_folder_is_kept_until_the_run_is_dead(machine: Machine) -> None:
    """The run may still write its report there, but is notified immediately that the cluster is gone."""
    folder = claim_run_folder("interrupted")
    watchdog = WatchdogClient.start(replace(owned_by(machine, "run"), folder=folder))
    watchdog.hand_over()
    assert watchdog.wait(60)
    assert not machine.containers
    assert folder.exists()
    for process in watchdogs(machine):
        process.kill()  # it waits for this process to end


def test_a_watchdog_can_be_waited_for(machine: Machine) -> None:
    """After the wait the cluster is gone, and a second wait returns immediately."""
    watchdog = WatchdogClient.start(owned_by(machine, "run"))
    assert not watchdog.wait(0.01)
    watchdog.hand_over()
    assert watchdog.wait(60)
    assert not machine.containers
    assert watchdog.wait(0.0)


def test_a_run_killed_while_kind_is_running_leaves_nothing(machine: Machine, tmp_path: Path) -> None:
    """After SIGKILL in the middle of the creation, kind ends too, and everything it created is removed."""
    machine.configure("kind-hangs")
    with run_process(machine, tmp_path) as process:
        eventually("kind to work", (machine.root / "hanging").exists)
        run_id = machine.labels("shop-owner")["kindgate.run-id"]
        assert kinds_of(run_id)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        eventually("everything to be gone", lambda: is_all_deleted(machine, tmp_path) and not kinds_of(run_id))


def test_a_kept_cluster_survives_its_killed_run(machine: Machine, tmp_path: Path) -> None:
    """With --kind-keep=always, the cluster of a killed run is kept."""
    with run_process(machine, tmp_path, keep="always") as process:
        eventually("the cluster to stand", (machine.root / "open").exists)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        eventually("the watchdog to end", lambda: not watchdogs(machine))
        assert len(machine.containers) == 4


@pytest.mark.parametrize(("message", "good"), [(GOODBYE, True), (b"", False), (b"good", False)])
def test_an_incomplete_goodbye_does_not_count(message: bytes, *, good: bool) -> None:
    """An incomplete goodbye does not count."""
    reading, writing = os.pipe()
    os.write(writing, message)
    os.close(writing)
    try:
        assert ended_normally(reading, ProcessName.current()) is good
    finally:
        os.close(reading)


def test_a_dead_run_is_detected_though_a_child_keeps_its_pipe_open() -> None:
    """A forked child keeps the pipe open, so the watchdog checks the run's process as well."""
    reading, writing = os.pipe()
    with subprocess.Popen([sys.executable, "-c", ""]) as run:
        name = ProcessName(run.pid, "0", ProcessName.current().boot_id, ProcessName.current().pid_namespace)
    try:
        assert ended_normally(reading, name, check_seconds=0.01) is False
    finally:
        os.close(reading)
        os.close(writing)


def owned_by(machine: Machine, run_id: str) -> CleanupTask:
    """Set up a one-node cluster owned by `run_id`, and return the cleanup task of a watchdog for the run `run`."""
    machine.add("shop-owner", replace(an_owner(), run_id=run_id).labels())
    machine.add("shop-control-plane", {"io.x-k8s.kind.cluster": "shop"})
    return CleanupTask("shop", "run", Engine("docker", machine.engine.command, "26.0"))


def watchdogs(machine: Machine) -> list[psutil.Process]:
    """Return the running watchdogs that are responsible for this machine."""
    processes = psutil.process_iter(["cmdline", "status"])
    return [each for each in processes if str(machine.root) in " ".join(each.info["cmdline"] or ()) and each.info["status"] != "zombie"]


def test_a_dismissed_watchdog_deletes_nothing_and_ends(machine: Machine) -> None:
    """After the goodbye the watchdog has exited, and the run's cluster is unchanged."""
    watchdog = WatchdogClient.start(owned_by(machine, "run"))
    watchdog.dismiss()
    assert not watchdogs(machine)
    assert machine.containers == ["shop-control-plane", "shop-owner"]


def test_the_watchdog_carries_out_a_deletion_handed_over(machine: Machine) -> None:
    """A run without time closes the pipe, and the watchdog deletes the cluster."""
    WatchdogClient.start(owned_by(machine, "run")).hand_over()
    eventually("the cluster to be gone", lambda: not machine.containers)


def test_the_watchdog_retries_while_the_engine_restarts(machine: Machine) -> None:
    """If the engine is restarted as the run dies, the watchdog still deletes its containers."""
    docker = machine.root / "bin" / "docker"
    task = owned_by(machine, "run")
    docker.rename(docker.with_name("away"))
    watchdog = WatchdogClient.start(task)
    watchdog.hand_over()
    assert not watchdog.wait(1.0)
    docker.with_name("away").rename(docker)
    eventually("the cluster to be gone", lambda: not machine.containers)
    assert watchdog.wait(60)


def test_another_runs_cluster_is_kept(machine: Machine) -> None:
    """A cluster with the same name that belongs to a later run is kept."""
    WatchdogClient.start(owned_by(machine, "a later run")).hand_over()
    eventually("the watchdog to end", lambda: not watchdogs(machine))
    assert machine.containers == ["shop-control-plane", "shop-owner"]
