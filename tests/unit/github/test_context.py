"""`kindgate.github.context` with the event types of GitHub."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.github.context import NOT_A_PULL_REQUEST, Context, context_of, read_context
from tests.unit.github.standin import BASE, HEAD, document

MERGE = "fedcba9876543210fedcba9876543210fedcba98"
EVENTS = Path(__file__).parent / "events"


def environment(event: str, **changes: str) -> dict[str, str]:
    """The environment variables of a run of `event`."""
    return {
        "GITHUB_ACTOR": "mona",
        "GITHUB_API_URL": "https://api.github.com",
        "GITHUB_EVENT_NAME": event,
        "GITHUB_REPOSITORY": "acme/shop",
        "GITHUB_RUN_ATTEMPT": "1",
        "GITHUB_RUN_ID": "9001",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_SHA": MERGE,
        "GITHUB_TOKEN": "ghs_secret",
        "GITHUB_WORKFLOW": "ci",
    } | changes


def context(fixture: str, event: str = "pull_request", **changes: str) -> Context:
    """The context of a run whose payload is a fixture file."""
    return context_of(environment(event, **changes), document("events", fixture))


def test_a_pull_request_of_the_same_repository_can_be_commented_on() -> None:
    """Number and commits come from the payload, and commenting is possible."""
    found = context("pull_request_same_repository")

    assert found.pull is not None
    assert (found.pull.number, found.pull.head_sha, found.pull.base_sha) == (17, HEAD, BASE)
    assert (found.obstacle, found.read_only) == ("", "")


def test_the_tested_commit_is_the_merge_and_the_head_is_from_the_event() -> None:
    """GITHUB_SHA of a pull_request run is the merge commit; the comment is about the head."""
    record = context("pull_request_same_repository").record()

    assert record is not None
    assert (record.head_sha, record.merge_sha, record.base_sha) == (HEAD, MERGE, BASE)
    assert record.run_url == "https://github.com/acme/shop/actions/runs/9001/attempts/1"


def test_a_workflow_run_event_refers_to_the_earlier_runs_commit() -> None:
    """GITHUB_SHA is then the default branch's; without a usable payload the commit is empty rather than wrong."""
    followed = context_of(environment("workflow_run"), {"workflow_run": {"head_sha": HEAD}}).record()
    unknown = context_of(environment("workflow_run"), {"workflow_run": {"head_sha": "main"}}).record()

    assert followed is not None
    assert unknown is not None
    assert (followed.head_sha, followed.merge_sha, followed.run_id) == (HEAD, "", 9001)
    assert unknown.head_sha == ""


@pytest.mark.parametrize("fixture", ["pull_request_fork", "pull_request_deleted_fork"])
def test_a_fork_has_a_read_only_token(fixture: str) -> None:
    """A head in another or a deleted repository is a fork."""
    found = context(fixture)

    assert found.from_fork
    assert "fork" in found.read_only
    assert found.obstacle == ""


@pytest.mark.parametrize("owner", ["acme", "new-owner"])
def test_a_renamed_or_transferred_repository_is_not_a_fork(owner: str) -> None:
    """A re-run has the first attempt's event with the old repository name, but the new name in its environment."""
    found = context("pull_request_same_repository", GITHUB_REPOSITORY=f"{owner}/new-shop", GITHUB_RUN_ATTEMPT="2")

    assert not found.from_fork
    assert found.read_only == ""


def test_a_fork_with_the_repositorys_old_name_is_a_fork() -> None:
    """A fork that took over the repository's old name has the same name but another id."""
    assert context("pull_request_fork", GITHUB_REPOSITORY="mona/shop").from_fork


def test_an_event_without_ids_is_compared_by_names() -> None:
    """Without ids in the payload, the repository names are compared."""
    payload = document("events", "pull_request_fork")
    for side in ("head", "base"):
        del payload["pull_request"][side]["repo"]["id"]

    assert context_of(environment("pull_request"), payload).from_fork
    assert not context_of(environment("pull_request", GITHUB_REPOSITORY="mona/shop"), payload).from_fork


def test_a_repositorys_name_is_compared_without_case() -> None:
    """Repository names are compared case-insensitively."""
    assert not context("pull_request_same_repository", GITHUB_REPOSITORY="Acme/Shop").from_fork


def test_a_person_rerunning_a_dependabot_run_keeps_it_read_only() -> None:
    """A re-run by a person keeps the first actor's rights; only the triggering actor changes."""
    found = context("pull_request_dependabot", GITHUB_ACTOR="dependabot[bot]", GITHUB_TRIGGERING_ACTOR="mona", GITHUB_RUN_ATTEMPT="2")

    assert "Dependabot" in found.read_only
    assert not found.from_fork


