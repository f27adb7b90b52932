"""`kindgate.github.legs`: the reports of a matrix."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.github.legs import collect, leg_conclusions, newest_of_each_leg
from kindgate.github.replies import JobInfo
from kindgate.report.run_report import RunReport

pytestmark = pytest.mark.usefixtures("forks")


def test_the_newest_attempt_of_each_leg_counts() -> None:
    """After `re-run failed jobs`, the legs that passed have artifacts of the first attempt only."""
    names = ["kindgate-report-a-1", "kindgate-report-b-2", "kindgate-report-b-1", "kindgate-report-b-10", "coverage-1"]

    found = newest_of_each_leg((name, name) for name in names)

    assert [(each.leg, each.attempt, each.value) for each in found] == [("a", 1, names[0]), ("b", 10, names[3])]


@pytest.mark.parametrize(
    "name", ["kindgate-report-", "kindgate-report-1", "kindgate-report--1", "kindgate-report-a-1 ", "kindgate-report-a/b-1", "x"]
)
def test_other_artifact_names_are_ignored(name: str) -> None:
    """Only names that match the whole pattern are reports."""
    assert newest_of_each_leg([(name, 1)]) == []


def test_a_file_name_is_the_leg(tmp_path: Path, passing: RunReport) -> None:
    """`LEG.json` is the report of LEG."""
    path = tmp_path / "v1-36.json"
    path.write_text(passing.model_dump_json())

    found = collect([path])

    assert found.reports == {"v1-36": passing}
    assert (found.missing, found.problems) == ((), ())


def test_the_newest_report_of_each_leg_is_read_from_a_download_folder(tmp_path: Path, passing: RunReport, failing: RunReport) -> None:
    """`download-artifact` creates one folder per artifact; the newest report of each leg is used."""
    for name, report in [("kindgate-report-a-1", failing), ("kindgate-report-a-2", passing), ("kindgate-report-b-1", failing)]:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "report.json").write_text(report.model_dump_json())
    (tmp_path / "kindgate-evidence-a-1").mkdir()

    assert collect([tmp_path]).reports == {"a": passing, "b": failing}


def test_a_leg_without_a_report_is_named(tmp_path: Path, passing: RunReport) -> None:
    """A leg whose job ended early, or an expected leg that uploaded nothing usable, is named."""
    (tmp_path / "a.json").write_text(passing.model_dump_json())
    (tmp_path / "b.json").write_text("{}")

    found = collect([tmp_path / "a.json", tmp_path / "b.json", tmp_path / "c.json"], ["a, d"])

    assert list(found.reports) == ["a"]
    assert found.missing == ("b", "c", "d")
    assert len(found.problems) == 2


CONCLUSIONS = st.sampled_from(["success", "failure", "cancelled", "timed_out", "skipped", ""])


@given(judging=CONCLUSIONS, verifying=CONCLUSIONS, other=CONCLUSIONS)
def test_a_leg_succeeds_if_both_its_jobs_do(judging: str, verifying: str, other: str) -> None:
    """Jobs of other legs do not count, even if their name starts with this leg's."""
    jobs = [
        JobInfo("lint", other),
        JobInfo("suite / e2e-long", other),
        JobInfo("suite / e2e", judging),
        JobInfo("suite / e2e verdict", verifying),
    ]

    found = leg_conclusions(jobs, ["e2e"])

    assert (found["e2e"] == "success") == (judging == verifying == "success")


def test_a_leg_without_jobs_is_omitted() -> None:
    """A leg without jobs is omitted; the conclusion of the run counts for it."""
    assert leg_conclusions([JobInfo("lint", "success")], ["e2e"]) == {}
