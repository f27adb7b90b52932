"""Whether a run is one of the workflow that judges: by its file, by the reusable workflow that it called, and by what was changed.

Under `pull_request` GitHub takes the workflow's file from the pull request itself. So a run proves something only if
GitHub says that it is of the expected file, called the expected commit of the judge, and the pull request changes no workflow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from kindgate.github.replies import WorkflowRun

JUDGED_EVENTS = frozenset({"pull_request", "merge_group", "push"})
"""Events whose runs get a verdict; those of others prove nothing about a commit that somebody wants to merge."""

MACHINERY = (".github/workflows/", ".github/actions/")
"""Folders of what GitHub itself runs."""

_MERGE_GROUP = re.compile(r"gh-readonly-queue/(?P<base>.+)/pr-(?P<number>[1-9][0-9]*)-(?P<sha>[0-9a-f]{40}|[0-9a-f]{64})")


@dataclass(frozen=True)
class Expected:
    """The workflow whose runs count; what is empty is not compared.

    `workflow` is its file, such as `.github/workflows/kindgate.yml`. `judge` is the reusable workflow that it must have
    called: `OWNER/REPOSITORY/.github/workflows/e2e.yml@COMMIT`, or a file of the repository itself, without a commit.
    """

    workflow: str = ""
    judge: str = ""


ANY_WORKFLOW = Expected()


@dataclass(frozen=True)
class QueueEntry:
    """What the branch of a merge queue is about: a pull request, the base branch, and the commit that it is put upon."""

    number: int
    base_ref: str
    base_sha: str


def queue_entry(branch: str) -> QueueEntry | None:
    """What a merge queue's branch is about; None for any other branch."""
    found = _MERGE_GROUP.fullmatch(branch)
    return QueueEntry(int(found["number"]), found["base"], found["sha"]) if found else None


def objection_to(run: WorkflowRun, expected: Expected, repository: str, *, uploaded: bool) -> str:
    """Why a run is not one of the workflow that judges; empty when it is.

    `uploaded` is whether it sent a report: a run that ended before its first job may not have called anything.
    """
    file = _own_file(run.path, repository)
    if expected.workflow and file != expected.workflow:
        return f"the run is from {file or run.path}, not from {expected.workflow}"
    if not (expected.judge and uploaded):
        return ""
    wanted, _, commit = expected.judge.partition("@")
    wanted = f"{repository}/{wanted.removeprefix('./')}" if wanted.startswith((".github/", "./")) else wanted
    called = [one for one in run.called if one.path.partition("@")[0].lower() == wanted.lower()]
    if not called:
        return f"the run did not call {wanted}"
    other = next((one.sha for one in called if commit and one.sha != commit), "")
    return f"the run called {wanted} at {other[:10]}, not at {commit[:10]}" if other else ""


def changed_machinery(files: Iterable[str]) -> tuple[str, ...]:
    """The workflows and actions among the files that a pull request changes."""
    return tuple(sorted({file for file in files if file.startswith(MACHINERY)}))


def _own_file(path: str, repository: str) -> str:
    """A run's workflow as a file of the repository; empty for one of another repository (a ruleset's workflow)."""
    file = path.partition("@")[0]
    if file.startswith(".github/"):
        return file
    prefix = f"{repository}/".lower()
    return file[len(prefix) :] if file.lower().startswith(prefix) else ""
