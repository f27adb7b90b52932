"""Workflows written by `kindgate init` pass the project's own workflow linters; `make lint` also runs actionlint on them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools.lint_workflows import write_example


@pytest.mark.parametrize(
    "command",
    [
        ("zizmor", "--offline", "--quiet", "--persona", "pedantic", "."),
        ("check-jsonschema", "--builtin-schema", "vendor.github-workflows"),
    ],
    ids=lambda command: command[0],
)
def test_generated_workflows_pass_the_linter(tmp_path: Path, command: tuple[str, ...]) -> None:
    """The linters run with the pedantic settings of the project's own workflows."""
    write_example(tmp_path)
    files = sorted(str(file) for file in (tmp_path / ".github/workflows").glob("*.yml"))
    assert len(files) == 8

    program = str(Path(sys.executable).parent / command[0])
    arguments = [*command[1:], *(files if command[0] == "check-jsonschema" else ())]
    done = subprocess.run([program, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)

    assert done.returncode == 0, done.stdout + done.stderr
