"""A kubectl and an engine that are real programs and record what they are asked, and a record that names them."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kindgate.host.container_engine import Engine
from kindgate.process import ProcessName
from kindgate.scenarios.action import UndoStep
from kindgate.scenarios.undo_journal import UndoRecord

PROGRAM = """
import json, pathlib, sys
folder = pathlib.Path(__file__).parent
if "version" in sys.argv:
    sys.exit(print("Client Version: v1.37.0"))
failures = folder / "failures"
lines = failures.read_text().splitlines() if failures.exists() else []
with (folder / "asked").open("a") as asked:
    asked.write(json.dumps([sys.argv[1:], sys.stdin.read()]) + "\\n")
if lines:
    failures.write_text("\\n".join(lines[1:]))
    sys.exit(lines[0])
"""

STEPS = (UndoStep(("patch", "first"), "[1]"), UndoStep(("uncordon", "second")))

RESUME = UndoStep(("unpause", "shop-worker"), program="engine")


@dataclass(frozen=True)
class RecordingProgram:
    """A program that accepts everything, except for the failures that it was told to report first."""

    program: Path

    def fail(self, *messages: str) -> None:
        """Fail once with each of the messages."""
        (self.program.parent / "failures").write_text("\n".join(messages))

    @property
    def calls(self) -> list[tuple[list[str], str]]:
        """The arguments and the input of each call so far."""
        file = self.program.parent / "asked"
        lines: list[Any] = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        return [(arguments, text) for arguments, text in lines]


def write_recording_kubectl(folder: Path) -> RecordingProgram:
    """Write a kubectl into a new folder `bin`."""
    return _write(folder / "bin" / "kubectl")


def write_recording_engine(folder: Path) -> tuple[Engine, RecordingProgram]:
    """An engine whose command is a program in a new folder `engine`."""
    program = _write(folder / "engine" / "docker")
    return Engine("docker", program.program, "27.0", environment={"FROM": "the record"}), program


def _write(program: Path) -> RecordingProgram:
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable} -IS\n{PROGRAM}")
    program.chmod(0o755)
    return RecordingProgram(program)


def a_record(kubectl: RecordingProgram, kubeconfig: Path) -> UndoRecord:
    """A record, not written yet, of an action of this process in a cluster that kindgate created."""
    return UndoRecord(
        episode="42",
        what="restart of Deployment shop/web",
        cluster="shop",
        existing=False,
        kubectl=kubectl.program,
        kubeconfig=kubeconfig,
        context="kind-shop",
        process=ProcessName.current(),
        steps=STEPS,
    )


def by_a_dead_process(record: UndoRecord) -> UndoRecord:
    """The record as of a process that has this one's number, but started at another time."""
    return replace(record, process=replace(record.process, started="never"))
