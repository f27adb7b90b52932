"""A supported platform, its test, and the result."""

from __future__ import annotations

import enum
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kindgate.errors import KindgateError

ROOT = Path(__file__).resolve().parents[2]

SMOKE = ("-m", "pytest", "-m", "e2e and smoke", "-p", "no:cacheprovider", "-p", "no:xdist")
"""The smoke suite: the health of the bundled application on a real cluster."""

_MINUTES = 30
_MAX_LINES = 15


class State(enum.StrEnum):
    """The result of a cell; `REFUSED` is a one-sentence refusal before anything is created."""

    PASS = "PASS"
    FAIL = "FAIL"
    REFUSED = "refused"
    NOT_TESTED = "not seen"


@dataclass(frozen=True)
class Result:
    """The details of a result: pytest's closing line, the refusal, or why the cell was not tested."""

    state: State
    text: str


@dataclass(frozen=True)
class Cell:
    """A cell of the matrix: `group` is its table, `name` its row, and `test` tests it in a separate folder."""

    group: str
    name: str
    test: Callable[[Path], Result]


@dataclass(frozen=True)
class Row:
    """A tested cell, with its duration in seconds and the date."""

    group: str
    name: str
    state: str
    seconds: float
    text: str
    day: str


def run_cell(cell: Cell, folder: Path) -> Row:
    """Test a cell; an error while testing fails only this cell."""
    started = time.monotonic()
    try:
        result = cell.test(folder)
    except (OSError, subprocess.SubprocessError, KindgateError) as error:
        result = Result(State.FAIL, f"{type(error).__name__}: {error}")
    return Row(cell.group, cell.name, result.state.value, round(time.monotonic() - started, 1), result.text, time.strftime("%Y-%m-%d"))


def run(command: Sequence[str | Path], folder: Path, environment: Mapping[str, str] | None = None, cwd: Path = ROOT) -> tuple[int, str]:
    """Run a command with its output appended to `folder`/log; return its exit code and the log."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "log"
    with log.open("a", encoding="utf-8") as file:
        process = subprocess.run(
            command,
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            timeout=_MINUTES * 60,
            check=False,
        )
    return process.returncode, log.read_text(encoding="utf-8", errors="replace")


def run_pytest(arguments: Sequence[str | Path], folder: Path, environment: Mapping[str, str] | None = None, cwd: Path = ROOT) -> Result:
    """Run a suite; PASS if tests passed and none failed."""
    command = [*arguments, "--artifacts", folder / "artifacts"] if "tests/unit" not in arguments else arguments
    code, output = run(command, folder, environment, cwd)
    summary = next((line.strip("= ") for line in reversed(output.splitlines()) if " passed" in line or " failed" in line), "")
    if code == 0 and " passed" in summary:
        return Result(State.PASS, summary)
    last_lines = " / ".join(output.splitlines()[-_MAX_LINES:])
    return Result(State.FAIL, summary or f"exit code {code}: {last_lines}")


def current_python() -> Path:
    """The Python that runs the matrix, from `.venv`."""
    return Path(sys.executable)
