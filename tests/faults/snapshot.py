"""What there is on the machine: a run may leave no more of it than there was before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import psutil

from kindgate.host.engine import Engine
from kindgate.host.firewall import PROGRAMS, filters_pods, forward_rules
from kindgate.waiting import Deadline

MARK = "KINDGATE_FAULT_MARK"
"""Stands in the environment of a run and of everything that it starts."""

ENGINE_SECONDS = 30.0

_PERMANENT = frozenset({"kind-create.lock", "machine.lock"})
"""Lock files on which all runs of a user meet: never removed, because a lock that somebody waits for would be split in two."""

_PARENTS = frozenset({"clusters", "runs", "leases", "rescued"})
"""Folders of the state folder that stay when what was in them is gone."""


@dataclass(frozen=True)
class Snapshot:
    """Names of what there is: containers, networks and volumes of the engine, a mark's processes, a run's private files.

    `rules` are those that kindgate has set in the host's firewall.
    """

    containers: frozenset[str]
    networks: frozenset[str]
    volumes: frozenset[str]
    processes: frozenset[str]
    files: frozenset[str]
    rules: frozenset[str] = frozenset()

    def of_cluster(self, name: str) -> Snapshot:
        """Only what can be told to be of this cluster, beside processes and files: volumes have no names that say it."""
        return replace(
            self,
            containers=frozenset(one for one in self.containers if name in one),
            networks=frozenset(one for one in self.networks if name in one),
            volumes=frozenset(),
            rules=frozenset(one for one in self.rules if name in one),
        )

    def more_than(self, before: Snapshot) -> dict[str, tuple[str, ...]]:
        """What is here and was not there before, by kind; kinds of which nothing is more are left out."""
        then = asdict(before)
        more = {kind: tuple(sorted(names - then[kind])) for kind, names in asdict(self).items()}
        return {kind: names for kind, names in more.items() if names}


def take_snapshot(engine: Engine, mark: str, folders: tuple[Path, ...]) -> Snapshot:
    """What there is now. Raises `CommandError` when the engine does not answer."""
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
    """The firewall's rules that bear kindgate's comment."""
    for program in PROGRAMS:
        lines = (forward_rules(program, deadline) or "").splitlines()
        yield from (f"{program} {line}" for line in lines if "kindgate:" in line)


def marked(mark: str) -> list[psutil.Process]:
    """The living processes that carry the mark in their environment."""
    return [process for process in psutil.process_iter() if _read(process, lambda one: one.environ().get(MARK)) == mark and _lives(process)]


def end_runs() -> None:
    """Kill every run that was started with a mark; their watchdogs, which carry one too, delete what they had."""
    for process in psutil.process_iter():
        if _read(process, lambda one: one.environ().get(MARK)) and "pytest" in (_read(process, lambda one: " ".join(one.cmdline())) or ""):
            with suppress(psutil.Error):
                process.kill()


def _lives(process: psutil.Process) -> bool:
    return _read(process, lambda one: one.status()) not in {None, psutil.STATUS_ZOMBIE}


def _read(process: psutil.Process, ask: Callable[[psutil.Process], str | None]) -> str | None:
    """What the process answers; None where it is gone or not ours to ask."""
    try:
        return ask(process)
    except (psutil.Error, OSError):
        return None


def _files(folders: tuple[Path, ...]) -> Iterator[str]:
    """Every file and every empty folder, but the permanent ones."""
    for folder in folders:
        for path in folder.rglob("*"):
            permanent = path.name in _PERMANENT or (path.parent == folder and path.name in _PARENTS)
            if not permanent and not (path.is_dir() and any(path.iterdir())):
                yield str(path)
