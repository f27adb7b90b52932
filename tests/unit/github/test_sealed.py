"""A sealed run: the default branch's workflow judges the commit of the run that triggered it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kindgate.errors import PublishRefused
from kindgate.github.identity import Expected
from kindgate.github.publication import Published, Request, SealedRun
from kindgate.github.publish import publish_run
from kindgate.report.run_report import PullRequest, RunReport
from kindgate.settings import GitHubSettings
from tests.player.github import PlayedGitHub
from tests.unit.github.standin import BASE, HEAD, REPOSITORY, document, serving
from tests.unit.github.test_artifact import packed

pytestmark = pytest.mark.usefixtures("forks")

FILE = ".github/workflows/kindgate-report.yml"
JUDGE = f"acme/kindgate/.github/workflows/sealed.yml@{'1' * 40}"


@pytest.fixture(name="sealed")
def _sealed() -> Iterator[PlayedGitHub]:
    """A fork's pull request, its finished triggering run (9001) and the judging run (9002)."""
    with serving(PlayedGitHub()) as github:
        github.pull["head"] |= document("events", "pull_request_fork")["pull_request"]["head"]
        github.new_run(event="pull_request", path=".github/workflows/kindgate.yml", status="completed", conclusion="success")
        judge = github.new_run(event="workflow_run", path=FILE, head_sha=BASE, head_branch="main", status="in_progress")
        judge["head_repository"] = judge["repository"]
        judge["referenced_workflows"] = [{"path": JUDGE, "sha": "1" * 40}]
        yield github


def upload(github: PlayedGitHub, report: RunReport) -> None:
    """Upload the judging run's report as kindgate writes it there."""
    url = f"https://github.com/{REPOSITORY}/actions/runs/9002/attempts/1"
    record = PullRequest(repository=REPOSITORY, number=None, head_sha=HEAD, run_id=9002, attempt=1, run_url=url)
    content = report.model_copy(update={"pull_request": record, "links": ()}).model_dump_json().encode()
    github.upload("kindgate-report-e2e-1", packed(("report.json", content)))
    github.artifacts[-1]["workflow_run"] = github.artifacts[-1]["workflow_run"] | {"id": 9002}


def publish(github: PlayedGitHub, conclusion: str, judge: int = 9002) -> Published:
    """Publish as the publishing job of the sealed workflow does."""
    env = github.environment | {"GITHUB_EVENT_NAME": "workflow_run", "GITHUB_EVENT_PATH": ""}
    request = Request(9001, ["e2e"], Expected(FILE, JUDGE), sealed=SealedRun(judge, conclusion))
    return publish_run(request, GitHubSettings(id="e2e"), env)


def test_the_verdict_is_set_on_the_requesting_commit(sealed: PlayedGitHub, passing: RunReport) -> None:
    """Status and comment are on the triggering run's commit and link to the judging run."""
    upload(sealed, passing)

    assert publish(sealed, "success").exit_code == 0

    assert sealed.status(HEAD)["state"] == "success"
    assert sealed.status(HEAD)["target_url"].endswith("/actions/runs/9002/attempts/1")
    (body,) = sealed.written()
    assert "PASS" in body


def test_a_changed_workflow_does_not_invalidate_a_sealed_run(sealed: PlayedGitHub, passing: RunReport) -> None:
    """The judging workflow is the default branch's, so the pull request's changes do not matter."""
    sealed.files = [document("replies", "file") | {"filename": ".github/workflows/kindgate.yml"}]
    upload(sealed, passing)

    assert publish(sealed, "success").exit_code == 0


def test_the_status_is_pending_until_the_run_ends(sealed: PlayedGitHub) -> None:
    """The status is pending until the judging job ends, even if the triggering run has finished."""
    publish(sealed, "")
    assert sealed.status(HEAD)["state"] == "pending"


@pytest.mark.parametrize("conclusion", ["failure", "cancelled"])
def test_a_failed_judging_job_fails_the_status(sealed: PlayedGitHub, conclusion: str) -> None:
    """Without a report there is no verdict."""
    assert publish(sealed, conclusion).exit_code == 28
    assert sealed.status(HEAD)["state"] == "error"


def test_a_skipped_job_has_the_requesting_runs_conclusion(sealed: PlayedGitHub) -> None:
    """A skipped job reports the triggering run's reason, such as a pending approval."""
    sealed.runs[9001]["conclusion"] = "action_required"

    publish(sealed, "skipped")

    assert "approval" in sealed.status(HEAD)["description"]


def test_a_run_started_by_a_pull_request_cannot_judge_another(sealed: PlayedGitHub, passing: RunReport) -> None:
    """A run triggered by a pull request uses the pull request's own workflow file."""
    sealed.runs[9002]["event"] = "pull_request"
    upload(sealed, passing)

    with pytest.raises(PublishRefused, match="started by pull_request"):
        publish(sealed, "success")


@pytest.mark.parametrize(
    "changed",
    [{"path": ".github/workflows/other.yml"}, {"referenced_workflows": []}, {"referenced_workflows": [{"path": JUDGE, "sha": "2" * 40}]}],
)
def test_another_workflow_of_the_default_branch_is_untrusted(sealed: PlayedGitHub, passing: RunReport, changed: dict[str, object]) -> None:
    """Another workflow file or another commit of kindgate is untrusted."""
    sealed.runs[9002] |= changed
    upload(sealed, passing)

    assert publish(sealed, "success").exit_code == 24
    assert sealed.status(HEAD)["description"].startswith("UNTRUSTED")
