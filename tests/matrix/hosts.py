"""Engine and host cells: the smoke suite if this machine qualifies, or the refusal if kindgate refuses it."""

from __future__ import annotations

import os
import platform
import re
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from kindgate.errors import EngineError
from kindgate.host.container_engine import Engine, find_engine, version_numbers
from kindgate.host.facts import HostFacts, gather_facts
from kindgate.waiting import Deadline
from tests.matrix.arm64 import programs_on_arm64
from tests.matrix.cell import SMOKE, Cell, Result, State, current_python, run, run_pytest

NOBODY_UID = 65534
"""Debian's user `nobody`."""

_RESPONSE_SECONDS = 30.0

_GIGABYTE = 1 << 30


def cells() -> Iterator[Cell]:
    """Each engine by version, and each kind of host."""
    yield Cell("Engine", "Docker before 26", partial(_engine, "docker", lambda engine: version_numbers(engine.version) < (26, 0)))
    yield Cell("Engine", "Docker 26 or later", partial(_engine, "docker", lambda engine: version_numbers(engine.version) >= (26, 0)))
    yield Cell("Engine", "Podman 4, Docker running", partial(_podman, 4, docker_running=True))
    yield Cell("Engine", "Podman 4, no Docker", partial(_podman, 4, docker_running=False))
    yield Cell("Engine", "Podman 5, Docker running", partial(_podman, 5, docker_running=True))
    yield Cell("Engine", "Podman 5, no Docker", partial(_podman, 5, docker_running=False))
    yield Cell("Engine", "rootless", _rootless)
    yield Cell("Host", "cgroup v1", partial(_host, lambda facts: facts.cgroup_version == 1, "has cgroup v{0.cgroup_version}"))
    yield Cell("Host", "cgroup v2", partial(_host, lambda facts: facts.cgroup_version == 2, "has cgroup v{0.cgroup_version}"))
    yield Cell("Host", "1 CPU", partial(_host, lambda facts: facts.cpus == 1, "has {0.cpus} CPUs"))
    yield Cell("Host", "4 GiB of memory", partial(_host, lambda facts: facts.memory < 5 * _GIGABYTE, "has more memory"))
    yield Cell("Host", "arm64", partial(_host, lambda facts: facts.arch in {"aarch64", "arm64"}, "is {0.arch}"))
    yield Cell("Host", "arm64: programs started under qemu-user", programs_on_arm64)
    yield Cell("Host", "macOS", partial(_host, lambda facts: facts.system == "darwin", "is {0.system}"))


def machine() -> str:
    """A one-line description of this machine."""
    facts = gather_facts()
    return (
        f"{facts.os_id} {facts.os_codename}, kernel {platform.release()}, {facts.arch}, {facts.cpus} CPUs, "
        f"{facts.memory / _GIGABYTE:.0f} GiB of memory, cgroup v{facts.cgroup_version}"
    )


def responding_engine(program: str) -> Engine | EngineError:
    """The engine of this name, or why it cannot be used."""
    try:
        return find_engine(Deadline.after(_RESPONSE_SECONDS), {**os.environ, "KINDGATE_ENGINE": program})
    except EngineError as error:
        return error


def _engine(program: str, is_suitable: Callable[[Engine], bool], folder: Path) -> Result:
    engine = responding_engine(program)
    if isinstance(engine, EngineError):
        return Result(State.NOT_TESTED, engine.message)
    if not is_suitable(engine):
        return Result(State.NOT_TESTED, f"this machine has {engine.program} {engine.version}")
    result = run_pytest([current_python(), *SMOKE], folder, {"KINDGATE_ENGINE": program})
    return Result(result.state, f"{engine.program} {engine.version}: {result.text}")


def _podman(major: int, folder: Path, *, docker_running: bool) -> Result:
    docker = not isinstance(responding_engine("docker"), EngineError)
    if docker is not docker_running:
        return Result(State.NOT_TESTED, f"Docker is {'running' if docker else 'not running'} here")
    return _engine("podman", lambda engine: version_numbers(engine.version)[0] == major, folder)


def _rootless(folder: Path) -> Result:
    """The refusal that `kindgate doctor` reports to an unprivileged user."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        return Result(State.NOT_TESTED, "another user can be tried by root only")
    home = folder / "home"
    home.mkdir(parents=True)
    for path in (folder.parent, folder, home):
        path.chmod(0o755)
    os.chown(home, NOBODY_UID, NOBODY_UID)
    user = ["setpriv", f"--reuid={NOBODY_UID}", f"--regid={NOBODY_UID}", "--clear-groups"]
    environment = {"HOME": str(home), "KINDGATE_CACHE_DIR": str(home / "cache"), "KINDGATE_STATE_DIR": str(home / "state")}
    code, output = run([*user, current_python().with_name("kindgate"), "doctor"], folder, environment)
    rows = [re.split(r"  +", line.strip()) for line in output.splitlines()]
    refusals = "; ".join(": ".join((row[0], *row[2:])) for row in rows if row[1:2] == ["block"])
    if code and refusals:
        return Result(State.REFUSED, refusals)
    if code:
        return Result(State.FAIL, f"exit code {code}: {output[-300:]}")
    return Result(State.NOT_TESTED, "doctor finds nothing to refuse; the suite is not run as another user")


def _host(is_suitable: Callable[[HostFacts], bool], otherwise: str, folder: Path) -> Result:
    facts = gather_facts()
    if not is_suitable(facts):
        return Result(State.NOT_TESTED, f"this machine {otherwise.format(facts)}")
    return run_pytest([current_python(), *SMOKE], folder)
