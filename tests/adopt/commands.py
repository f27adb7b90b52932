"""Commands that a developer types in a repository, run with this tree's kindgate."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.adopt.adopted import COMMAND_SECONDS, FOREIGN, ROOT

_MAIN = "from kindgate.cli import main; main()"


def commit(folder: Path, message: str) -> None:
    """Make the folder a repository with all of its files committed."""
    identity = ["-c", "user.name=dev", "-c", "user.email=dev@example.org"]
    for arguments in (["init", "--quiet", "-b", "main"], ["add", "-A"], ["commit", "--quiet", "-m", message]):
        subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, timeout=60)


def run_kindgate(folder: Path, *arguments: str) -> str:
    """The output of `kindgate ARGUMENTS` in the folder; the command must succeed."""
    return _run(folder, [sys.executable, "-c", _MAIN, *arguments], 0)


def run_pytest(folder: Path, *arguments: str, code: int = 0) -> str:
    """The output of `pytest ARGUMENTS` in the folder, which must exit with `code`. Kindgate is loaded like an installed plugin."""
    plugins = ("-p", "no:locust", "-p", "no:cacheprovider")
    return _run(folder, [sys.executable, "-m", "pytest", *plugins, *arguments], code)


def _run(folder: Path, command: list[str], code: int) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    result = subprocess.run(
        command,
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=COMMAND_SECONDS,
    )
    shown = " ".join(part for part in command if part != _MAIN)
    print(f"$ {shown}\n{result.stdout}[exit code {result.returncode}]\n")
    assert result.returncode == code, f"{shown}: {result.stdout[-4000:]}"
    return result.stdout
