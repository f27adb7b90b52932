"""Finding the container engine, and the reason if it cannot be used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.errors import (
    EngineAbsent,
    EngineError,
    EngineNotPermitted,
    EngineNotStarted,
    EngineTooOld,
    SettingsError,
)
from kindgate.host.container_engine import Engine, check_version, engine_error, find_engine, version_numbers
from kindgate.host.facts import HostFacts
from kindgate.waiting import Deadline

FACTS = HostFacts("linux", "x86_64", "debian", "bookworm", 2, 1_048_576, cap_sys_resource=True, cpus=4, memory=2**34, root=True)
DOCKER_INFO = {
    "ServerVersion": "28.0.1",
    "CgroupVersion": "2",
    "NCPU": 4,
    "MemTotal": 2**33,
    "DockerRootDir": "/var/lib/docker",
    "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]],
    "SecurityOptions": ["name=seccomp,profile=builtin", "name=rootless"],
}
PODMAN_INFO = {
    "host": {"cgroupVersion": "v1", "cpus": 2, "memTotal": 2**32, "security": {"rootless": False}},
    "store": {"graphRoot": "/var/lib/containers"},
    "version": {"Version": "5.4.0"},
}
NO_DAEMON = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"
NOT_PERMITTED = "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock"
CLIENT_TOO_OLD = "Error response from daemon: client version 1.10 is too old. Minimum supported API version is 1.24"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the only one on PATH; no engine is unpacked in the cache."""
    monkeypatch.setenv("KINDGATE_CACHE_DIR", str(tmp_path / "cache"))
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


def install(folder: Path, program: str, output: object = "", *, stderr: str = "", code: int = 0, runs: str = "") -> None:
    """Install a program that responds like an engine's command."""
    script = folder / program
    answer = json.dumps(output) if output else ""
    script.write_text(f"#!/bin/sh\n{runs}\n/bin/cat <<'END'\n{answer}\nEND\necho '{stderr}' >&2\nexit {code}\n")
    script.chmod(0o755)


def search(path: Path, facts: HostFacts = FACTS, seconds: float = 20.0, **variables: str) -> Engine:
    """Look for an engine with `path` in front of the folders with the scripts' own commands."""
    return find_engine(Deadline.after(seconds), {"PATH": str(path), **variables}, facts)


def test_docker_info_is_parsed(path: Path) -> None:
    """The facts that determine a cluster's configuration come from the daemon, not from this machine."""
    install(path, "docker", DOCKER_INFO)
    engine = search(path)
    assert engine == Engine(
        "docker",
        path / "docker",
        "28.0.1",
        rootless=True,
        cgroup_version=2,
        cpus=4,
        memory=2**33,
        data_root="/var/lib/docker",
        containerd_store=True,
    )
    assert engine.kind_environment["KIND_EXPERIMENTAL_PROVIDER"] == "docker"


def test_podman_info_is_parsed(path: Path) -> None:
    """Podman reports the same facts in another format."""
    install(path, "podman", PODMAN_INFO)
    engine = search(path)
    assert engine == Engine("podman", path / "podman", "5.4.0", cgroup_version=1, cpus=2, memory=2**32, data_root="/var/lib/containers")


def test_podman_installed_as_docker_is_recognized(path: Path) -> None:
    """The package podman-docker responds as Podman, and kind needs its provider set."""
    install(path, "docker", PODMAN_INFO)
    assert search(path).kind_environment["KIND_EXPERIMENTAL_PROVIDER"] == "podman"


def test_podman_is_used_if_docker_has_no_daemon(path: Path) -> None:
    """A docker command without a daemon does not hide a working Podman."""
    install(path, "docker", stderr=NO_DAEMON, code=1)
    install(path, "podman", PODMAN_INFO)
    assert search(path).program == "podman"


def test_one_engine_can_be_requested(path: Path) -> None:
    """The environment selects the engine if both work; kind's own variable is honored."""
    install(path, "docker", DOCKER_INFO)
    install(path, "podman", PODMAN_INFO)
    assert search(path).program == "docker"
    assert search(path, KINDGATE_ENGINE="podman").program == "podman"
    assert search(path, KIND_EXPERIMENTAL_PROVIDER="podman").program == "podman"


def test_an_unknown_engine_is_refused(path: Path) -> None:
    """A misspelled name is an error."""
    with pytest.raises(SettingsError, match="KINDGATE_ENGINE: 'lxd'"):
        search(path, KINDGATE_ENGINE="lxd")


@pytest.mark.parametrize(
    ("root", "os_id", "step"),
    [
        (True, "debian", "kindgate engine install"),
        (True, "ubuntu", "kindgate engine install"),
        (False, "debian", "install docker or podman"),
        (True, "fedora", "install docker or podman"),
    ],
)
def test_a_missing_engine_is_an_error_with_the_next_step(path: Path, root: bool, os_id: str, step: str) -> None:  # noqa: FBT001 - a fact of the host
    """`kindgate engine install` is suggested only where it works."""
    facts = HostFacts("linux", "x86_64", os_id, "", 2, 1, cap_sys_resource=True, cpus=1, memory=1, root=root)
    with pytest.raises(EngineAbsent, match="neither docker nor podman") as absent:
        search(path, facts)
    assert step in absent.value.next_step


