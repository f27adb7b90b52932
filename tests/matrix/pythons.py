"""Python cells: each release on this machine, and the lowest and highest releases of the dependencies."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from tests.matrix.cell import ROOT, SMOKE, Cell, Seen, State, pytest_seen, run, this_python

SERIES = ("3.11", "3.12", "3.13", "3.14")
LOCKS = ("requirements.lock", "requirements-dev.lock")
UNIT = ("-m", "pytest", "tests/unit", "-n", "5", "--dist", "worksteal", "-q", "-p", "no:cacheprovider")


def cells() -> Iterator[Cell]:
    """The unit tests and smoke suite on each Python, then the unit tests with other dependencies."""
    for series in SERIES:
        yield Cell("Python", f"Python {series}, unit tests", partial(_on_python, series, UNIT))
        yield Cell("Python", f"Python {series}, smoke suite", partial(_on_python, series, SMOKE))
    for resolution, name in (("lowest-direct", "lowest"), ("highest", "highest")):
        yield Cell("Python", f"{name} versions of the dependencies, unit tests", partial(_with_dependencies, resolution))


def interpreter(series: str) -> Path | None:
    """A Python of the series, on PATH or from pyenv."""
    installed = sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob(f"versions/{series}.*/bin/python3"))
    for found in (shutil.which(f"python{series}"), *reversed(installed)):
        if found and _says(found) == series:
            return Path(found)
    return None


def _says(python: str | Path) -> str:
    asked = [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


def _on_python(series: str, suite: Sequence[str], folder: Path) -> Seen:
    python = interpreter(series)
    if python is None:
        return Seen(State.NOT_SEEN, f"this machine has no Python {series}")
    environment = folder.parent / f"python-{series}"
    if not (environment / "ready").exists():
        problem = _installed(python, environment, ["--require-hashes", *(f"-r{lock}" for lock in LOCKS)], folder)
        if problem is not None:
            return problem
    return pytest_seen([environment / "bin" / "python", *suite], folder)


def _with_dependencies(resolution: str, folder: Path) -> Seen:
    uv = shutil.which("uv")
    if uv is None:
        return Seen(State.NOT_SEEN, "uv is not installed, which finds these versions")
    listed = folder / "requirements.txt"
    question = [uv, "pip", "compile", "pyproject.toml", "--extra", "distributed", "--group", "dev", "--resolution", resolution]
    code, said = run([*question, "--python", this_python(), "--quiet", "--output-file", listed], folder)
    if code:
        return Seen(State.FAIL, said)
    problem = _installed(this_python(), folder / "environment", [f"-r{listed}"], folder)
    return problem or pytest_seen([folder / "environment" / "bin" / "python", *UNIT], folder)


def _installed(python: Path, environment: Path, requirements: Sequence[str], folder: Path) -> Seen | None:
    """Create an environment with the requirements and kindgate; return the error, if any."""
    shutil.rmtree(environment, ignore_errors=True)
    inside = environment / "bin" / "python"
    pip: list[str | Path] = [inside, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    commands: list[list[str | Path]] = [
        [python, "-m", "venv", environment],
        [*pip, *requirements],
        [*pip, "--no-deps", "--no-build-isolation", "--editable", ROOT],
    ]
    for command in commands:
        code, said = run(command, folder)
        if code:
            return Seen(State.FAIL, f"{' '.join(map(str, command))}: {said[-500:]}")
    (environment / "ready").touch()
    return None
