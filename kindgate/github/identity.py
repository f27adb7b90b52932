"""Whether a run belongs to the judging workflow: by its file, the reusable workflow that it called, and the changed files.

For `pull_request`, GitHub takes the workflow file from the pull request itself. A run therefore proves something only if
GitHub reports the expected file and the expected commit of the called judge, and the pull request changes no workflow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from kindgate.github.replies import WorkflowRun

JUDGED_EVENTS = frozenset({"pull_request", "merge_group", "push"})
"""Events whose runs get a verdict; other runs prove nothing about a commit to be merged."""

MACHINERY = (".github/workflows/", ".github/actions/")
"""Folders with code that GitHub itself runs."""

_MERGE_GROUP = re.compile(r"gh-readonly-queue/(?P<base>.+)/pr-(?P<number>[1-9][0-9]*)-(?P<sha>[0-9a-f]{40}|[0-9a-f]{64})")


@dataclass(frozen=True)
class Expected:
    """The workflow whose runs count; empty fields are not compared.

    `workflow` is its file, such as `.github/workflows/kindgate.yml`. `judge` is the reusable workflow that it must have
    called: `OWNER/REPOSITORY/.github/workflows/e2e.yml@COMMIT`, or a file of the repository itself, without a commit.
    """

    workflow: str = ""
    judge: str = ""


ANY_WORKFLOW = Expected()


@dataclass(frozen=True)
class QueueEntry:
    """An entry of a merge queue: a pull request, the base branch, and the commit that it is merged onto."""

    number: int
    base_ref: str
    base_sha: str


def queue_entry(branch: str) -> QueueEntry | None:
    """Parse a merge queue's branch name; None for any other branch."""
    found = _MERGE_GROUP.fullmatch(branch)
    return QueueEntry(int(found["number"]), found["base"], found["sha"]) if found else None


def objection_to(run: WorkflowRun, expected: Expected, repository: str, *, uploaded: bool) -> str:
    """Why a run does not belong to the judging workflow; empty if it does.

    `uploaded` is whether it uploaded a report: a run that ended before its first job may not have called anything.
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
    """A run's workflow file in the repository; empty for another repository's (from a ruleset)."""
    file = path.partition("@")[0]
    if file.startswith(".github/"):
        return file
    prefix = f"{repository}/".lower()
    return file[len(prefix) :] if file.lower().startswith(prefix) else ""
