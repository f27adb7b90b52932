"""The one module that imports PyGithub: each call is one request (lists: one per 100 items), errors are ours.

PyGithub's own retries are off. They bound no Retry-After header, never retry a PATCH and send a POST again whose
reply is lost; whoever calls this module decides about that.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

import requests

from kindgate.errors import GitHubError, GitHubRefused, GitHubUnavailable, clipped
from kindgate.github.decide import Comment

if TYPE_CHECKING:
    from github import Github, GithubException
    from github.PullRequest import PullRequest as PyGithubPull
    from github.Repository import Repository

READ_TIMEOUT = 15
"""Seconds that a connection may be silent."""

WRITE_PAUSE = 1.0
"""Seconds between two writes (docs.github.com, "Best practices for using the REST API")."""

_NEXT_STEPS = {
    401: "GITHUB_TOKEN has expired or is not a token of this GitHub",
    403: "give the job `permissions: pull-requests: write`; a locked conversation or an archived repository takes no comment",
    404: "the token cannot see this repository, or what was asked for has been deleted",
    410: "what was asked for has been deleted, or issues are disabled in this repository",
}


@dataclass(frozen=True)
class PullState:
    """A pull request as the API shows it now; `comments` is how many conversation comments it has.

    `head_repository_id` is that of its branch's repository, 0 when that is gone.
    """

    number: int
    head_sha: str
    head_repository_id: int
    base_sha: str
    open: bool
    comments: int = 0


@dataclass(frozen=True)
class WorkflowRun:
    """A finished run of a workflow, as GitHub itself describes it; `head_repository_id` is 0 when that repository is gone."""

    id: int
    attempt: int
    event: str
    status: str
    conclusion: str
    head_sha: str
    head_branch: str
    head_owner: str
    head_repository_id: int
    url: str
    workflow: str = ""


@dataclass(frozen=True)
class ArtifactInfo:
    """An uploaded artifact; `size` is that of its archive in bytes."""

    id: int
    name: str
    size: int
    expired: bool
    download_url: str


class Api:
    """A repository's API. Close it, or use it as a context manager.

    Every method raises `GitHubRefused` when GitHub says no and `GitHubUnavailable` when the outcome is not known or
    another try may succeed.
    """

    def __init__(
        self, base_url: str, token: str, repository: str, *, write_pause: float = WRITE_PAUSE, timeout: float = READ_TIMEOUT
    ) -> None:
        from github import Auth, Github  # noqa: PLC0415 - 0.2 s, and it adds a log handler

        self._github: Github = Github(
            auth=Auth.Token(token),
            base_url=base_url,
            lazy=True,
            per_page=100,
            timeout=max(1, math.ceil(timeout)),
            retry=None,
            seconds_between_requests=None,
            seconds_between_writes=write_pause,
            user_agent="kindgate",
        )
        self._repository: Repository = self._github.get_repo(repository)
        self._pulls: dict[int, PyGithubPull] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._github.close()

    def pull(self, number: int) -> PullState:
        """The pull request as it is now."""
        with _translated(f"read pull request #{number}"):
            pull = self._repository.get_pull(number)
            state = _state_of(pull, comments=pull.comments)
        self._pulls[number] = pull
        return state

    def open_pulls(self, owner: str, branch: str) -> list[PullState]:
        """The open pull requests from this branch of this owner's forks."""
        with _translated(f"list pull requests from {owner}:{branch}"):
            return [_state_of(pull) for pull in self._repository.get_pulls(state="open", head=f"{owner}:{branch}")]

    def comments(self, number: int) -> list[Comment]:
        """All conversation comments, oldest first."""
        with _translated(f"list the comments of #{number}"):
            return [
                Comment(comment.id, comment.user.login if comment.user else "", comment.body or "", comment.html_url)
                for comment in self._known(number).get_issue_comments()
            ]

    def create(self, number: int, body: str) -> Comment:
        """Write a comment. After `GitHubUnavailable` it may exist: list before writing again."""
        with _translated(f"comment on #{number}"):
            made = self._known(number).create_issue_comment(body)
            if not isinstance(made.raw_data.get("id"), int):
                raise GitHubUnavailable(f"comment on #{number}: the reply describes no comment")
            return Comment(made.id, made.user.login if made.user else "", body, made.html_url)

    def edit(self, number: int, comment: Comment, body: str) -> None:
        """Replace a comment's body. After `GitHubUnavailable` it may be replaced."""
        with _translated(f"edit comment {comment.id}"):
            edited = self._known(number).get_issue_comment(comment.id)
            edited.edit(body)
            if (edited.body or "").splitlines()[:1] != body.splitlines()[:1]:  # a reply without one is asked for again
                raise GitHubUnavailable(f"edit comment {comment.id}: the reply does not describe it")

    def delete(self, number: int, comment: Comment) -> None:
        """Delete a comment; one that is gone already is fine."""
        try:
            with _translated(f"delete comment {comment.id}"):
                self._known(number).get_issue_comment(comment.id).delete()
        except GitHubRefused as error:
            if error.status not in {404, 410}:
                raise

    def workflow_run(self, run_id: int) -> WorkflowRun:
        """A run, by its id."""
        with _translated(f"read workflow run {run_id}"):
            run = self._repository.get_workflow_run(run_id)
            head = run.head_repository
            return WorkflowRun(
                id=run.id,
                attempt=run.run_attempt,
                event=run.event,
                status=run.status,
                conclusion=run.conclusion or "",
                head_sha=run.head_sha,
                head_branch=run.head_branch,
                head_owner=head.owner.login if head else "",
                head_repository_id=head.id if head else 0,
                url=run.html_url,
                workflow=run.name or "",
            )

    def artifacts(self, run_id: int, *, at_most: int) -> list[ArtifactInfo]:
        """The artifacts of a run, of all its attempts; raises `GitHubError` above `at_most`, before it reads them all."""
        with _translated(f"list the artifacts of run {run_id}"):
            listed = self._repository.get_workflow_run(run_id).get_artifacts()
            found = []
            for artifact in listed:
                url = artifact.archive_download_url
                found.append(ArtifactInfo(artifact.id, artifact.name, artifact.size_in_bytes, artifact.expired, url))
                if len(found) > at_most:
                    raise GitHubError(f"run {run_id} has more than {at_most} artifacts")
            return found

    def merge_base(self, base: str, head: str) -> str:
        """The commit at which `head` left the history of `base`."""
        with _translated(f"compare {base} with {head}"):
            return self._repository.compare(base, head).merge_base_commit.sha

    def file(self, path: str, ref: str) -> str:
        """The text of a file at a commit; empty when there is none."""
        try:
            with _translated(f"read {path} at {ref}"):
                content = self._repository.get_contents(path, ref=ref)
        except GitHubRefused as error:
            if error.status == 404:
                return ""
            raise
        return "" if isinstance(content, list) else content.decoded_content.decode(errors="replace")

    def changed_files(self, number: int) -> list[str]:
        """The files that a pull request changes, old and new names of renamed ones (GitHub lists 3,000 at most)."""
        with _translated(f"list the files of #{number}"):
            return [
                name
                for file in self._known(number).get_files()
                for name in (file.filename, file.previous_filename if file.status == "renamed" else "")
                if name
            ]

    def _known(self, number: int) -> PyGithubPull:
        """The pull request that `pull` has read, so that its addresses need no request."""
        if number not in self._pulls:
            self.pull(number)
        return self._pulls[number]


