"""A full run without pytest and without a cluster: overall verdict, exit code, and output in every case."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kindgate.errors import LoadError
from kindgate.model import Verdict
from kindgate.pipeline.full_run import run_everything
from kindgate.pipeline.provisioner import Pipeline
from kindgate.pipeline.report_builder import Measurement
from kindgate.settings import ReportSettings, Settings, SloSettings
from kindgate.slo.compare import Comparison, ComparisonResult
from kindgate.slo.grammar import parse_marker
from kindgate.slo.judgement import Judgement, ThresholdResult
from kindgate.slo.objectives import Tolerance


def compared(verdict: Verdict) -> Measurement:
    """Return a comparison with this verdict."""
    result = ComparisonResult(Tolerance(95, 0.1), verdict, 10.0, 12.0, 0.2, (0.1, 0.3), 1000, 10, 0.01, 0.9, "compared it")
    return Measurement("comparison", comparison=Comparison(verdict, (result,), ()))


def judged(verdict: Verdict) -> Measurement:
    """Return a threshold judgment with this verdict."""
    (threshold,) = parse_marker(("p(95)<200",))
    result = ThresholdResult(threshold, verdict, 100.0, "ms", 200.0, (90.0, 110.0), 1000, 10, 0.5, "judged it")
    return Measurement("objectives", judgement=Judgement(verdict, (result,), ()))


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINDGATE_STATE_DIR", str(tmp_path / "state"))


def run_result(root: Path, *measured: Measurement, **slo: str) -> tuple[int, list[str]]:
    """Return the exit code and the output of a run with these results."""
    lines: list[str] = []
    settings = Settings(root, slo=SloSettings(**slo))  # type: ignore[arg-type]  # tests give valid words

    def measure(_: Pipeline, measurements: list[Measurement]) -> None:
        measurements.extend(measured)

    return run_everything(settings, lambda _: None, lines.append, measure).exit_code, lines


@pytest.mark.parametrize(
    ("threshold", "comparison", "code"),
    [
        (Verdict.PASS, Verdict.PASS, 0),
        (Verdict.PASS, Verdict.INCONCLUSIVE, 0),
        (Verdict.PASS, Verdict.FAIL, 20),
        (Verdict.FAIL, Verdict.PASS, 20),
        (Verdict.INVALID, Verdict.PASS, 21),
        (Verdict.PASS, Verdict.INVALID, 21),
        (Verdict.FAIL, Verdict.INVALID, 20),
    ],
)
def test_the_worst_verdict_sets_the_exit_code(threshold: Verdict, comparison: Verdict, code: int, tmp_path: Path) -> None:
    """FAIL outranks INVALID, as within one judgment."""
    assert run_result(tmp_path, judged(threshold), compared(comparison))[0] == code


def test_the_explanations_of_the_worst_verdict_are_shown(tmp_path: Path) -> None:
    """Explanations of passing results are left out."""
    _, lines = run_result(tmp_path, judged(Verdict.PASS), compared(Verdict.FAIL))

    assert lines[-1] == "kindgate: compared it"


@pytest.mark.parametrize(
    ("ci", "allowed", "has_verdict", "code"),
    [("true", False, False, 28), ("true", True, False, 0), ("", False, False, 0), ("true", False, True, 0)],
)
def test_a_run_without_a_verdict_fails_in_ci(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, ci: str, allowed: bool, has_verdict: bool, code: int
) -> None:
    """The report says NO VERDICT outside CI too."""
    monkeypatch.setenv("CI", ci)
    settings = Settings(tmp_path, report=ReportSettings(allow_no_verdict=allowed))

    def measure(_: Pipeline, measurements: list[Measurement]) -> None:
        measurements.extend([judged(Verdict.PASS)] if has_verdict else [])

    assert run_everything(settings, lambda _: None, lambda _: None, measure).exit_code == code
    assert json.loads((tmp_path / "artifacts/report.json").read_text())["outcome"] == ("passed" if has_verdict else "no-verdict")


@pytest.mark.parametrize(("option", "code"), [("warn", 0), ("pass", 0), ("fail", 20)])
def test_the_option_decides_how_an_inconclusive_objective_ends(option: str, code: int, tmp_path: Path) -> None:
    """The option applies to comparisons and thresholds alike."""
    assert run_result(tmp_path, compared(Verdict.INCONCLUSIVE), inconclusive=option)[0] == code


def test_a_comparison_is_in_the_report_with_both_figures(tmp_path: Path) -> None:
    """The report has both versions' absolute figures, the change and its interval."""
    run_result(tmp_path, compared(Verdict.FAIL))

    (row,) = json.loads((tmp_path / "artifacts" / "report.json").read_text())["comparison"]
    assert (row["base"], row["head"], row["change"], row["low"], row["high"], row["verdict"]) == (10.0, 12.0, 0.2, 0.1, 0.3, "FAIL")


def test_an_error_sets_the_exit_code_and_the_report_is_written(tmp_path: Path) -> None:
    """The report is written after any error."""
    lines: list[str] = []

    def measure(_: Pipeline, _measurements: list[Measurement]) -> None:
        raise LoadError("no port left")

    full_run = run_everything(Settings(tmp_path), lambda _: None, lines.append, measure)

    assert full_run.exit_code == 18
    assert "no port left" in lines[-1]
    assert (tmp_path / "artifacts" / "report.html").is_file()


def test_a_lost_terminal_changes_neither_report_nor_exit_code(tmp_path: Path) -> None:
    """Everything is written before it is printed."""

    def measure(_: Pipeline, _measurements: list[Measurement]) -> None:
        raise LoadError("no port left")

    def show(_line: str) -> None:
        raise BrokenPipeError

    assert run_everything(Settings(tmp_path), lambda _: None, show, measure).exit_code == 18
    assert (tmp_path / "artifacts" / "report.json").is_file()


def test_credentials_in_an_error_are_not_shown(tmp_path: Path) -> None:
    """The URL of an existing cluster may contain credentials."""
    lines: list[str] = []

    def measure(_: Pipeline, _measurements: list[Measurement]) -> None:
        raise LoadError("no answer from http://mona:hunter2@shop.example/")

    run_everything(Settings(tmp_path), lambda _: None, lines.append, measure)

    assert lines[-1] == "kindgate: no answer from http://***@shop.example/"
    assert not any("hunter2" in file.read_text() for file in (tmp_path / "artifacts").iterdir() if file.suffix in {".json", ".md", ".html"})


def test_a_baseline_without_tolerances_is_refused_first(tmp_path: Path) -> None:
    """Nothing is rendered, built or created for it."""
    (tmp_path / "slo.yaml").write_text('thresholds: {http_req_duration: ["p(95)<200"]}\n')
    lines: list[str] = []

    full_run = run_everything(Settings(tmp_path, slo=SloSettings(file=Path("slo.yaml"), base="main")), lambda _: None, lines.append)

    assert full_run.exit_code == 14
    assert "slo.yaml has nothing to compare" in lines[-1]
