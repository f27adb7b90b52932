"""Keep exactly one kindgate comment in a pull request's conversation, in rounds that each start from its current state.

A round reads the comments, plans and writes. A write with an unknown outcome is followed by another round, never by the
same write: the comment may have been written although its reply was lost. GitHub has no conditional edit: if two runs edit
in the same second, either can win, which a `concurrency` group in the workflow prevents.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

from kindgate.errors import GitHubRefused, GitHubUnavailable, KindgateError
from kindgate.github.client import Api
from kindgate.github.comment_decision import Comment, Create, Edit, Keep, Mode, Skip, plan
from kindgate.github.comment_marker import Marker
from kindgate.github.replies import PullState
from kindgate.github.retry import retried
from kindgate.waiting import Deadline, Pause


@dataclass(frozen=True)
class Post:
    """A comment to post on a pull request, and its author; `body` starts with `marker`."""

    number: int
    marker: Marker
    body: str
    author: str
    mode: Mode
    passed: bool


@dataclass(frozen=True)
class PostResult:
    """Result of posting a comment: a line to print, its URL, and warnings."""

    line: str
    url: str = ""
    warnings: tuple[str, ...] = ()


@dataclass
class Conversation:
    """One pull request's conversation while a comment is posted."""

    api: Api
    post: Post
    deadline: Deadline
    pause: Pause = time.sleep
    _pull: PullState | None = None
    _listed: bool = False
    _created: Comment | None = None
    _written: PostResult | None = None
    _warnings: list[str] = field(default_factory=list)

    def converge(self) -> PostResult:
        """Post, and delete kindgate's other comments.

        Raises `GitHubError` if GitHub refuses or asks to wait beyond the deadline, `WaitTimeout` at the deadline. An error
        after the comment was written is only a warning.
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
                # Another run may have created one at the same time: both list again and agree on which to keep.
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
        """The current comments. The pull request itself states if there are none; a replica may not yet list the one just created."""
        first_listing, self._listed = not self._listed, True
        if first_listing and pull.comments == 0:
            return []
        listed = self.api.comments(self.post.number)
        if self._created is None:
            return listed
        created = replace(self._created, author=self.post.author)
        return [comment for comment in listed if comment.id != created.id] + [created]

    def _create(self) -> None:
        post = self.post
        self._created = created = self.api.create(post.number, post.body)
        self._written = PostResult(f"comment created on #{post.number}", created.url)
        if created.author.lower() != post.author.lower():
            self._warnings.append(
                f"the comment was written as {created.author!r}, but --github-author is {post.author!r}: the next run would not find it",
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
