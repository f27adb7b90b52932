"""Replies of GitHub's API about a pull request, a run and related objects, as plain data."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True)
class PullState:
    """The current state of a pull request.

    `head_repository_id` is that of its branch's repository, 0 if deleted. `comments` is the number of conversation comments
    and `changed_files` the number of changed files; both are 0 in a list of pull requests.
    """

    number: int
    head_sha: str
    head_repository_id: int
    base_sha: str
    open: bool
    comments: int = 0
    base_ref: str = ""
    head_ref: str = ""
    changed_files: int = 0


@dataclass(frozen=True)
class CalledWorkflow:
    """A reusable workflow that a run called: `OWNER/REPOSITORY/.github/workflows/NAME.yml@REF`, and its commit."""

    path: str
    sha: str


@dataclass(frozen=True)
class WorkflowRun:
    """A workflow run according to GitHub; `head_repository_id` is 0 if that repository is deleted.

    `path` is the workflow's file, `created` the time (seconds since 1970) at which the first attempt was requested.
    """

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
    path: str = ""
    created: float = 0.0
    called: tuple[CalledWorkflow, ...] = ()

    @property
    def attempt_url(self) -> str:
        """The page of the newest attempt."""
        return f"{self.url}/attempts/{self.attempt}"


@dataclass(frozen=True)
class JobInfo:
    """A job of a run: its name as shown by GitHub, and its conclusion (empty until it ends)."""

    name: str
    conclusion: str


@dataclass(frozen=True)
class ArtifactInfo:
    """An uploaded artifact; `size` is that of its archive in bytes."""

    id: int
    name: str
    size: int
    expired: bool
    download_url: str


@dataclass(frozen=True)
class ChangedFile:
    """A file of a pull request; `previous` is the old name of a renamed or copied one."""

    name: str
    previous: str = ""
    status: str = "modified"


@dataclass(frozen=True)
class TimelineEvent:
    """An event of a pull request; `at` is in seconds since 1970, 0 if GitHub gives no time."""

    kind: str
    at: float
    actor: str = ""
    actor_id: int = 0
    label: str = ""


def moment(text: str) -> float:
    """Convert a time such as 2026-09-20T10:00:00Z to seconds since 1970, in UTC unless it has a zone.

    Raises `ValueError` if it is not in ISO 8601 format.
    """
    time = dt.datetime.fromisoformat(text)
    return (time if time.tzinfo else time.replace(tzinfo=dt.UTC)).timestamp()
