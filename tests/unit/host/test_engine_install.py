"""Installing, starting and stopping an engine, as far as that is testable without one."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from kindgate.errors import EngineAbsent, EngineError, EngineNotStarted
from kindgate.host import engine_install
from kindgate.host.engine_install import daemon_settings, install_engine, remove_stale_pid_files, start_engine, stop_engine
from kindgate.host.facts import HostFacts, gather_facts
from kindgate.waiting import Deadline

FACTS = HostFacts("linux", "x86_64", "debian", "bookworm", 2, 1_048_576, cap_sys_resource=True, cpus=4, memory=2**34, root=True)
NO_DAEMON = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"

Run = Callable[[Path], int]


@pytest.fixture
def messages() -> list[str]:
    """The reported progress."""
    return []


@pytest.fixture
def path(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the only one on PATH, with the programs used by the scripts below, no engine and an empty cache."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for program in ("mv", "sleep"):
        (folder / program).symlink_to(f"/bin/{program}")
    assert not cache.exists()
    monkeypatch.setenv("PATH", str(folder))
    for variable in ("KINDGATE_ENGINE", "KIND_EXPERIMENTAL_PROVIDER"):
        monkeypatch.delenv(variable, raising=False)
    return folder


@pytest.fixture
def run() -> Iterator[Run]:
    """Start a long-running process from a file; it ends with the test."""
    with_ends: list[subprocess.Popen[bytes]] = []

    def start(program: Path) -> int:
        program.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy("/bin/sleep", program)
        with_ends.append(subprocess.Popen([program, "300"]))
        return with_ends[-1].pid

    yield start
    for process in with_ends:
        process.kill()
        process.wait()


def script(file: Path, text: str) -> Path:
    """Write a program with this shell script."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return file


def host(monkeypatch: pytest.MonkeyPatch, *, root: bool = True, os_id: str = "debian") -> None:
    """Replace the machine's facts."""
    monkeypatch.setattr(engine_install, "gather_facts", lambda: dataclasses.replace(FACTS, root=root, os_id=os_id))


@pytest.mark.usefixtures("cache")
def test_a_working_engine_is_kept(path: Path, messages: list[str]) -> None:
    """With a working engine, an installation does nothing and reports it."""
    script(path / "docker", """echo '{"ServerVersion": "28.0.1", "CgroupVersion": "2"}'""")
    engine = install_engine(Deadline.after(20), messages.append)
    assert engine.version == "28.0.1"
    assert messages == ["docker 28.0.1 is already running: nothing to install"]


@pytest.mark.parametrize(("root", "os_id"), [(False, "debian"), (True, "fedora")])
def test_only_root_on_debian_or_ubuntu_can_install(
    path: Path, monkeypatch: pytest.MonkeyPatch, messages: list[str], *, root: bool, os_id: str
) -> None:
    """On other systems nothing is attempted; the user installs an engine."""
    script(path / "docker", f"echo '{NO_DAEMON}' >&2; exit 1")
    host(monkeypatch, root=root, os_id=os_id)
    with pytest.raises(EngineAbsent, match="only as root on Debian or Ubuntu"):
        install_engine(Deadline.after(20), messages.append)
    assert messages == []


def test_an_installed_daemon_is_not_replaced(path: Path, monkeypatch: pytest.MonkeyPatch, messages: list[str]) -> None:
    """An installed daemon that is not running must be started, not joined by a second one."""
    script(path / "docker", f"echo '{NO_DAEMON}' >&2; exit 1")
    script(path / "dockerd", "exit 0")
    host(monkeypatch)
    with pytest.raises(EngineNotStarted, match="already has a daemon") as refused:
        install_engine(Deadline.after(20), messages.append)
    assert "service docker start" in refused.value.next_step


def test_an_engine_without_permission_is_not_replaced(path: Path, monkeypatch: pytest.MonkeyPatch, messages: list[str]) -> None:
    """A second daemon would take over the socket of the running one."""
    script(path / "docker", "echo 'permission denied while trying to connect' >&2; exit 1")
    host(monkeypatch)
    with pytest.raises(EngineError, match="not allowed to use it"):
        install_engine(Deadline.after(20), messages.append)
    assert messages == []


@pytest.mark.usefixtures("path")
def test_starting_without_an_unpacked_engine_is_an_error(tmp_path: Path, messages: list[str]) -> None:
    """The error names the command that unpacks the engine."""
    with pytest.raises(EngineAbsent) as refused:
        start_engine(Deadline.after(20), messages.append, tmp_path)
    assert "kindgate engine install" in refused.value.next_step


