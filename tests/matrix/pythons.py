"""Python cells: each release on this machine, and the lowest and highest releases of the dependencies."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from tests.matrix.cell import ROOT, SMOKE, Cell, Result, State, current_python, run, run_pytest

SERIES = ("3.11", "3.12", "3.13", "3.14")
LOCKS = ("requirements.lock", "requirements-dev.lock")
UNIT = ("-m", "pytest", "tests/unit", "-n", "auto", "--dist", "worksteal", "-q", "-p", "no:cacheprovider")


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
    for executable in (shutil.which(f"python{series}"), *reversed(installed)):
        if executable and _series_of(executable) == series:
            return Path(executable)
    return None


def _series_of(python: str | Path) -> str:
    command = [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def _on_python(series: str, suite: Sequence[str], folder: Path) -> Result:
    python = interpreter(series)
    if python is None:
        return Result(State.NOT_TESTED, f"this machine has no Python {series}")
    environment = folder.parent / f"python-{series}"
    if not (environment / "ready").exists():
        problem = _installed(python, environment, ["--require-hashes", *(f"-r{lock}" for lock in LOCKS)], folder)
        if problem is not None:
            return problem
    return run_pytest([environment / "bin" / "python", *suite], folder)


def _with_dependencies(resolution: str, folder: Path) -> Result:
    uv = shutil.which("uv")
    if uv is None:
        return Result(State.NOT_TESTED, "uv is not installed, which finds these versions")
    requirements_file = folder / "requirements.txt"
    command = [uv, "pip", "compile", "pyproject.toml", "--extra", "distributed", "--group", "dev", "--resolution", resolution]
    code, output = run([*command, "--python", current_python(), "--quiet", "--output-file", requirements_file], folder)
    if code:
        return Result(State.FAIL, output)
    problem = _installed(current_python(), folder / "environment", [f"-r{requirements_file}"], folder)
    return problem or run_pytest([folder / "environment" / "bin" / "python", *UNIT], folder)


def _installed(python: Path, environment: Path, requirements: Sequence[str], folder: Path) -> Result | None:
    """Create an environment with the requirements and kindgate; return the error, if any."""
    shutil.rmtree(environment, ignore_errors=True)
    venv_python = environment / "bin" / "python"
    pip: list[str | Path] = [venv_python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    commands: list[list[str | Path]] = [
        [python, "-m", "venv", environment],
        [*pip, *requirements],
        [*pip, "--no-deps", "--no-build-isolation", "--editable", ROOT],
    ]
    for command in commands:
        code, output = run(command, folder)
        if code:
            return Result(State.FAIL, f"{' '.join(map(str, command))}: {output[-500:]}")
    (environment / "ready").touch()
    return None