def _state_of(pull: PyGithubPull, comments: int = 0) -> PullState:
    """`comments` is asked for apart: a list of pull requests does not say it, and PyGithub would send a request for it."""
    return PullState(
        number=pull.number,
        head_sha=pull.head.sha,
        head_repository_id=pull.head.repo.id if pull.head.repo else 0,
        base_sha=pull.base.sha,
        open=pull.state == "open",
        comments=comments,
    )


@contextmanager
def _translated(what: str) -> Iterator[None]:
    """Turn what PyGithub, requests and a broken reply raise into our errors."""
    from github import BadAttributeException, GithubException  # noqa: PLC0415 - see Api

    try:
        yield
    except GithubException as error:
        raise _error_of(what, error) from error
    except requests.RequestException as error:
        raise GitHubUnavailable(f"cannot {what}: {clipped(str(error), 300)}") from error
    except (BadAttributeException, AssertionError, AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
        # PyGithub asserts addresses and takes replies apart without looking: a proxy's page ends here
        raise GitHubUnavailable(
            f"cannot {what}: GitHub's reply makes no sense ({type(error).__name__}: {clipped(str(error), 200)})"
        ) from error


def _error_of(what: str, error: GithubException) -> GitHubError:
    """Whether GitHub refused or may be asked again (docs.github.com, "Rate limits for the REST API")."""
    message = clipped(str(error.message or (error.data or {}).get("message", "") or error.data), 300)
    headers = error.headers or {}
    text = f"cannot {what}: HTTP {error.status} {message}"
    limited = error.status == 429 or (error.status == 403 and ("retry-after" in headers or "rate limit" in message.lower()))
    if limited or error.status >= 500:
        return GitHubUnavailable(text, retry_after=_asked_wait(headers, limited=limited))
    return GitHubRefused(text, status=error.status, next_step=_NEXT_STEPS.get(error.status, ""))


def _asked_wait(headers: dict[str, str], *, limited: bool) -> float:
    """Seconds that GitHub asks to wait: by Retry-After, by the reset time of an empty quota, else a minute for a limit."""
    asked = headers.get("retry-after", "")
    if asked.isdigit():
        return float(asked)
    reset = headers.get("x-ratelimit-reset", "")
    if headers.get("x-ratelimit-remaining") == "0" and reset.isdigit():
        return max(0.0, float(reset) - time.time()) + 1
    return 60.0 if limited else 0.0
