"""What GitHub's API says of a pull request, a run and their surroundings, as plain data."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True)
class PullState:
    """A pull request as the API shows it now.

    `head_repository_id` is that of its branch's repository, 0 when that is gone. `comments` is how many conversation
    comments it has and `changed_files` how many files it changes; a list of pull requests says 0 for both.
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
    """A reusable workflow that a run has called: `OWNER/REPOSITORY/.github/workflows/NAME.yml@REF`, and its commit."""

    path: str
    sha: str


@dataclass(frozen=True)
class WorkflowRun:
    """A run of a workflow, as GitHub itself describes it; `head_repository_id` is 0 when that repository is gone.

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
    """A job of a run: its name as GitHub shows it, and how it ended (empty before that)."""

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
    """A file of a pull request; `previous` is the name that a renamed or copied one had."""

    name: str
    previous: str = ""
    status: str = "modified"


@dataclass(frozen=True)
class TimelineEvent:
    """Something that happened to a pull request; `at` is in seconds since 1970, 0 where GitHub gives no time."""

    kind: str
    at: float
    actor: str = ""
    actor_id: int = 0
    label: str = ""


def moment(text: str) -> float:
    """Seconds since 1970 of a time such as 2026-09-20T10:00:00Z; raises `ValueError` for anything else."""
    return dt.datetime.fromisoformat(text).timestamp()
