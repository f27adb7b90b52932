"""The journal of undos: one private file per action, written before the action begins and removed once it is undone.

It survives the process, a crash and a restart of the machine, so that another process, the next run or an operator can
finish what is left.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kindgate.cluster.owner_container import private_folder
from kindgate.host.container_engine import Engine
from kindgate.host.paths import state_dir
from kindgate.model import ClusterAddress
from kindgate.process import ProcessName
from kindgate.scenarios.action import UndoStep


@dataclass(frozen=True)
class UndoRecord:
    """An action that may have changed a cluster, and the steps that undo it.

    `episode` is a name that no other record has. `cluster` is the cluster's name, `existing` whether kindgate did not
    create it. `kubectl` and `kubeconfig` are files, `process` is the one that began the action. `engine` runs the cluster's
    nodes; without it, or on an existing cluster, a step of the engine raises `ValueError`.
    """

    episode: str
    what: str
    cluster: str
    existing: bool
    kubectl: Path
    kubeconfig: Path
    context: str
    process: ProcessName
    steps: tuple[UndoStep, ...]
    engine: Engine | None = None

    def __post_init__(self) -> None:
        if self.changes_nodes and (self.existing or self.engine is None):
            raise ValueError(f"{self.what}: only nodes that kindgate created, in an engine, are changed")

    @property
    def changes_nodes(self) -> bool:
        """Whether a step is a command of the engine."""
        return any(step.program == "engine" for step in self.steps)

    @property
    def path(self) -> Path:
        """The record's file."""
        return _folder() / f"{self.episode}.json"

    @property
    def is_void(self) -> bool:
        """Whether there is nothing to undo any more: the record was removed, or its cluster was deleted."""
        return not self.path.exists() or (not self.existing and private_folder(self.cluster) is None)

    def belongs_to(self, address: ClusterAddress) -> bool:
        """Whether the action was done to this cluster."""
        same_kubeconfig = (self.kubeconfig, self.context) == (address.kubeconfig, address.context)
        return self.existing == address.existing and (same_kubeconfig if self.existing else self.cluster == address.name)

    def write(self) -> None:
        """Write the file, readable by this user alone, and wait until it is on the disk."""
        _folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = self.path.with_suffix(".new")
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123  # the mode
            file.write(self.to_json())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.path)
        descriptor = os.open(_folder(), os.O_RDONLY)
        try:
            os.fsync(descriptor)  # otherwise a crash of the machine could forget the new name
        finally:
            os.close(descriptor)

    def remove(self) -> None:
        """Remove the file; idempotent."""
        self.path.unlink(missing_ok=True)

    def to_json(self) -> str:
        """The record as JSON."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> UndoRecord:
        """The inverse of `to_json`; raises `ValueError`, `KeyError` or `TypeError` for anything else."""
        fields: dict[str, Any] = json.loads(text)
        steps = tuple(UndoStep(**{**step, "arguments": tuple(step["arguments"])}) for step in fields["steps"])
        engine = fields.get("engine")
        return cls(
            **{
                **fields,
                "kubectl": Path(fields["kubectl"]),
                "kubeconfig": Path(fields["kubeconfig"]),
                "process": ProcessName(**fields["process"]),
                "steps": steps,
                "engine": None if engine is None else Engine(**{**engine, "command": Path(engine["command"])}),
            }
        )


def read_record(path: Path) -> UndoRecord | None:
    """The record in a file; None if there is no readable one."""
    try:
        return UndoRecord.from_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def open_records() -> Iterator[UndoRecord]:
    """Every action that is not undone, of all clusters, the earliest first; records of deleted clusters are removed."""
    folder = _folder()
    paths = list(folder.glob("*.json")) if folder.is_dir() else []
    for path in sorted(paths, key=_modified):
        record = read_record(path)
        if record is not None and not record.is_void:
            yield record
        elif record is not None:
            record.remove()


def _modified(path: Path) -> float:
    with suppress(FileNotFoundError):
        return path.stat().st_mtime
    return 0.0


def _folder() -> Path:
    return state_dir() / "undo"