def test_engine_install_is_not_suggested_for_podman(path: Path) -> None:
    """`kindgate engine install` installs Docker, so it is not suggested for a requested Podman."""
    with pytest.raises(EngineAbsent, match="podman is not on PATH") as absent:
        search(path, KINDGATE_ENGINE="podman")
    assert absent.value.next_step == "install podman, and start it"


@pytest.mark.parametrize(
    ("output", "kind"),
    [(NO_DAEMON, EngineNotStarted), (NOT_PERMITTED, EngineNotPermitted), (CLIENT_TOO_OLD, EngineTooOld)],
)
def test_each_engine_failure_has_its_own_error(path: Path, output: str, kind: type[EngineError]) -> None:
    """An engine that is not started, not permitted or too old has its own next step and is quoted."""
    install(path, "docker", stderr=output, code=1)
    with pytest.raises(kind) as refused:
        search(path)
    assert output in refused.value.last_state
    assert refused.value.next_step


def test_a_hanging_daemon_is_an_error_at_the_deadline(path: Path) -> None:
    """A stopped daemon keeps its socket open without responding."""
    install(path, "docker", runs="exec /bin/sleep 300")
    with pytest.raises(EngineNotStarted, match="does not respond"):
        search(path, seconds=0.3)


@pytest.mark.parametrize("garbage", ["hello", '["ServerVersion"]', '{"ServerVersion": "28", "NCPU": "many"}'])
def test_unparsable_engine_output_is_an_error(path: Path, garbage: str) -> None:
    """The error names a wrapper script that prints something else, and its output."""
    install(path, "docker", runs=f"echo '{garbage}'; exit 0")
    with pytest.raises(EngineError, match="did not answer like") as refused:
        search(path)
    assert garbage in refused.value.last_state


def test_the_unpacked_engine_is_found(path: Path) -> None:
    """The engine of `kindgate engine install` is used, with its folders first on PATH."""
    folder = path.parent / "cache/engine/root/usr/bin"
    folder.mkdir(parents=True)
    install(folder, "docker", DOCKER_INFO)
    engine = search(path)
    assert engine.command == folder / "docker"
    assert engine.environment["PATH"].split(":")[:2] == [str(folder.parent / "sbin"), str(folder)]


@pytest.mark.parametrize(
    ("version", "capable", "fits"),
    [("20.10.24", True, True), ("19.3", True, False), ("20.10.24", False, False), ("26.1.5+dfsg1", False, True)],
)
def test_docker_must_be_newer_without_the_capability(version: str, *, capable: bool, fits: bool) -> None:
    """Docker before 23 fails on a host without CAP_SYS_RESOURCE."""
    facts = HostFacts("linux", "x86_64", "debian", "", 1, 1, cap_sys_resource=capable, cpus=1, memory=1, root=True)
    engine = Engine("docker", Path("docker"), version)
    if fits:
        check_version(engine, facts)
    else:
        with pytest.raises(EngineTooOld, match=version):
            check_version(engine, facts)


def test_an_outdated_podman_is_refused() -> None:
    """Podman 3 is rejected before kind fails with it."""
    with pytest.raises(EngineTooOld, match=r"podman 3\.4\.4"):
        check_version(Engine("podman", Path("podman"), "3.4.4"), FACTS)


def test_rootless_podman_without_its_helper_is_not_permitted() -> None:
    """A user without subordinate ids cannot start containers."""
    assert isinstance(engine_error("podman", 'command required for rootless mode: exec: "newuidmap": not found', FACTS), EngineNotPermitted)


@given(st.integers(0, 999), st.integers(0, 999), st.sampled_from(["", ".5", ".1+dfsg1", "-rc.1", ".3~ds1"]))
def test_version_suffixes_are_ignored(major: int, minor: int, suffix: str) -> None:
    """Suffixes that distributions append to versions are ignored."""
    assert version_numbers(f"{major}.{minor}{suffix}") == (major, minor)


@given(st.text())
def test_text_without_a_version_is_zero(text: str) -> None:
    """Any output is parsed, and one without a version is zero."""
    assert len(version_numbers(text)) == 2


def test_the_engine_runs_its_command(path: Path) -> None:
    """The engine object runs commands with its own environment."""
    install(path, "docker", runs='echo "$MARK $*"; exit 0')
    engine = Engine("docker", path / "docker", "28", environment={"MARK": "ours"})
    assert engine.run("ps", "--all", deadline=Deadline.after(20)).stdout == "ours ps --all\n"
