"""`kindgate.github.approval`: a maintainer's label counts only for the commit that was current when it was set."""

from __future__ import annotations

from typing import Any

import pytest

from kindgate.errors import PublishRefused
from kindgate.github.identity import Expected
from kindgate.github.publication import Request
from kindgate.report.run_report import RunReport
from tests.unit.github.standin import BASE, HEAD, Fault, StandIn, document
from tests.unit.github.test_commit_status import queue
from tests.unit.github.test_publish import SECOND, publish, push, upload

pytestmark = pytest.mark.usefixtures("in_process")

BEFORE, RUN_AT, AFTER, LATER = ("2026-09-20T09:59:00Z", "2026-09-20T10:00:00Z", "2026-09-20T10:20:00Z", "2026-09-20T10:30:00Z")
"""The stand-in's run was requested at RUN_AT, by the push of its head."""

WORKFLOW = ".github/workflows/ci.yml"


@pytest.fixture(name="changing")
def _changing(fork: StandIn, passing: RunReport) -> StandIn:
    """A pull request that changes the workflow and has a passing run."""
    fork.files = [document("replies", "file") | {"filename": WORKFLOW}]
    upload(fork, passing)
    return fork


def test_a_maintainers_label_after_the_push_approves_a_changed_workflow(changing: StandIn) -> None:
    """The comment names the maintainer who approved."""
    changing.label(AFTER)

    published = publish(changing)

    assert published.exit_code == 0
    assert changing.status()["state"] == "success"
    assert "approved by `maintainer`" in changing.written()[0]


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ({"at": BEFORE}, "before this commit was pushed"),
        ({"at": RUN_AT}, "before this commit was pushed"),
        ({"at": AFTER, "actor": "triager"}, "no write access"),
        ({"at": AFTER, "actor": "mona"}, "no write access"),
        ({"at": AFTER, "actor": "github-actions[bot]"}, "no write access"),
        ({"at": AFTER, "name": "approved"}, ""),
    ],
)
def test_other_labels_are_ignored(changing: StandIn, label: dict[str, Any], words: str) -> None:
    """A label set before the push or by an actor without write access has no effect, and the comment gives the reason."""
    changing.label(**label)

    published = publish(changing)

    assert published.exit_code == PublishRefused.exit_code
    assert changing.status()["state"] == "error"
    assert words in changing.written()[0]
    assert "approved by" not in changing.written()[0]


def test_a_removed_label_no_longer_counts(changing: StandIn) -> None:
    """Publishing again after the label was removed changes the comment and the status."""
    changing.label(AFTER)
    publish(changing)
    changing.label(LATER, kind="unlabeled")

    publish(changing, Request(pull=17, expected=Expected(WORKFLOW)))

    assert changing.status()["state"] == "error"
    assert "UNTRUSTED" in changing.written()[0].split("\n")[1]


def test_setting_the_label_publishes_again(changing: StandIn) -> None:
    """A label event names no run, so the pull request's number is used; the existing comment is updated."""
    publish(changing)
    assert changing.status()["state"] == "error"
    changing.label(AFTER)

    published = publish(changing, Request(pull=17, expected=Expected(WORKFLOW)))

    assert published.exit_code == 0
    assert changing.status()["state"] == "success"
    (body,) = changing.written()
    assert "PASS" in body.split("\n")[1]


def test_a_label_before_the_first_run_has_nothing_to_publish(fork: StandIn) -> None:
    """Before the first run there is nothing to publish; that run's own event publishes it."""
    fork.run["head_sha"] = SECOND

    published = publish(fork, Request(pull=17, expected=Expected(WORKFLOW)))

    assert "no run of" in published.results[0].line
    assert fork.statuses == []


def test_a_later_push_invalidates_the_approval(changing: StandIn, passing: RunReport) -> None:
    """A new push invalidates the approval."""
    changing.label(AFTER)
    push(changing, created_at=LATER)
    upload(changing, passing)

    published = publish(changing, Request(9002))

    assert published.exit_code == PublishRefused.exit_code
    assert changing.status(SECOND)["state"] == "error"


def test_a_forced_push_to_an_older_commit_invalidates_the_approval(changing: StandIn) -> None:
    """A forced push to an older commit reuses its old run, so the time of the push comes from the timeline."""
    changing.label(AFTER)
    changing.add_event("head_ref_force_pushed", LATER, "mona")

    assert publish(changing).exit_code == PublishRefused.exit_code


def test_a_user_with_a_maintainers_former_name_cannot_approve(changing: StandIn) -> None:
    """A login can be taken over, but an id cannot."""
    changing.label(AFTER)
    changing.people["maintainer"] = (4711, "write")

    assert publish(changing).exit_code == PublishRefused.exit_code


def test_an_unknown_permission_is_no_approval(changing: StandIn) -> None:
    """If GitHub does not return the actor's permission, the label does not count."""
    changing.label(AFTER)
    changing.fail("GET .*/permission", Fault("read_only_token"))

    assert publish(changing).exit_code == PublishRefused.exit_code
    assert "unknown" in changing.written()[0]


def test_a_timeline_above_the_limit_is_refused(changing: StandIn) -> None:
    """The timeline is read up to a limit, and the status is then an error."""
    changing.timeline = [document("replies", "timeline_event") | {"event": "commented"} for _ in range(3100)]
    changing.label(AFTER)

    assert publish(changing).exit_code == PublishRefused.exit_code
    assert changing.status()["state"] == "error"


def test_events_of_any_form_are_read(changing: StandIn) -> None:
    """Commits without actor or time and deleted users (null) are accepted."""
    changing.timeline = [{"event": "committed", "sha": HEAD}, document("replies", "timeline_event") | {"actor": None}]
    changing.label(AFTER)

    assert publish(changing).exit_code == 0


def test_a_changed_base_branch_requires_a_new_run(fork: StandIn, passing: RunReport) -> None:
    """The run judged a merge with the old base under its rules, which a label does not change."""
    upload(fork, passing)
    fork.add_event("base_ref_changed", AFTER, "mona")
    fork.label(LATER)

    published = publish(fork)

    assert published.exit_code == PublishRefused.exit_code
    assert "base branch was changed" in fork.written()[0]


def test_a_base_branch_changed_before_the_run_is_ignored(fork: StandIn, passing: RunReport) -> None:
    """A base change before the run does not matter: the run merged with the new base."""
    upload(fork, passing)
    fork.add_event("base_ref_changed", BEFORE, "mona")

    assert publish(fork).exit_code == 0


@pytest.mark.parametrize(("at", "code"), [(AFTER, 0), (BEFORE, PublishRefused.exit_code)])
def test_an_approved_pull_request_stays_approved_in_the_queue(github: StandIn, passing: RunReport, at: str, code: int) -> None:
    """The time of the pull request's own push counts; the merge group's commit is created by GitHub."""
    own = github.run | {"id": 9000, "head_branch": "faster", "head_repository": github.run["repository"], "head_sha": SECOND}
    github.pull["head"]["sha"] = SECOND
    queue(github)
    github.contents[WORKFLOW, HEAD] = "changed"
    github.other_runs.append(own)
    github.label(at)
    upload(github, passing)

    published = publish(github)

    assert (WORKFLOW, BASE) in github.contents
    assert published.exit_code == code
