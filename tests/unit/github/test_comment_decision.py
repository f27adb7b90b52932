"""`kindgate.github.comment_decision`: the decision about a comment, from plain data."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.github.comment_decision import Comment, Create, Edit, Keep, Mode, Skip, comment_attempt, plan
from kindgate.github.comment_marker import Marker
from kindgate.github.context import Context, PullRequest
from tests.unit.github.standin import BASE, BOT, HEAD

OURS = Marker("ci", HEAD, 9001, 1, "a" * 16)
MODES: tuple[Mode, ...] = ("auto", "always", "on-change", "on-failure", "require")
PULL = PullRequest(17, HEAD, BASE, "acme/shop")
HERE = Context(event="pull_request", repository="acme/shop", run_id=9001, actor="mona", token="t", pull=PULL)


def comment(number: int, marker: Marker, author: str = BOT) -> Comment:
    """Build a comment with only its marker."""
    return Comment(number, author, f"{marker}\nbody")


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_except_never_posts_on_a_pull_request(mode: Mode) -> None:
    """Every mode except `never` comments on a pull request of the same repository with a token."""
    assert comment_attempt(HERE, mode).post


def test_never_means_never() -> None:
    """With `never`, the jobs of a matrix leave the comment to the publishing job."""
    assert not comment_attempt(HERE, "never").post


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("event", ["push", "merge_group", "schedule", "workflow_dispatch", ""])
def test_a_run_without_a_pull_request_is_skipped_silently(mode: Mode, event: str) -> None:
    """A required comment is required on pull requests only."""
    found = comment_attempt(replace(HERE, event=event, pull=None), mode)

    assert (found.post, found.silent) == (False, True)
    assert found.reason.endswith("comment skipped")


@pytest.mark.parametrize("change", [{"token": ""}, {"defect": "broken", "pull": None}])
def test_a_missing_requirement_on_a_pull_request_is_reported(change: dict[str, str | None]) -> None:
    """Without a token or payload, a pull request's missing comment is reported."""
    found = comment_attempt(replace(HERE, **change), "require")  # type: ignore[arg-type]  # the fields' own types

    assert (found.post, found.silent) == (False, False)


@pytest.mark.parametrize(
    ("mode", "tries"), [("auto", False), ("on-change", False), ("on-failure", False), ("always", True), ("require", True)]
)
def test_a_fork_leaves_the_comment_to_the_publishing_workflow(mode: Mode, *, tries: bool) -> None:
    """On a fork only `always` and `require` try with the token at hand; otherwise the publishing workflow comments."""
    fork = replace(HERE, pull=replace(PULL, head_repository="mona/shop"))

    found = comment_attempt(fork, mode)

    assert found.post is tries
    assert tries or "publishing workflow" in found.reason


@pytest.mark.parametrize("mode", ["auto", "always", "on-change", "require"])
def test_the_first_comment_is_created(mode: Mode) -> None:
    """Comments by others are never edited, even if they quote ours."""
    others = [Comment(1, "mona", f"{OURS}\n"), Comment(2, BOT, f"> {OURS}"), comment(3, replace(OURS, id="other"))]

    assert plan(mode, OURS, author=BOT, passed=True, comments=others).action == Create()


@pytest.mark.parametrize("mode", MODES)
def test_an_older_runs_comment_is_edited(mode: Mode) -> None:
    """The next run replaces the verdict in the same comment."""
    old = comment(5, replace(OURS, run=9000, digest="b" * 16))

    assert plan(mode, OURS, author=BOT, passed=True, comments=[old]).action == Edit(old)


def test_the_author_is_compared_without_case() -> None:
    """Logins are compared case-insensitively."""
    old = comment(5, replace(OURS, run=9000), author="GitHub-Actions[bot]")

    assert plan("auto", OURS, author=BOT, passed=True, comments=[old]).action == Edit(old)


@pytest.mark.parametrize("newer", [replace(OURS, run=9002), replace(OURS, attempt=2)])
@pytest.mark.parametrize("mode", MODES)
def test_a_newer_runs_comment_is_never_overwritten(mode: Mode, newer: Marker) -> None:
    """A slow run does not replace the comment of a newer run."""
    kept = comment(5, newer)

    action = plan(mode, OURS, author=BOT, passed=False, comments=[kept]).action

    assert isinstance(action, Keep)
    assert "newer run" in action.reason


def test_the_same_marker_is_not_written_twice() -> None:
    """Posting the same marker again does nothing."""
    kept = comment(5, OURS)

    assert plan("auto", OURS, author=BOT, passed=True, comments=[kept]).action == Keep(kept, "the comment is up to date")


@pytest.mark.parametrize(("digest", "edited"), [("a" * 16, False), ("b" * 16, True)])
def test_on_change_compares_the_digest(digest: str, *, edited: bool) -> None:
    """With `on-change`, new times are not a change, but a new verdict is."""
    old = comment(5, replace(OURS, run=9000, digest=digest))

    assert isinstance(plan("on-change", OURS, author=BOT, passed=True, comments=[old]).action, Edit) is edited


def test_on_failure_posts_failures_and_updates_them_on_success() -> None:
    """With `on-failure`, a passing run creates no comment, but updates an existing one."""
    old = comment(5, replace(OURS, run=9000))

    assert isinstance(plan("on-failure", OURS, author=BOT, passed=True, comments=[]).action, Skip)
    assert plan("on-failure", OURS, author=BOT, passed=False, comments=[]).action == Create()
    assert plan("on-failure", OURS, author=BOT, passed=True, comments=[old]).action == Edit(old)


@given(st.lists(st.tuples(st.integers(8990, 9010), st.integers(1, 3)), min_size=1, max_size=8), st.randoms())
def test_only_the_newest_of_several_comments_is_kept(ages: list[tuple[int, int]], random: object) -> None:
    """All posters keep the same comment, whatever the order of the list."""
    comments = [comment(number, replace(OURS, run=run, attempt=attempt)) for number, (run, attempt) in enumerate(ages, 1)]
    shuffled = list(comments)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis hands a random.Random

    planned = plan("auto", OURS, author=BOT, passed=True, comments=shuffled)

    assert isinstance(planned.action, Edit | Keep)
    newest = max(ages)
    assert planned.action.comment.id == 1 + ages.index(newest)
    assert {planned.action.comment.id} | {extra.id for extra in planned.duplicates} == {each.id for each in comments}
