"""Container engine detection: a usable Docker or Podman, or the reason why one is unusable."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from kindgate.errors import (
    CommandTimeout,
    EngineAbsent,
    EngineError,
    EngineNotPermitted,
    EngineNotStarted,
    EngineTooOld,
    SettingsError,
)
from kindgate.host.command import Completed, OnLine, run
from kindgate.host.facts import HostFacts, gather_facts
from kindgate.host.paths import cache_dir
from kindgate.waiting import Deadline

Program = Literal["docker", "podman"]
PROGRAMS: tuple[Program, ...] = ("docker", "podman")

_RESPONSE_SECONDS = 20.0
"""Time within which a working daemon reports its version."""

_MINIMUM_VERSIONS: Mapping[Program, tuple[int, int]] = {"docker": (20, 10), "podman": (4, 0)}
"""kind gives nodes a private cgroup namespace, supported by Docker since 20.10; Podman before 4 is untested."""

_MINIMUM_WITHOUT_CAPABILITY = (23, 0)
"""Older Docker requests every capability for a privileged container, even those that the host lacks."""


@dataclass(frozen=True)
class Engine:
    """A working container engine: plain data, and the only way to call its command.

    `cgroup_version`, `cpus` and `memory` (bytes) are those of the machine that runs containers. `containerd_store` is
    true for Docker's newer image store, which keeps every platform of an image. `environment` is added to the command's
    environment.
    """

    program: Program
    command: Path
    version: str
    rootless: bool = False
    cgroup_version: int = 2
    cpus: int = 0
    memory: int = 0
    data_root: str = ""
    containerd_store: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def kind_environment(self) -> Mapping[str, str]:
        """The environment variables that kind needs to use this engine."""
        return {**self.environment, "KIND_EXPERIMENTAL_PROVIDER": self.program}

    def run(
        self,
        *arguments: str,
        deadline: Deadline,
        input: bytes | str | Path | None = None,  # noqa: A002 - named as subprocess names it
        on_line: OnLine | None = None,
        check: bool = True,
    ) -> Completed:
        """Run the engine's command with these arguments; raises as `command.run` does."""
        return run([self.command, *arguments], deadline=deadline, input=input, on_line=on_line, env=self.environment, check=check)


def find_engine(deadline: Deadline, environment: Mapping[str, str] | None = None, facts: HostFacts | None = None) -> Engine:
    """Find the engine to use: Docker if it responds, otherwise Podman.

    `KINDGATE_ENGINE` (or kind's own `KIND_EXPERIMENTAL_PROVIDER`) restricts the choice to one. Raises `EngineAbsent`,
    `EngineNotStarted`, `EngineNotPermitted` or `EngineTooOld`; if both programs exist and neither works, Docker's
    error.
    """
    environment = os.environ if environment is None else environment
    facts = facts or gather_facts()
    errors: list[EngineError] = []
    for program in _requested_programs(environment):
        command = _command(program, environment)
        if command is None:
            continue
        try:
            return _query(program, command, environment, facts, deadline.at_most(_RESPONSE_SECONDS))
        except EngineError as error:
            errors.append(error)
    if errors:
        raise errors[0]
    requested = _requested_programs(environment)
    raise EngineAbsent(
        "no container engine: " + (f"{requested[0]} is not" if len(requested) == 1 else "neither docker nor podman is") + " on PATH",
        next_step="run `kindgate engine install`"
        if facts.can_install_engine and "docker" in requested
        else f"install {' or '.join(requested)}, and start it",
    )


def installed_root() -> Path:
    """The folder into which `kindgate engine install` unpacks an engine."""
    return cache_dir() / "engine" / "root"


def installed_path(environment: Mapping[str, str]) -> str:
    """PATH with the unpacked engine's folders first."""
    folders = [str(installed_root() / folder) for folder in ("usr/sbin", "usr/bin")]
    return os.pathsep.join([*folders, environment.get("PATH", os.defpath)])


def version_numbers(version: str) -> tuple[int, int]:
    """The first two numbers of a version such as `26.1.5+dfsg1` or `v2`, with zeros for missing ones."""
    found = [int(part) for part in re.findall(r"\d+", version.partition("+")[0])[:2]]
    first, second = (*found, 0, 0)[:2]
    return first, second


def parse_docker_info(command: Path, text: str, environment: Mapping[str, str]) -> Engine:
    """The engine described by `docker info --format '{{json .}}'`."""
    info: dict[str, Any] = json.loads(text)
    status = [tuple(row) for row in info.get("DriverStatus") or ()]
    return Engine(
        program="docker",
        command=command,
        version=info.get("ServerVersion", ""),
        rootless=any("rootless" in option for option in info.get("SecurityOptions") or ()),
        cgroup_version=int(info.get("CgroupVersion") or 1),
        cpus=int(info.get("NCPU") or 0),
        memory=int(info.get("MemTotal") or 0),
        data_root=info.get("DockerRootDir", ""),
        containerd_store=("driver-type", "io.containerd.snapshotter.v1") in status,
        environment=environment,
    )


