"""`kindgate verify`, `kindgate report --post` and `kindgate publish`, called as the workflows do, on a stand-in for GitHub."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kindgate.model import Verdict
from kindgate.report.objective_records import ThresholdOutcome
from kindgate.report.run_report import Outcome, PullRequest, Run, RunReport, TestResult
from tests.unit.actions_runner import read_as_commands
from tests.unit.github.standin import HEAD, REPOSITORY, TOKEN, Fault, StandIn, document, serving
from tests.unit.github.test_artifact import packed
from tests.unit.report.judged_runs import judged_figures

pytestmark = pytest.mark.usefixtures("forks")

BAD_SETTING, MISSED, NOT_POSTED, REFUSED, NO_VERDICT = 10, 20, 23, 24, 28


@functools.cache
def passed() -> RunReport:
    """Return a report whose objective is met; judging takes most of a second, which no other test's collection should pay."""
    return RunReport(
        run=Run(id="9001-1", started=1_790_000_000.0, seconds=60.0),
        outcome=Outcome.PASSED,
        exit_code=0,
        tests=(TestResult(node_id="test_slo.py::test_slo", outcome="passed", seconds=1.0),),
        objectives=(ThresholdOutcome(metric="http_req_duration", expression="p(95)<50", verdict=Verdict.PASS),),
        **judged_figures("p(95)<50", bursts=4, median=5.0),
        pull_request=PullRequest(repository=REPOSITORY, head_sha=HEAD, run_id=9001, attempt=1),
    )


def failed() -> RunReport:
    """Return a report whose objective is missed."""
    missed = passed().objectives[0].model_copy(update={"verdict": Verdict.FAIL})
    return passed().model_copy(update={"objectives": (missed,)} | judged_figures("p(95)<50", bursts=4, median=55.0))


def unjudged() -> RunReport:
    """Return a report without objectives."""
    return passed().model_copy(update={"objectives": (), "judged": (), "figures": ()})


@pytest.fixture(name="github")
def _github() -> Iterator[StandIn]:
    with serving(StandIn()) as standin:
        yield standin


