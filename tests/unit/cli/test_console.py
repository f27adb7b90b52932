"""What commands print while GitHub's runner reads it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from kindgate.cli import main


@pytest.fixture(name="home")
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to run in, under GitHub Actions."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    return tmp_path


def ended(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
    """The exit code of one command."""
    monkeypatch.setattr(sys, "argv", ["kindgate", *arguments])
    with pytest.raises(SystemExit) as ending:
        main()
    return ending.value.code


def test_a_runs_lines_are_no_commands_and_its_annotations_are(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The closing table may name pods and hosts; only what follows the token is read."""
    assert ended(monkeypatch, "run", "--slo-file=absent.yaml") == 14

    first, *shown, token, annotation = capsys.readouterr().out.splitlines()
    assert first == f"::stop-commands::{token.strip(':')}"
    assert any("absent.yaml" in line for line in shown)
    assert annotation.startswith("::error title=kindgate::")
    assert (home / "artifacts/report.json").is_file()


@pytest.mark.usefixtures("home")
def test_an_errors_lines_are_no_commands(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What a command could not do may quote logs of pods."""
    assert ended(monkeypatch, "validate", "--slo-file=absent.yaml") == 14

    lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("[")]
    assert lines[0] == f"::stop-commands::{lines[-1].strip(':')}"
    assert lines[1].startswith("kindgate: ")