def test_a_persons_push_to_a_dependabot_branch_can_be_commented_on() -> None:
    """The rights are those of the actor, not of the pull request's author."""
    assert context("pull_request_dependabot", GITHUB_ACTOR="mona").read_only == ""


def test_a_rerun_has_the_first_payload_and_a_new_attempt() -> None:
    """A re-run has the first attempt's payload; only the attempt number differs."""
    first, rerun = (context("pull_request_same_repository", GITHUB_RUN_ATTEMPT=attempt) for attempt in ("1", "2"))

    assert first.pull == rerun.pull
    assert (first.attempt, rerun.attempt) == (1, 2)


@pytest.mark.parametrize("event", ["push", "merge_group", "schedule", "workflow_dispatch"])
def test_other_events_have_no_pull_request(event: str) -> None:
    """Other events get only a job summary and one line that explains it."""
    found = context(event, event)

    assert found.pull is None
    assert found.obstacle == NOT_A_PULL_REQUEST
    record = found.record()
    assert record is not None
    assert (record.number, record.head_sha, record.merge_sha) == (None, MERGE, "")


def test_pull_request_target_is_refused() -> None:
    """pull_request_target would give a writable token to untrusted code."""
    assert "pull_request_target" in context("pull_request_fork", "pull_request_target").obstacle


def test_the_context_is_empty_outside_of_actions() -> None:
    """Outside of Actions, there is no event."""
    found = read_context({})

    assert found.obstacle == "not in GitHub Actions, comment skipped"
    assert found.record() is None
    assert found.run_url == ""


def test_a_missing_token_is_reported() -> None:
    """A missing token is reported; it belongs in the environment of the posting step only."""
    assert "GITHUB_TOKEN" in context("pull_request_same_repository", GITHUB_TOKEN="").obstacle


def test_the_token_is_not_in_the_contexts_representation() -> None:
    """The context's repr can end up in a log, so it excludes the token."""
    assert "ghs_secret" not in repr(context("pull_request_same_repository"))


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        (("pull_request",), None, "pull_request"),
        (("pull_request", "number"), None, "pull_request.number"),
        (("pull_request", "number"), -1, "pull_request.number"),
        (("pull_request", "head"), None, "pull_request.head"),
        (("pull_request", "head", "sha"), "main", "pull_request.head.sha"),
        (("pull_request", "base", "sha"), None, "pull_request.base.sha"),
        (("pull_request", "head", "repo", "full_name"), "../..", "pull_request.head.repo.full_name"),
    ],
)
def test_a_missing_or_invalid_field_is_named(path: tuple[str, ...], value: object, place: str) -> None:
    """A malformed payload skips the comment and names the wrong field."""
    payload = document("events", "pull_request_same_repository")
    target = payload
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value

    found = context_of(environment("pull_request"), payload)

    assert found.pull is None
    assert place in found.obstacle


def test_the_event_is_read_from_its_file(tmp_path: Path) -> None:
    """The event is read from the file in GITHUB_EVENT_PATH."""
    event = tmp_path / "event.json"
    event.write_text(json.dumps(document("events", "pull_request_same_repository")))

    found = read_context(environment("pull_request", GITHUB_EVENT_PATH=str(event)))

    assert found.pull is not None
    assert found.pull.number == 17


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b"\xff\xfe", b"null"])
def test_an_unreadable_event_file_skips_the_comment(tmp_path: Path, content: bytes | None) -> None:
    """A missing or malformed event file does not fail the run."""
    event = tmp_path / "event.json"
    if content is not None:
        event.write_bytes(content)

    found = read_context(environment("pull_request", GITHUB_EVENT_PATH=str(event)))

    assert found.pull is None
    assert found.obstacle.endswith("comment skipped")


def test_invalid_variables_count_as_missing() -> None:
    """Values that are not valid in a URL or a report are dropped."""
    found = context(
        "pull_request_same_repository", GITHUB_RUN_ID="٣", GITHUB_SHA="main", GITHUB_API_URL="ftp://x", GITHUB_REPOSITORY="a/b/c"
    )

    assert (found.run_id, found.sha, found.repository) == (0, "", "")
    assert found.api_url == "https://api.github.com"
    assert "GITHUB_REPOSITORY" in found.obstacle


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["pull_request", "number", "head", "base", "sha", "repo", "user"]), inner)
        ),
        max_leaves=20,
    )
)
def test_an_arbitrary_payload_does_not_crash(payload: object) -> None:
    """Any payload yields either a pull request or a reason for its absence."""
    found = context_of(environment("pull_request"), payload)

    assert (found.pull is None) == bool(found.defect)
