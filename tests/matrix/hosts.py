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
from tests.matrix.cell import SMOKE, Cell, Seen, State, pytest_seen, run, this_python

NOBODY = 65534
"""Debian's user `nobody`."""

_ANSWER_SECONDS = 30.0

_GIGABYTE = 1 << 30


def cells() -> Iterator[Cell]:
    """Each engine by version, and each kind of host."""
    yield Cell("Engine", "Docker before 26", partial(_engine, "docker", lambda engine: version_numbers(engine.version) < (26, 0)))
    yield Cell("Engine", "Docker 26 or later", partial(_engine, "docker", lambda engine: version_numbers(engine.version) >= (26, 0)))
    yield Cell("Engine", "Podman 4, Docker running", partial(_podman, 4, baseline=True))
    yield Cell("Engine", "Podman 4, no Docker", partial(_podman, 4, baseline=False))
    yield Cell("Engine", "Podman 5, Docker running", partial(_podman, 5, baseline=True))
    yield Cell("Engine", "Podman 5, no Docker", partial(_podman, 5, baseline=False))
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


def answering(program: str) -> Engine | EngineError:
    """The engine of this name, or why it cannot be used."""
    try:
        return find_engine(Deadline.after(_ANSWER_SECONDS), {**os.environ, "KINDGATE_ENGINE": program})
    except EngineError as error:
        return error


def _engine(program: str, fits: Callable[[Engine], bool], folder: Path) -> Seen:
    engine = answering(program)
    if isinstance(engine, EngineError):
        return Seen(State.NOT_SEEN, engine.message)
    if not fits(engine):
        return Seen(State.NOT_SEEN, f"this machine has {engine.program} {engine.version}")
    seen = pytest_seen([this_python(), *SMOKE], folder, {"KINDGATE_ENGINE": program})
    return Seen(seen.state, f"{engine.program} {engine.version}: {seen.text}")


def _podman(major: int, folder: Path, *, baseline: bool) -> Seen:
    docker = not isinstance(answering("docker"), EngineError)
    if docker is not baseline:
        return Seen(State.NOT_SEEN, f"Docker is {'running' if docker else 'not running'} here")
    return _engine("podman", lambda engine: version_numbers(engine.version)[0] == major, folder)


def _rootless(folder: Path) -> Seen:
    """The refusal that `kindgate doctor` reports to an unprivileged user."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        return Seen(State.NOT_SEEN, "another user can be tried by root only")
    home = folder / "home"
    home.mkdir(parents=True)
    for path in (folder.parent, folder, home):
        path.chmod(0o755)
    os.chown(home, NOBODY, NOBODY)
    user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    own = {"HOME": str(home), "KINDGATE_CACHE_DIR": str(home / "cache"), "KINDGATE_STATE_DIR": str(home / "state")}
    code, said = run([*user, this_python().with_name("kindgate"), "doctor"], folder, own)
    rows = [re.split(r"  +", line.strip()) for line in said.splitlines()]
    refused = "; ".join(": ".join((row[0], *row[2:])) for row in rows if row[1:2] == ["block"])
    if code and refused:
        return Seen(State.REFUSED, refused)
    if code:
        return Seen(State.FAIL, f"exit code {code}: {said[-300:]}")
    return Seen(State.NOT_SEEN, "doctor finds nothing to refuse; the suite is not run as another user")


def _host(fits: Callable[[HostFacts], bool], otherwise: str, folder: Path) -> Seen:
    facts = gather_facts()
    if not fits(facts):
        return Seen(State.NOT_SEEN, f"this machine {otherwise.format(facts)}")
    return pytest_seen([this_python(), *SMOKE], folder)
