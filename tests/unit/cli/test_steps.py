"""`kindgate compare`: input that it refuses before it starts."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from kindgate.cli.steps import compare
from kindgate.errors import SettingsError

app = typer.Typer()
app.command()(compare)


def test_compare_without_a_baseline_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names both ways to specify a baseline."""
    monkeypatch.chdir(tmp_path)

    result = CliRunner().invoke(app, [])

    assert isinstance(result.exception, SettingsError)
    assert "--base" in result.exception.next_step
    assert "--slo-base-image" in result.exception.next_step


def test_too_few_bursts_are_refused_before_anything_is_created(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three bursts can decide nothing: the exit code is SloError's, and the only artifact is the report."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KINDGATE_STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "slo.yaml").write_text("compare: {p(95): {max_regression: 25%}}\n")

    result = CliRunner().invoke(app, ["--base", "main", "--slo-file", "slo.yaml", "--slo-bursts", "1"])

    assert result.exit_code == 14
    assert "cannot be decided with 3 bursts" in result.stdout
