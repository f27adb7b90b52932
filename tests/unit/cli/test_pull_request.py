"""`kindgate report --post` and `kindgate publish`, as the workflows call them, against a stand-in for GitHub."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kindgate.report.run import Outcome, Run, RunReport
from tests.unit.actions_runner import read_as_commands
from tests.unit.github.standin import TOKEN, Fault, StandIn, document, serving
from tests.unit.github.test_artifact import packed

REPORT = RunReport(run=Run(id="9001-1", started=1_790_000_000.0, seconds=60.0), outcome=Outcome.PASSED, exit_code=0)
NOT_POSTED, REFUSED = 23, 24


@pytest.fixture(name="github")
def _github() -> Iterator[StandIn]:
    with serving(StandIn()) as standin:
        yield standin


def called(github: StandIn, folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What a command does in a step of a workflow."""
    variables = os.environ | github.environment | {"PYTHONPATH": str(Path(__file__).parents[3])} | environment
    command = [sys.executable, "-c", "from kindgate.cli import main; main()", *arguments]
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False, timeout=120)


def as_fork(github: StandIn) -> None:
    """Let the pull request come from a fork."""
    github.pull["head"] |= document("events", "pull_request_fork")["pull_request"]["head"]


def test_the_legs_that_were_downloaded_become_one_comment(github: StandIn, tmp_path: Path) -> None:
    """As `actions/download-artifact` leaves them; a leg that is not there is named, several may stand in one option."""
    folder = tmp_path / "legs" / "kindgate-report-a-1"
    folder.mkdir(parents=True)
    (folder / "report.json").write_text(REPORT.model_dump_json())

    done = called(github, tmp_path, "report", "--post", "--input", "legs", "--leg", "a b", KINDGATE_GITHUB_ID="e2e")

    assert done.returncode == 0, done.stderr
    assert "comment created on #17" in done.stdout.splitlines()
    (body,) = github.written()
    assert body.startswith("<!-- kindgate:e2e v1 ")
    assert "no report from `b`" in body


def test_a_required_comment_that_cannot_be_written_fails_the_job(github: StandIn, tmp_path: Path) -> None:
    """With what to do about it, and without the token."""
    (tmp_path / "only.json").write_text(REPORT.model_dump_json())
    github.fail("POST", Fault("read_only_token"))

    done = called(github, tmp_path, "report", "--post", "--input", "only.json", KINDGATE_GITHUB_COMMENT="require")

    assert done.returncode == NOT_POSTED
    assert "pull-requests: write" in done.stderr
    assert TOKEN not in done.stdout + done.stderr


def test_a_forks_run_is_published(github: StandIn, tmp_path: Path) -> None:
    """From a `workflow_run` workflow; no line that is printed is a command."""
    as_fork(github)
    github.upload("kindgate-report-e2e-1", packed(("report.json", REPORT.model_dump_json().encode())))

    done = called(github, tmp_path, "publish", "--run-id", "9001", "--leg", "e2e", GITHUB_EVENT_NAME="workflow_run")

    assert done.returncode == 0, done.stderr
    assert "comment created on #17" in done.stdout.splitlines()
    assert read_as_commands(done.stdout.splitlines()) == []
    assert "PASS" in github.written()[0]


@pytest.mark.parametrize(
    "archive",
    [packed(("../report.json", REPORT.model_dump_json().encode())), packed(("report.json", b'{"\\n::error::forged": 1}')), b"no archive"],
    ids=["traversal", "a field that forges", "no archive"],
)
def test_a_hostile_artifact_ends_in_one_error(github: StandIn, tmp_path: Path, archive: bytes) -> None:
    """With an exit code of its own, no traceback, no comment, and nothing unpacked."""
    as_fork(github)
    github.upload("kindgate-report-e2e-1", archive)
    before = sorted(tmp_path.parent.rglob("*"))

    done = called(github, tmp_path, "publish", "--run-id", "9001", GITHUB_EVENT_NAME="workflow_run")

    assert done.returncode == REFUSED
    assert "Traceback" not in done.stderr
    assert read_as_commands(done.stderr.splitlines()) == []
    assert github.comments == []
    assert sorted(tmp_path.parent.rglob("*")) == before
