"""Brings a pull request's conversation to exactly one comment of ours, in rounds that each start from what is there.

A round reads the comments, plans and writes. A write whose outcome is not known is followed by another round, never
by the same write again: the comment may have been written although its reply was lost. GitHub has no conditional
edit: of two runs that edit in the same second either may win, which a `concurrency` group in the workflow prevents.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

from kindgate.errors import GitHubRefused, GitHubUnavailable, KindgateError
from kindgate.github.api import Api
from kindgate.github.bounded import retried
from kindgate.github.decide import Comment, Create, Edit, Keep, Mode, Skip, plan
from kindgate.github.marker import Marker
from kindgate.github.replies import PullState
from kindgate.waiting import Deadline, Pause


@dataclass(frozen=True)
class Post:
    """What to say about a pull request, and as whom; `body` starts with `marker`."""

    number: int
    marker: Marker
    body: str
    author: str
    mode: Mode
    passed: bool


@dataclass(frozen=True)
class PostResult:
    """What became of a comment: a line to print, where it is, and what went wrong on the way."""

    line: str
    url: str = ""
    warnings: tuple[str, ...] = ()


@dataclass
class Conversation:
    """One pull request's conversation while a comment is posted into it."""

    api: Api
    post: Post
    deadline: Deadline
    pause: Pause = time.sleep
    _pull: PullState | None = None
    _looked: bool = False
    _created: Comment | None = None
    _written: PostResult | None = None
    _warnings: list[str] = field(default_factory=list)

    def settle(self) -> PostResult:
        """Post, and delete what else is ours.

        Raises `GitHubError` when GitHub refuses or asks to wait beyond the deadline, `WaitTimeout` at the deadline.
        What goes wrong after the comment was written is a warning.
        """
        try:
            result = retried(f"GitHub to accept the comment on #{self.post.number}", self._post, self.deadline, self.pause)
        except KindgateError as error:
            if self._written is None:
                raise
            result = self._written
            self._warnings.append(f"the comment was written, but then: {error}")
        return PostResult(result.line, result.url, tuple(self._warnings))

    def _post(self) -> PostResult:
        post = self.post
        pull = self._pull = self._pull or self.api.pull(post.number)
        if not pull.open:
            return PostResult(f"#{post.number} is closed, comment skipped")
        if pull.head_sha != post.marker.head:
            return PostResult(f"#{post.number} now has head {pull.head_sha[:10]}, comment skipped")
        planned = plan(post.mode, post.marker, author=post.author, passed=post.passed, comments=self._comments(pull))
        match planned.action:
            case Skip(reason):
                return PostResult(reason)
            case Create():
                self._create()
                # Somebody else may have created one at the same moment: both sides list again and agree on which stays.
                return self._post()
            case Edit(comment):
                self._edit(comment)
                result = PostResult(f"comment updated on #{post.number}", comment.url)
            case Keep(comment, reason):
                result = PostResult(reason, comment.url)
        self._written = self._written or result
        self._delete(planned.duplicates)
        return self._written

    def _comments(self, pull: PullState) -> list[Comment]:
        """What is there. The pull request itself says when there is nothing; a replica may not yet list what we created."""
        first_look, self._looked = not self._looked, True
        if first_look and pull.comments == 0:
            return []
        listed = self.api.comments(self.post.number)
        if self._created is None:
            return listed
        ours = replace(self._created, author=self.post.author)
        return [comment for comment in listed if comment.id != ours.id] + [ours]

    def _create(self) -> None:
        post = self.post
        self._created = made = self.api.create(post.number, post.body)
        self._written = PostResult(f"comment created on #{post.number}", made.url)
        if made.author.lower() != post.author.lower():
            self._warnings.append(
                f"the comment was written as {made.author!r}, but --github-author is {post.author!r}: the next run would not find it",
            )

    def _edit(self, comment: Comment) -> None:
        try:
            self.api.edit(self.post.number, comment, self.post.body)
        except GitHubRefused as error:
            if error.status not in {404, 410}:
                raise
            raise GitHubUnavailable(f"comment {comment.id} was deleted between reading and editing") from error

    def _delete(self, duplicates: tuple[Comment, ...]) -> None:
        for comment in duplicates:
            try:
                self.api.delete(self.post.number, comment)
            except GitHubRefused as error:
                self._warnings.append(error.message)
