"""Decide about the comment from plain data, without access to GitHub."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from kindgate.github.comment_marker import Marker, parse_marker
from kindgate.github.context import NOT_A_PULL_REQUEST, Context

Mode = Literal["auto", "always", "on-change", "on-failure", "never", "require"]


@dataclass(frozen=True)
class Comment:
    """A comment on the pull request, as GitHub lists it."""

    id: int
    author: str
    body: str
    url: str = ""


@dataclass(frozen=True)
class Create:
    """Write a new comment."""


@dataclass(frozen=True)
class Edit:
    """Replace the body of this comment."""

    comment: Comment


@dataclass(frozen=True)
class Keep:
    """Keep the existing comment, which is up to date for this run."""

    comment: Comment
    reason: str


@dataclass(frozen=True)
class Skip:
    """Write nothing, for this reason."""

    reason: str


@dataclass(frozen=True)
class Plan:
    """The comment to write, and kindgate's other comments to delete afterward."""

    action: Create | Edit | Keep | Skip
    duplicates: tuple[Comment, ...] = ()


@dataclass(frozen=True)
class Attempt:
    """Whether to try at all. `silent` reasons are not failures, even if a comment is required."""

    post: bool
    reason: str = ""
    silent: bool = True


def comment_attempt(context: Context, mode: Mode) -> Attempt:
    """Whether a comment can be posted from here, before any request to GitHub.

    `always` and `require` try with any token, because one with more permissions may have been given.
    """
    if mode == "never":
        return Attempt(post=False, reason="--github-comment=never, comment skipped")
    if context.obstacle:
        expected = context.event == "" or context.obstacle == NOT_A_PULL_REQUEST
        return Attempt(post=False, reason=context.obstacle, silent=expected)
    if context.read_only and mode not in {"always", "require"}:
        return Attempt(post=False, reason=f"{context.read_only}: the publishing workflow posts the comment")
    return Attempt(post=True)


def plan(mode: Mode, marker: Marker, *, author: str, passed: bool, comments: Iterable[Comment]) -> Plan:
    """Plan changes to `comments` that leave exactly one kindgate comment, about the newest run.

    kindgate's comments have a marker of the same id as their first line, and `author` as their author. `passed` is whether
    this run requires no action by a reviewer.
    """
    kindgate_comments = [(found, comment) for comment in comments if (found := _kindgate_marker(comment, marker.id, author)) is not None]
    if not kindgate_comments:
        if mode == "on-failure" and passed:
            return Plan(Skip("the run passed and no older comment exists, comment skipped (--github-comment=on-failure)"))
        return Plan(Create())
    kindgate_comments.sort(key=lambda pair: (-pair[0].run, -pair[0].attempt, pair[1].id))
    newest, comment = kindgate_comments[0]
    return Plan(_action(mode, marker, newest, comment), tuple(other for _, other in kindgate_comments[1:]))


def _kindgate_marker(comment: Comment, identity: str, author: str) -> Marker | None:
    if comment.author.lower() != author.lower():
        return None
    marker = parse_marker(comment.body)
    return marker if marker is not None and marker.id == identity else None


def _action(mode: Mode, marker: Marker, newest: Marker, comment: Comment) -> Edit | Keep:
    if newest == marker:
        return Keep(comment, "the comment is up to date")
    if newest.age > marker.age:
        return Keep(comment, f"the comment is about a newer run ({newest.run}, attempt {newest.attempt})")
    if mode == "on-change" and newest.digest == marker.digest:
        return Keep(comment, "nothing has changed since the last comment (--github-comment=on-change)")
    return Edit(comment)