def parse_podman_info(command: Path, text: str, environment: Mapping[str, str]) -> Engine:
    """The engine described by `podman info --format json`."""
    info: dict[str, Any] = json.loads(text)
    host = info.get("host", {})
    return Engine(
        program="podman",
        command=command,
        version=info.get("version", {}).get("Version", ""),
        rootless=bool(host.get("security", {}).get("rootless")),
        cgroup_version=2 if host.get("cgroupVersion", "v2") == "v2" else 1,
        cpus=int(host.get("cpus") or 0),
        memory=int(host.get("memTotal") or 0),
        data_root=info.get("store", {}).get("graphRoot", ""),
        environment=environment,
    )


def engine_error(program: Program, output: str, facts: HostFacts) -> EngineError:
    """The reason why an engine's command failed, derived from its output."""
    lowered = output.lower()
    if "permission denied" in lowered or "newuidmap" in lowered:
        return EngineNotPermitted(
            f"{program} is installed, but this user is not allowed to use it",
            last_state=output,
            next_step="add the user to the docker group and log in again, or use rootless Podman" if program == "docker" else "run as root",
        )
    if "too old" in lowered or "too new" in lowered:
        return EngineTooOld(f"{program}'s client and daemon are incompatible", last_state=output, next_step=f"update {program}")
    install = program == "docker" and facts.can_install_engine
    return EngineNotStarted(
        f"{program} is installed, but its daemon does not respond",
        last_state=output,
        next_step="run `kindgate engine install`, or start the daemon"
        if install
        else "start the daemon: `systemctl start docker`, or open Docker Desktop",
    )


def check_version(engine: Engine, facts: HostFacts) -> None:
    """Raise `EngineTooOld` if kind's nodes do not run on this version here."""
    minimum = _MINIMUM_VERSIONS[engine.program]
    reason = "kind's nodes need a private cgroup namespace"
    if engine.program == "docker" and facts.system == "linux" and facts.root and not facts.cap_sys_resource:
        minimum, reason = _MINIMUM_WITHOUT_CAPABILITY, "this host lacks CAP_SYS_RESOURCE, which older versions require"
    if version_numbers(engine.version) < minimum:
        raise EngineTooOld(
            f"{engine.program} {engine.version} is too old: {minimum[0]}.{minimum[1]} or later is required because {reason}",
            next_step=f"update {engine.program}",
        )


def _requested_programs(environment: Mapping[str, str]) -> tuple[Program, ...]:
    """The programs to try, in order."""
    for variable in ("KINDGATE_ENGINE", "KIND_EXPERIMENTAL_PROVIDER"):
        name = environment.get(variable, "")
        if name in PROGRAMS:
            return (name,)
        if name:
            raise SettingsError(f"{variable}: {name!r} is neither docker nor podman")
    return PROGRAMS


def _command(program: Program, environment: Mapping[str, str]) -> Path | None:
    """The program on PATH, or the one unpacked by `kindgate engine install`."""
    path = environment.get("PATH", os.defpath)
    found = shutil.which(program, path=path) or shutil.which(program, path=installed_path({"PATH": ""}))
    return Path(found) if found else None


def _query(program: Program, command: Path, environment: Mapping[str, str], facts: HostFacts, deadline: Deadline) -> Engine:
    """Query the engine, and check that it is usable."""
    added = {"PATH": installed_path(environment)} if command.is_relative_to(installed_root()) else {}
    form = "{{json .}}" if program == "docker" else "json"
    try:
        result = run([command, "info", "--format", form], deadline=deadline, env=added, check=False)
    except CommandTimeout as error:
        raise EngineNotStarted(
            f"{program} is installed, but its daemon does not respond", waited=error.waited, next_step="restart the daemon"
        ) from error
    if result.returncode != 0:
        raise engine_error(program, result.stderr, facts)
    if program == "docker" and '"ServerVersion"' not in result.stdout:
        # podman-docker: Podman installed as docker
        return _query("podman", command, environment, facts, deadline)
    try:
        engine = (parse_docker_info if program == "docker" else parse_podman_info)(command, result.stdout, added)
    except (ValueError, AttributeError, TypeError) as error:
        raise EngineError(
            f"`{command} info` did not answer like {program}", last_state=result.stdout[:400], next_step=f"reinstall {program}"
        ) from error
    check_version(engine, facts)
    return engine