def test_a_started_engine_responds_and_keeps_running(path: Path, cache: Path, tmp_path: Path, messages: list[str]) -> None:
    """The wait polls the daemon, which runs in its own session and outlives the command."""
    note = tmp_path / "pid"
    script(cache / "engine/root/usr/sbin/dockerd", f"echo $$ > {note}.new; mv {note}.new {note}; exec sleep 300")
    script(
        path / "docker",
        f"""[ -e {note} ] || {{ echo '{NO_DAEMON}' >&2; exit 1; }}; echo '{{"ServerVersion": "26.1.5", "CgroupVersion": "2"}}'""",
    )
    try:
        assert start_engine(Deadline.after(20), messages.append, tmp_path).version == "26.1.5"
    finally:
        daemon = psutil.Process(int(note.read_text()))
        is_kept = daemon.is_running() and daemon.status() != psutil.STATUS_ZOMBIE
        daemon.kill()
    assert is_kept
    assert "kindgate engine stop" in messages[-1]


def test_a_daemon_that_exits_immediately_is_reported_with_its_log(path: Path, cache: Path, tmp_path: Path, messages: list[str]) -> None:
    """The wait ends with the daemon, not at the deadline, and the error quotes its log."""
    script(path / "docker", f"echo '{NO_DAEMON}' >&2; exit 1")
    script(cache / "engine/root/usr/sbin/dockerd", "echo 'failed to start daemon: no iptables' >&2; exit 1")
    with pytest.raises(EngineNotStarted, match="no iptables") as refused:
        start_engine(Deadline.after(20), messages.append, tmp_path)
    assert str(cache / "engine/dockerd.log") in refused.value.next_step


@pytest.mark.usefixtures("path")
def test_an_engine_started_by_kindgate_is_stopped(cache: Path, tmp_path: Path, run: Run, messages: list[str]) -> None:
    """The process in the pid file is terminated; a second stop finds none."""
    pid = run(cache / "engine/root/usr/sbin/dockerd")
    (tmp_path / "docker.pid").write_text(str(pid))
    assert stop_engine(Deadline.after(20), messages.append, tmp_path)
    assert psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    assert not stop_engine(Deadline.after(20), messages.append, tmp_path)


@pytest.mark.usefixtures("path")
def test_another_engine_is_not_stopped(tmp_path: Path, run: Run, messages: list[str]) -> None:
    """A daemon that kindgate did not start keeps running."""
    pid = run(tmp_path / "elsewhere/dockerd")
    (tmp_path / "docker.pid").write_text(str(pid))
    with pytest.raises(EngineError, match="was not started by kindgate"):
        stop_engine(Deadline.after(20), messages.append, tmp_path)
    assert psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("content", ["{other}", "999999999", "garbage", ""])
def test_the_pid_file_of_a_dead_daemon_is_removed(tmp_path: Path, run: Run, content: str) -> None:
    """The process id can be unused or belong to another program by now."""
    process = run(tmp_path / "unrelated")
    for name in ("docker.pid", "docker/containerd/containerd.pid"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content.format(other=process))
    assert len(remove_stale_pid_files(tmp_path)) == 2
    assert not (tmp_path / "docker.pid").exists()


def test_the_pid_file_of_a_live_containerd_is_kept(tmp_path: Path, run: Run) -> None:
    """A containerd that outlived its daemon is used by the next one."""
    (tmp_path / "docker/containerd").mkdir(parents=True)
    file = tmp_path / "docker/containerd/containerd.pid"
    file.write_text(str(run(tmp_path / "containerd")))
    assert remove_stale_pid_files(tmp_path) == ()
    assert file.exists()


def test_a_low_limit_of_open_files_is_passed_on() -> None:
    """By default, containers request more open files than this host allows, and would not start."""
    low = daemon_settings(dataclasses.replace(FACTS, nofile_hard=20_000))
    assert low["default-ulimits"] == {"nofile": {"Name": "nofile", "Hard": 20_000, "Soft": 20_000}}
    assert "default-ulimits" not in daemon_settings(FACTS)


def test_this_machines_engine_facts_can_be_gathered() -> None:
    """The defaults read the real system files."""
    assert gather_facts().cpus >= 1
