"""`kindgate -v` shows DEBUG records on stderr, without secrets, and leaves no trace in the process."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from kindgate.cli.commands import app

CANARY = "canary-of-the-environment"
FOLDER = f"{CANARY}\n::error::forged ##[add-matcher]forged.json"
"""A path with a secret, and with two workflow commands that GitHub's runner would obey."""


@pytest.fixture(autouse=True)
def _canary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CANARY_TOKEN", CANARY)
    monkeypatch.setenv("KINDGATE_STATE_DIR", str(tmp_path / "state"))


def validate(folder: Path, before: tuple[str, ...] = (), after: tuple[str, ...] = ()) -> Result:
    """Run `kindgate validate` with a kubectl that always fails."""
    kubectl = folder / FOLDER / "kubectl"
    kubectl.parent.mkdir(parents=True)
    kubectl.write_text("#!/bin/sh\nexit 7\n")
    kubectl.chmod(0o755)
    return CliRunner().invoke(app, [*before, "validate", "--kind-kubectl-bin", str(kubectl), *after])


@pytest.mark.parametrize(("before", "after"), [(("-v",), ()), ((), ("--verbose",)), (("-v",), ("-v",))])
def test_commands_are_shown_once_in_plain_lines_without_secrets(tmp_path: Path, before: tuple[str, ...], after: tuple[str, ...]) -> None:
    """The option is accepted before and after the command, and in both places at once."""
    result = validate(tmp_path, before, after)

    (line,) = [line for line in result.stderr.splitlines() if "exit code 7 in " in line]
    assert re.match(r"\[ *\d+\.\d s\] kindgate\.host\.command: .*kubectl' version", line)
    assert "[redacted]" in line
    assert CANARY not in result.output
    assert "##[" not in result.stderr
    assert not any(line.startswith("::") for line in result.stderr.splitlines())
    assert "kindgate.host" not in result.stdout


def test_errors_are_shown_without_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All problems of a run are listed, and each may quote a path or a command: here a broken kubectl and an absent engine."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/absent.sock")
    monkeypatch.setenv("KINDGATE_ENGINE", "docker")

    result = validate(tmp_path)

    assert "error: " in result.output
    assert "[redacted]" in result.output
    assert CANARY not in result.output


def test_nothing_is_shown_without_the_option(tmp_path: Path) -> None:
    """The option is off by default."""
    assert "kindgate.host" not in validate(tmp_path).output


def test_logging_is_restored_when_the_command_ends(tmp_path: Path) -> None:
    """A program that runs several commands, such as these tests, keeps its own logging."""
    logger = logging.getLogger("kindgate")
    before = logger.handlers[:], logger.level, logging.getLogRecordFactory()

    validate(tmp_path, ("-v",))

    assert (logger.handlers, logger.level, logging.getLogRecordFactory()) == before
