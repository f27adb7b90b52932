"""The state of the machine: a run must leave no more behind than existed before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import psutil

from kindgate.host.container_engine import Engine
from kindgate.host.firewall import PROGRAMS, filters_pods, forward_rules
from kindgate.waiting import Deadline

MARK = "KINDGATE_FAULT_MARK"
"""Environment variable of a run and all of its child processes."""

ENGINE_SECONDS = 30.0

_PERMANENT = frozenset({"kind-create.lock", "machine.lock"})
"""File locks shared by all runs of a user: never removed, because that would split a lock that another run waits for."""

_PARENTS = frozenset({"clusters", "runs", "locks", "rescued", "undo"})
"""Folders in the state folder that remain when empty."""


@dataclass(frozen=True)
class Snapshot:
    """Names of existing objects: the engine's containers, networks and volumes, processes with a mark, and a run's private files.

    `rules` are those that kindgate added to the host's firewall.
    """

    containers: frozenset[str]
    networks: frozenset[str]
    volumes: frozenset[str]
    processes: frozenset[str]
    files: frozenset[str]
    rules: frozenset[str] = frozenset()

    def of_cluster(self, name: str) -> Snapshot:
        """Only objects that provably belong to this cluster, plus processes and files; names of volumes do not show it."""
        return replace(
            self,
            containers=frozenset(each for each in self.containers if name in each),
            networks=frozenset(each for each in self.networks if name in each),
            volumes=frozenset(),
            rules=frozenset(each for each in self.rules if name in each),
        )

    def added_since(self, before: Snapshot) -> dict[str, tuple[str, ...]]:
        """Objects that did not exist before, by kind, without empty kinds."""
        baseline = asdict(before)
        more = {kind: tuple(sorted(names - baseline[kind])) for kind, names in asdict(self).items()}
        return {kind: names for kind, names in more.items() if names}


def take_snapshot(engine: Engine, mark: str, folders: tuple[Path, ...]) -> Snapshot:
    """Record the current state. Raises `CommandError` if the engine does not respond."""
    deadline = Deadline.after(ENGINE_SECONDS)

    def names(*arguments: str) -> frozenset[str]:
        return frozenset(engine.run(*arguments, deadline=deadline).stdout.splitlines())

    return Snapshot(
        containers=names("ps", "--all", "--format", "{{.Names}}"),
        networks=names("network", "ls", "--format", "{{.Name}}"),
        volumes=names("volume", "ls", "--quiet"),
        processes=frozenset(f"{process.pid} {' '.join(process.cmdline())[:120]}" for process in marked(mark)),
        files=frozenset(_files(folders)),
        rules=frozenset(_rules(deadline)) if filters_pods(engine) else frozenset(),
    )


def _rules(deadline: Deadline) -> Iterator[str]:
    """The firewall rules with kindgate's comment."""
    for program in PROGRAMS:
        lines = (forward_rules(program, deadline) or "").splitlines()
        yield from (f"{program} {line}" for line in lines if "kindgate:" in line)


def marked(mark: str) -> list[psutil.Process]:
    """The live processes with the mark in their environment."""
    return [
        process for process in psutil.process_iter() if _read(process, lambda each: each.environ().get(MARK)) == mark and _is_alive(process)
    ]


def end_runs() -> None:
    """Kill every marked run; their watchdogs, also marked, delete the leftovers."""
    for process in psutil.process_iter():
        if _read(process, lambda each: each.environ().get(MARK)) and "pytest" in (
            _read(process, lambda each: " ".join(each.cmdline())) or ""
        ):
            with suppress(psutil.Error):
                process.kill()


def _is_alive(process: psutil.Process) -> bool:
    return _read(process, lambda each: each.status()) not in {None, psutil.STATUS_ZOMBIE}


def _read(process: psutil.Process, read_attribute: Callable[[psutil.Process], str | None]) -> str | None:
    """The result of `read_attribute`; None if the process is gone or inaccessible."""
    try:
        return read_attribute(process)
    except (psutil.Error, OSError):
        return None


def _files(folders: tuple[Path, ...]) -> Iterator[str]:
    """Every file and every empty folder, except for the permanent ones."""
    for folder in folders:
        for path in folder.rglob("*"):
            permanent = path.name in _PERMANENT or (path.parent == folder and path.name in _PARENTS)
            if not permanent and not (path.is_dir() and any(path.iterdir())):
                yield str(path)
