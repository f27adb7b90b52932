"""The key figures next to the verdict."""

from __future__ import annotations

from kindgate.report.key_figures import key_figures_of
from kindgate.report.run_report import PhaseTiming, RunReport


def test_a_failing_run_has_failing_key_figures(failing: RunReport) -> None:
    """Failures are counted and colored; everything else stays neutral."""
    shown = {one.name: (one.value, one.note, one.tone) for one in key_figures_of(failing)}
    assert shown == {
        "Objectives met": ("1 of 3", "2 FAIL", "fail"),
        "Tests passed": ("1 of 2", "1 failed", "fail"),
        "Requests": ("1,800", "in 3 bursts", ""),
        "Requests failed": ("4", "0.222 %", "fail"),
        "p95, median of bursts": ("79 ms", "77.4 to 81.4 ms", ""),
        "Time": ("3 min 32 s", "", ""),
    }


def test_an_inconclusive_objective_has_a_neutral_tone(inconclusive: RunReport) -> None:
    """An undecided objective counts as neither met nor failed."""
    assert [(one.note, one.tone) for one in key_figures_of(inconclusive) if one.name == "Objectives met"] == [("1 INCONCLUSIVE", "unsure")]


def test_skipped_tests_have_a_neutral_tone(passing: RunReport) -> None:
    """One passed and one skipped test do not make the figure green."""
    skipped = passing.tests[0].model_copy(update={"outcome": "skipped"})
    shown = key_figures_of(passing.model_copy(update={"tests": (passing.tests[0], skipped)}))
    assert [(one.value, one.note, one.tone) for one in shown if one.name == "Tests passed"] == [("1 of 2", "1 skipped", "unsure")]


def test_a_run_without_measurements_shows_only_its_duration(setup_failed: RunReport) -> None:
    """Missing figures are not shown as zero; the time to the first test is shown."""
    waited = PhaseTiming(name="time to first test", started=setup_failed.run.started, seconds=61.0)
    shown = key_figures_of(setup_failed.model_copy(update={"tests": (), "phases": (*setup_failed.phases, waited)}))
    assert [(one.name, one.note) for one in shown] == [("Time", "1 min 1 s to the first test")]
