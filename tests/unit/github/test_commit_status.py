"""`kindgate.github.commit_status`: the commit status required by branch protection, for pull requests, merge groups and pushes."""

from __future__ import annotations

import pytest

from kindgate.errors import GitHubError, PublishRefused
from kindgate.report.run_report import RunReport
from tests.unit.github.standin import BASE, HEAD, Fault, StandIn
from tests.unit.github.test_publish import SECOND, own, publish, send, upload

pytestmark = pytest.mark.usefixtures("in_process")


def test_a_requested_run_makes_the_status_pending(fork: StandIn) -> None:
    """A newer run replaces an earlier success with pending, even if it never ends."""
    fork.run |= {"status": "queued", "conclusion": None}

    published = publish(fork)

    assert fork.status()["state"] == "pending"
    assert fork.comments == []
    assert published.exit_code == 0


@pytest.mark.parametrize(
    ("report", "conclusion", "expected"),
    [
        ("passing", "success", ("success", 0)),
        ("failing", "failure", ("failure", 20)),
        ("passing", "failure", ("error", 24)),
        ("", "success", ("error", 28)),
        ("", "action_required", ("error", 28)),
    ],
)
def test_the_status_of_the_head_is_the_decision(
    fork: StandIn, report: str, conclusion: str, expected: tuple[str, int], request: pytest.FixtureRequest
) -> None:
    """The status is set on the commit GitHub names and links to the run; the exit code matches the decision."""
    fork.run["conclusion"] = conclusion
    if report:
        upload(fork, request.getfixturevalue(report))

    published = publish(fork)

    status = fork.status(HEAD)
    assert (status["state"], published.exit_code) == expected
    assert status["target_url"] == "https://github.com/acme/shop/actions/runs/9001/attempts/1"
    assert len(fork.statuses) == 1


def test_a_status_description_fits_and_has_no_invisible_text(fork: StandIn, passing: RunReport) -> None:
    """The description fits GitHub's 140 characters and quotes the part of the report that is untrusted."""
    report = own(fork, passing)
    assert report.pull_request is not None
    address = f"https://evil.example/{'x' * 400}"
    send(fork, report.model_copy(update={"pull_request": report.pull_request.model_copy(update={"run_url": address})}))

    publish(fork)

    assert fork.status()["description"].startswith("UNTRUSTED: the report links to https://evil.example")


def test_the_status_is_set_even_if_commenting_fails(fork: StandIn, failing: RunReport) -> None:
    """A locked conversation prevents the comment, but not the status."""
    fork.run["conclusion"] = "failure"
    fork.fail("POST .*/comments", Fault("locked"))
    upload(fork, failing)

    with pytest.raises(GitHubError, match="locked"):
        publish(fork)

    assert fork.status()["state"] == "failure"


def test_a_status_that_cannot_be_written_fails_the_job(fork: StandIn, passing: RunReport) -> None:
    """If the status cannot be written, the job fails with a next step."""
    fork.fail("POST .*/statuses/", Fault("read_only_token"))
    upload(fork, passing)

    with pytest.raises(GitHubError, match="set the status") as caught:
        publish(fork)

    assert "statuses: write" in caught.value.next_step


def queue(github: StandIn) -> None:
    """Make the run that of a merge group with pull request #17."""
    branch = f"gh-readonly-queue/main/pr-17-{BASE}"
    github.run |= {"event": "merge_group", "head_branch": branch, "head_repository": github.run["repository"]}
    for commit, application in ((BASE, "1"), (HEAD, "2")):
        github.contents |= {("app.py", commit): application, (".github/workflows/ci.yml", commit): "a"}


def test_a_merge_group_gets_its_status(github: StandIn, passing: RunReport) -> None:
    """The status is set on the merge group's own commit; there is no comment."""
    queue(github)
    upload(github, passing)

    published = publish(github)

    assert github.status(HEAD)["state"] == "success"
    assert github.comments == []
    assert published.exit_code == 0


def test_a_merge_group_whose_workflow_differs_is_untrusted(github: StandIn, passing: RunReport) -> None:
    """The workflow's content is compared, not its file name."""
    queue(github)
    github.contents[".github/workflows/ci.yml", HEAD] = "b"
    upload(github, passing)

    assert publish(github).exit_code == PublishRefused.exit_code
    assert github.status(HEAD)["state"] == "error"


@pytest.mark.parametrize(("branch", "cut"), [("main", False), ("gh-readonly-queue/main/pr-17", False), ("", True)])
def test_a_merge_group_that_cannot_be_compared_is_untrusted(github: StandIn, passing: RunReport, branch: str, *, cut: bool) -> None:
    """A merge group without a comparison is not a success."""
    queue(github)
    github.run["head_branch"] = branch or github.run["head_branch"]
    github.tree_is_cut = cut
    upload(github, passing)

    assert publish(github).exit_code == PublishRefused.exit_code


def pushed(github: StandIn, branch: str = "main") -> None:
    """Make the run that of a push."""
    github.run |= {"event": "push", "head_branch": branch, "head_repository": github.run["repository"]}
    github.main = HEAD


def test_a_push_to_the_default_branch_gets_its_status(github: StandIn, passing: RunReport) -> None:
    """A push to the default branch gets its status even if the branch has moved on."""
    pushed(github)
    github.main, github.merge_base = SECOND, HEAD
    upload(github, passing)

    publish(github)

    assert github.status(HEAD)["state"] == "success"
    assert github.comments == []


@pytest.mark.parametrize(("branch", "main"), [("faster", HEAD), ("main", SECOND)])
def test_a_push_elsewhere_sets_no_status(github: StandIn, passing: RunReport, branch: str, main: str) -> None:
    """A pull request's commit can be pushed to any branch with a modified workflow, and a tag can be named main."""
    pushed(github, branch)
    github.main = main
    upload(github, passing)

    publish(github)

    assert github.statuses == []


def test_an_outdated_run_does_not_change_the_status_of_the_new_head(fork: StandIn, passing: RunReport) -> None:
    """An old run does not change the status of a newer commit."""
    fork.pull["head"]["sha"] = SECOND
    upload(fork, passing)

    publish(fork)

    assert fork.status(SECOND) == {}
    assert fork.comments == []