def run_kindgate(github: StandIn, folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Return what a command does in a workflow step."""
    variables = os.environ | github.environment | {"PYTHONPATH": str(Path(__file__).parents[3])} | environment
    command = [sys.executable, "-c", "from kindgate.cli import main; main()", *arguments]
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False, timeout=120)


def as_fork(github: StandIn) -> None:
    """Turn the pull request into one from a fork."""
    github.pull["head"] |= document("events", "pull_request_fork")["pull_request"]["head"]


def test_downloaded_legs_become_one_comment(github: StandIn, tmp_path: Path) -> None:
    """Folders have the layout of `actions/download-artifact`; a missing matrix job is named, and one option can name several."""
    folder = tmp_path / "legs" / "kindgate-report-a-1"
    folder.mkdir(parents=True)
    (folder / "report.json").write_text(passed().model_dump_json())

    result = run_kindgate(github, tmp_path, "report", "--post", "--input", "legs", "--leg", "a b", KINDGATE_GITHUB_ID="e2e")

    assert result.returncode == NO_VERDICT, result.stderr
    assert "comment created on #17" in result.stdout.splitlines()
    (body,) = github.written()
    assert body.startswith("<!-- kindgate:e2e v1 ")
    assert "no report from `b`" in body


def test_a_post_about_an_empty_folder_fails(github: StandIn, tmp_path: Path) -> None:
    """The comment and the exit code both report the missing report."""
    (tmp_path / "legs").mkdir()

    result = run_kindgate(github, tmp_path, "report", "--post", "--input", "legs")

    assert result.returncode == NO_VERDICT
    assert len(github.written()) == 1


OTHER_HEAD, OTHER_RUN = PullRequest(head_sha="b" * 40, run_id=9001), PullRequest(head_sha=HEAD, run_id=9000)


@pytest.mark.parametrize(
    ("report", "more", "code"),
    [
        (passed, [], 0),
        (failed, [], MISSED),
        (lambda: passed().model_copy(update=judged_figures("p(95)<50", bursts=4, median=55.0)), [], MISSED),
        (unjudged, [], NO_VERDICT),
        (unjudged, ["--require", "tests"], 0),
        (passed, ["--require", "tests comparison"], NO_VERDICT),
        (lambda: passed().model_copy(update={"pull_request": OTHER_HEAD}), [], REFUSED),
        (lambda: passed().model_copy(update={"pull_request": OTHER_RUN}), [], REFUSED),
        (lambda: passed().model_copy(update={"outcome": Outcome.INTERRUPTED, "exit_code": 2}), [], NO_VERDICT),
        (None, [], NO_VERDICT),
    ],
)
def test_verify_and_a_post_end_with_the_same_code(
    github: StandIn, tmp_path: Path, report: Callable[[], RunReport] | None, more: list[str], code: int
) -> None:
    """In a workflow both compare the report with the run that they are part of."""
    folder = tmp_path / "legs" / "kindgate-report-e2e-1"
    folder.mkdir(parents=True)
    (folder / "report.json").write_text(report().model_dump_json() if report else "{}")

    commands = [
        run_kindgate(github, tmp_path, *command, "legs", "--leg", "e2e", *more) for command in (["report", "--post", "--input"], ["verify"])
    ]

    assert [result.returncode for result in commands] == [code, code], [result.stdout + result.stderr for result in commands]
    assert len(github.written()) == 1
    assert [line for line in commands[1].stdout.splitlines() if line.startswith("e2e: ")] != []


def test_an_slo_file_without_objectives_requires_none(github: StandIn, tmp_path: Path) -> None:
    """If the SLO file is available and no option says otherwise, it decides what a matrix job must judge."""
    (tmp_path / "report.json").write_text(unjudged().model_dump_json())
    (tmp_path / "slo.yaml").write_text("compare: {p(95): {max_regression: 10%}}\n")
    (tmp_path / "full.yaml").write_text("thresholds: {http_req_failed: [rate<0.01]}\n")

    files = ("slo.yaml", "full.yaml")
    codes = [run_kindgate(github, tmp_path, "verify", "report.json", "--leg", "e2e", "--slo-file", file) for file in files]

    assert [result.returncode for result in codes] == [0, NO_VERDICT], codes[0].stderr + codes[1].stderr


def test_an_unknown_required_check_is_refused(github: StandIn, tmp_path: Path) -> None:
    """A typo must not weaken the requirements."""
    assert run_kindgate(github, tmp_path, "verify", "legs", "--require", "test").returncode == BAD_SETTING


def test_a_failed_required_comment_fails_the_job(github: StandIn, tmp_path: Path) -> None:
    """The error says what to do and does not contain the token."""
    (tmp_path / "only.json").write_text(passed().model_dump_json())
    github.fail("POST", Fault("read_only_token"))

    result = run_kindgate(github, tmp_path, "report", "--post", "--input", "only.json", KINDGATE_GITHUB_COMMENT="require")

    assert result.returncode == NOT_POSTED
    assert "pull-requests: write" in result.stderr
    assert TOKEN not in result.stdout + result.stderr


def test_a_forks_run_is_published(github: StandIn, tmp_path: Path) -> None:
    """A `workflow_run` workflow publishes it, and no printed line is a workflow command."""
    as_fork(github)
    github.upload("kindgate-report-e2e-1", packed(("report.json", passed().model_dump_json().encode())))

    result = run_kindgate(github, tmp_path, "publish", "--run-id", "9001", "--leg", "e2e", GITHUB_EVENT_NAME="workflow_run")

    assert result.returncode == 0, result.stderr
    assert "comment created on #17" in result.stdout.splitlines()
    assert read_as_commands(result.stdout.splitlines()) == []
    assert "PASS" in github.written()[0]


@pytest.mark.parametrize(
    "archive",
    [
        lambda: packed(("../report.json", passed().model_dump_json().encode())),
        lambda: packed(("report.json", b'{"\\n::error::forged": 1}')),
        lambda: b"no archive",
    ],
    ids=["traversal", "a field that forges", "no archive"],
)
def test_a_hostile_artifact_gives_no_verdict(github: StandIn, tmp_path: Path, archive: Callable[[], bytes]) -> None:
    """It has its own exit code and comment, without a traceback, and nothing is extracted."""
    as_fork(github)
    github.upload("kindgate-report-e2e-1", archive())
    before = sorted(tmp_path.parent.rglob("*"))

    result = run_kindgate(github, tmp_path, "publish", "--run-id", "9001", GITHUB_EVENT_NAME="workflow_run")

    assert result.returncode == NO_VERDICT
    assert "Traceback" not in result.stderr
    assert read_as_commands([*result.stdout.splitlines(), *result.stderr.splitlines()]) == []
    assert "NO VERDICT" in github.written()[0]
    assert sorted(tmp_path.parent.rglob("*")) == before
