"""The doctor runs every check on any host."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from kindgate.host.doctor import inotify_in_use, port_holder, run_checks
from kindgate.host.tools_lock import read_lock
from kindgate.waiting import Deadline
from tests.unit.firewall_stand_in import install_firewall


@pytest.fixture
def path(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the only one on PATH, and an empty cache."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    for variable in ("KINDGATE_ENGINE", "KIND_EXPERIMENTAL_PROVIDER"):
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / "bin").mkdir()
    assert not cache.exists()
    return tmp_path / "bin"


def rows(*, host_port: int = 0, registries: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the verdicts by check."""
    checks = run_checks(host_port=host_port, registries=registries, deadline=Deadline.after(30))
    assert len({check.name for check in checks}) == len(checks)
    return {check.name: check.verdict for check in checks}


@pytest.mark.usefixtures("path")
def test_without_an_engine_the_other_checks_still_run() -> None:
    """The other checks still run, so one pass shows everything to fix."""
    verdicts = rows()
    assert verdicts["engine"] == "block"
    assert "privileged containers" not in verdicts
    assert set(verdicts) == {
        *("engine", "engine location", "open files", "resource limits", "inotify", "memory", "CPUs", "subnets", "host port"),
        *("proxy", "*.localhost", "disk", "kind", "kubectl", "kubectl on PATH"),
    }


def test_an_engine_that_rejects_a_privileged_container_is_reported(path: Path) -> None:
    """If the engine rejects a privileged container, that row fails and the other checks still run."""
    command = path / "docker"
    command.write_text(
        """#!/bin/sh
case $1 in
  info) echo '{"ServerVersion": "28.0.1", "CgroupVersion": "1", "NCPU": 1, "MemTotal": 1}';;
  import) /bin/cat >/dev/null; echo sha256:abc;;
  run) echo 'unable to apply caps' >&2; exit 126;;
esac
"""
    )
    command.chmod(0o755)
    verdicts = rows()
    assert verdicts["engine"] == "ok"
    assert verdicts["privileged containers"] == "block"
    assert verdicts["cgroups"] == "warn"
    assert (verdicts["memory"], verdicts["CPUs"]) == ("block", "warn")


def test_a_firewall_that_drops_pod_traffic_is_reported(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The finding quotes Docker's policy and gives the command that accepts pod traffic."""
    install_firewall(tmp_path / "firewall", monkeypatch)
    command = path / "podman"
    command.write_text(
        """#!/bin/sh
case $1 in
  info) echo '{"host": {"cgroupVersion": "v2"}, "version": {"Version": "4.3.1"}}';;
  import) /bin/cat >/dev/null; echo sha256:abc;;
esac
"""
    )
    command.chmod(0o755)
    checks = {check.name: check for check in run_checks(deadline=Deadline.after(30))}
    assert checks["pod traffic"].verdict == "warn"
    assert "`-P FORWARD DROP`" in checks["pod traffic"].value
    assert "sudo iptables -I FORWARD -i BRIDGE -o BRIDGE -j ACCEPT" in checks["pod traffic"].advice


def test_the_sources_of_a_tool_are_predicted_in_the_order_in_which_they_are_tried(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a known checksum for a download: the one on PATH, then a locked package, then a compiler, then none."""
    locked = {"kind": read_lock()["kind"].model_copy(update={"platforms": {}}), "kubectl": read_lock()["kubectl"]}
    unpacked = {**locked, "kind": locked["kind"].model_copy(update={"wheel": None, "debian": None})}

    def kind() -> str:
        return next(check.value for check in run_checks(deadline=Deadline.after(30)) if check.name == "kind")

    def install(program: str) -> None:
        (path / program).write_text("#!/bin/sh\nexit 1\n")
        (path / program).chmod(0o755)

    monkeypatch.setattr("kindgate.host.doctor.read_lock", lambda: unpacked)
    predicted = [kind()]
    install("go")
    predicted.append(kind())
    monkeypatch.setattr("kindgate.host.doctor.read_lock", lambda: locked)
    predicted.append(kind())
    install("kind")
    predicted.append(kind())

    assert [part in value for part, value in zip(("", "compiled", "package", str(path)), predicted, strict=True)] == [True] * 4
    assert "compiled" not in predicted[0]


@pytest.mark.usefixtures("path")
def test_a_requested_port_and_a_registry_are_checked() -> None:
    """The port held by this test is taken, and nothing listens on port 1."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        verdicts = rows(host_port=port, registries=("127.0.0.1:1",))
    assert verdicts["host port"] == "block"
    assert verdicts["registry 127.0.0.1:1"] == "warn"


def test_the_process_that_uses_a_port_is_named() -> None:
    """The message names the process; a free port has no holder."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert str(os.getpid()) in port_holder(port)
    assert port_holder(port) == ""


def test_inotify_instances_in_use_are_counted(tmp_path: Path) -> None:
    """Inotify descriptors of all processes count; other descriptors and files next to the process folders do not."""
    for number, target in enumerate(("anon_inode:inotify", "anon_inode:[eventfd]", "anon_inode:inotify")):
        folder = tmp_path / str(100 + number) / "fd"
        folder.mkdir(parents=True)
        (folder / "3").symlink_to(target)
    (tmp_path / "self").mkdir()

    assert inotify_in_use(tmp_path) == 2
