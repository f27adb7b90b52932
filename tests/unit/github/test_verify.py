"""`kindgate.github.verify`: match reports to legs and runs, and summarize each in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindgate.errors import SettingsError
from kindgate.github.context import context_of
from kindgate.github.verify import requirements_of, run_of, verify
from kindgate.report.decision import ANY_RUN, NO_REQUIREMENTS, Requirements, RunIdentity
from kindgate.report.run_report import Outcome, PullRequest, RunReport, SetupError

pytestmark = pytest.mark.usefixtures("forks")

HEAD = "a" * 40


def _write(file: Path, report: RunReport) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(report.model_dump_json())
    return file


@pytest.mark.parametrize(
    ("place", "given"),
    [
        ("report.json", "report.json"),
        ("report.json", "."),
        ("artifacts/report.json", "artifacts"),
        ("e2e.json", "e2e.json"),
        ("kindgate-report-e2e-1/report.json", "."),
        ("kindgate-report-e2e-1/report.json", "kindgate-report-e2e-1"),
        ("kindgate-report-e2e-1/report.json", "kindgate-report-e2e-1/report.json"),
    ],
)
def test_a_single_report_is_found_in_any_download_folder(tmp_path: Path, passing: RunReport, place: str, given: str) -> None:
    """A report is found by its path or in the folder that `download-artifact` creates."""
    _write(tmp_path / place, passing)

    assert verify([tmp_path / given], ["e2e"], NO_REQUIREMENTS, ANY_RUN).decision.may_merge


def test_a_report_does_not_count_for_another_leg(tmp_path: Path, passing: RunReport) -> None:
    """The folder of an artifact determines its leg."""
    _write(tmp_path / "kindgate-report-a-1/report.json", passing)

    found = verify([tmp_path], ["b"], NO_REQUIREMENTS, ANY_RUN)

    assert {leg: one.verdict for leg, one in found.decisions.items()} == {"b": "NO VERDICT"}
    assert found.decision.exit_code == 28


def test_requirements_apply_only_to_the_named_legs(tmp_path: Path, passing: RunReport) -> None:
    """The pattern `kindgate-report-a-*` also matches a leg `a-smoke`, which has other requirements."""
    _write(tmp_path / "kindgate-report-a-1/report.json", passing)
    _write(tmp_path / "kindgate-report-a-smoke-1/report.json", passing.model_copy(update={"objectives": (), "judged": ()}))

    assert verify([tmp_path], ["a"], requirements_of(["tests objectives"], "warn")).lines == ("a: PASS: 1 test passed, 1 objective met",)
    assert verify([tmp_path], ["a a-smoke"], requirements_of(["tests objectives"], "warn")).decision.verdict == "NO VERDICT"


@pytest.mark.parametrize(("conclusion", "code"), [("success", 0), ("failure", 24), ("cancelled", 24), ("skipped", 24), ("", 0)])
def test_a_report_contradicted_by_its_job_is_untrusted(tmp_path: Path, passing: RunReport, conclusion: str, code: int) -> None:
    """GitHub's job result takes precedence over the report."""
    file = _write(tmp_path / "report.json", passing)
    assert verify([file], ["e2e"], NO_REQUIREMENTS, conclusion=conclusion).decision.exit_code == code


def test_a_successful_job_without_a_verdict_is_no_contradiction(tmp_path: Path, passing: RunReport) -> None:
    """A passing job without a required part has no verdict, but it contradicts no report."""
    file = _write(tmp_path / "report.json", passing.model_copy(update={"objectives": (), "judged": ()}))
    found = verify([file], ["e2e"], requirements_of(["tests objectives"], "warn"), conclusion="success")
    assert found.lines == ("e2e: NO VERDICT: no objective was judged",)


def test_an_older_attempt_does_not_count_for_the_requested_one(tmp_path: Path, passing: RunReport) -> None:
    """An attempt without a report does not pass because of an earlier attempt's report."""
    record = PullRequest(head_sha=HEAD, run_id=7, attempt=1)
    _write(tmp_path / "kindgate-report-e2e-1/report.json", passing.model_copy(update={"pull_request": record}))

    codes = [verify([tmp_path], ["e2e"], NO_REQUIREMENTS, RunIdentity(HEAD, 7, attempt)).decision.exit_code for attempt in (1, 2)]

    assert codes == [0, 24]


def test_each_leg_has_one_line_for_any_report(tmp_path: Path, failing: RunReport) -> None:
    """Untrusted messages cannot start a new line."""
    error = SetupError(phase="deploy", message="no\n::error::forged\u202e")
    report = failing.model_copy(update={"outcome": Outcome.SETUP_FAILED, "setup_error": error, "objectives": (), "judged": ()})

    (line,) = verify([_write(tmp_path / "report.json", report)], ["e2e"], NO_REQUIREMENTS, ANY_RUN).lines

    assert line.startswith("e2e: SETUP FAILED: in phase deploy: no")
    assert "\n" not in line
    assert "\u202e" not in line


def test_no_reports_give_one_line(tmp_path: Path) -> None:
    """Without a leg's name, the line reports a missing verdict."""
    found = verify([tmp_path], [], NO_REQUIREMENTS, ANY_RUN)
    assert (found.lines, found.decision.exit_code) == (("NO VERDICT: no report was found",), 28)


def test_requirements_are_parsed_from_words() -> None:
    """Requirements can be in one argument or in several, as in a workflow input."""
    assert requirements_of(["tests, objectives"], "fail") == Requirements(tests=True, objectives=True, inconclusive="fail")
    assert requirements_of(["objectives", "comparison"], "warn") == Requirements(tests=False, objectives=True, comparison=True)
    with pytest.raises(SettingsError, match="'objective'"):
        requirements_of(["objective"], "warn")


def test_the_head_is_the_pull_requests_and_not_the_merge() -> None:
    """The head is the pull request's, not the merge commit; a push has its own commit."""
    pull = {"pull_request": {"number": 1, "head": {"sha": HEAD}, "base": {"sha": "b" * 40}}}
    env = {"GITHUB_REPOSITORY": "acme/shop", "GITHUB_SHA": "c" * 40, "GITHUB_RUN_ID": "7", "GITHUB_RUN_ATTEMPT": "2"}
    of_pull = context_of(env | {"GITHUB_EVENT_NAME": "pull_request"}, pull)
    of_push = context_of(env | {"GITHUB_EVENT_NAME": "push"}, None)

    assert run_of(of_pull, RunIdentity()) == RunIdentity(HEAD, 7)
    assert run_of(of_push, RunIdentity(attempt=2)) == RunIdentity("c" * 40, 7, 2)
    assert run_of(of_pull, RunIdentity("d" * 40)) == RunIdentity("d" * 40)
    assert run_of(context_of({}, None), RunIdentity()) == RunIdentity()
