"""What a run is about: a pull request, an entry of the merge queue or a push, and what it changes about its own gate."""

from __future__ import annotations

from dataclasses import dataclass

from kindgate.errors import GitHubRefused
from kindgate.github.api import Api
from kindgate.github.bounded import retried
from kindgate.github.changes import CHANGES_LIMIT, gate_files, is_slo_file, threshold_changes
from kindgate.github.identity import changed_machinery
from kindgate.github.replies import PullState, WorkflowRun
from kindgate.report.objectives import GateChanges, ThresholdChange
from kindgate.waiting import Deadline

SLO_TEXT_LIMIT = 64 * 1024
"""Characters of an objectives file that are read."""


NOTHING = GateChanges()


@dataclass(frozen=True)
class Subject:
    """What a verdict is about. `pull` is None for a push; `objection` is what it changes that makes its run prove nothing."""

    pull: PullState | None = None
    base_sha: str = ""
    changes: GateChanges = NOTHING
    objection: str = ""
    warnings: tuple[str, ...] = ()


def subject_of_pull(api: Api, pull: PullState, deadline: Deadline) -> Subject:
    """A pull request, and what it changes about the gate; a token without `contents: read` leaves the thresholds out."""
    changed = retried("the files of the pull request", lambda: api.changed_files(pull.number), deadline)
    names = sorted({name for file in changed for name in (file.name, file.previous) if name})
    files = gate_files(names)
    machinery = changed_machinery(names)
    objection = f"the pull request changes what GitHub runs: {', '.join(machinery[:3])}" if machinery else ""
    thresholds: list[ThresholdChange] = []
    warnings: tuple[str, ...] = ()
    try:
        slo_files = [file for file in files if is_slo_file(file)]
        start = _start_of(api, pull, deadline) if slo_files else ""
        for file in slo_files:
            old, new = (_text(api, file, commit, deadline) for commit in (start, pull.head_sha))
            thresholds += threshold_changes(file, old, new)
    except GitHubRefused as error:
        warnings = (f"the changed thresholds are not known: {error.message}",)
    return Subject(pull, pull.base_sha, GateChanges(files=files, thresholds=tuple(thresholds[:CHANGES_LIMIT])), objection, warnings)


def pulls_of(api: Api, run: WorkflowRun) -> list[PullState]:
    """The open pull requests that a run is about: `workflow_run.pull_requests` is empty for forks.

    Repositories are compared by their ids, because a name may be another repository's by now.
    """
    if not run.head_owner or not run.head_repository_id:
        return []
    listed = api.open_pulls(run.head_owner, run.head_branch)
    return [pull for pull in listed if pull.head_sha == run.head_sha and pull.head_repository_id == run.head_repository_id]


def newer_run(api: Api, run: WorkflowRun) -> int:
    """The id of a newer run of the same workflow, event and head; 0 when this one is the newest."""
    file = run.path.partition("@")[0].rpartition("/")[2]
    same = [
        other.id
        for other in api.runs_of(file, run.head_sha)
        if (other.event, other.head_branch, other.head_repository_id) == (run.event, run.head_branch, run.head_repository_id)
    ]
    return max((number for number in same if number > run.id), default=0)


def _start_of(api: Api, pull: PullState, deadline: Deadline) -> str:
    """The commit that the pull request started from: what its base has done since is not its doing."""
    return retried("where the pull request started", lambda: api.merge_base(pull.base_sha, pull.head_sha), deadline)


def _text(api: Api, file: str, commit: str, deadline: Deadline) -> str:
    return retried(file, lambda: api.file(file, commit), deadline)[:SLO_TEXT_LIMIT]
