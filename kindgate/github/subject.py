"""What a run is about: a pull request, an entry of the merge queue or a push, and what it changes about its own gate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kindgate.errors import GitHubRefused
from kindgate.gate_paths import GATE_NAMES, below, matches
from kindgate.github.api import Api
from kindgate.github.approval import EVENTS_LIMIT, NOT_APPROVED, Approval, base_changed, read_approval
from kindgate.github.bounded import retried
from kindgate.github.changes import CHANGES_LIMIT, gate_files, is_slo_file, threshold_changes
from kindgate.github.identity import changed_machinery, queue_entry
from kindgate.github.replies import PullState, WorkflowRun
from kindgate.report.objectives import GateChanges, ThresholdChange
from kindgate.waiting import Deadline

FILES_LIMIT = 3000
"""Files of a pull request that GitHub lists at most (docs.github.com, "List pull requests files")."""

SLO_TEXT_LIMIT = 64 * 1024
"""Characters of an objectives file that are read."""


NOTHING = GateChanges()


@dataclass(frozen=True)
class Rules:
    """The label that approves changes of the gate, and the files and folders that the suite is judged for; none are all."""

    label: str
    watched: Sequence[str] = ()


@dataclass(frozen=True)
class Subject:
    """What a verdict is about.

    `pull` is None for a push and in a merge queue. `machinery` is what it changes of what GitHub runs, which makes its run
    prove nothing unless that is approved; `objection` is why it proves nothing in any case. `untouched` is whether it
    changes nothing that the suite watches.
    """

    pull: PullState | None = None
    base_sha: str = ""
    changes: GateChanges = NOTHING
    machinery: tuple[str, ...] = ()
    approval: Approval = NOT_APPROVED
    objection: str = ""
    untouched: bool = False
    warnings: tuple[str, ...] = ()


PUSH = Subject()
"""A push to the default branch: what it changes has been merged."""


def subject_of_pull(api: Api, run: WorkflowRun, pull: PullState, rules: Rules, deadline: Deadline) -> Subject:
    """A pull request, and what it changes about the gate; a token without `contents: read` leaves the thresholds out."""
    changed = retried("the files of the pull request", lambda: api.changed_files(pull.number), deadline)
    events = retried("its timeline", lambda: api.timeline(pull.number, at_most=EVENTS_LIMIT), deadline)
    approval = read_approval(api, events, rules.label, run.created, deadline)
    names = sorted({name for file in changed for name in (file.name, file.previous) if name})
    files = gate_files(names)
    thresholds, warnings = _threshold_changes(api, pull, [file for file in files if is_slo_file(file)], deadline)
    listed = len(changed) < FILES_LIMIT
    return Subject(
        pull=pull,
        base_sha=pull.base_sha,
        changes=GateChanges(files=files, thresholds=thresholds, approved_by=approval.by, not_approved=approval.refused),
        machinery=changed_machinery(names),
        approval=approval,
        objection="the pull request was given another base branch after the run: push to it again" * base_changed(events, run.created),
        untouched=listed and bool(rules.watched) and not any(below(name, rules.watched) or matches(name, GATE_NAMES) for name in names),
        warnings=warnings,
    )


def subject_of_queue(api: Api, run: WorkflowRun, rules: Rules, deadline: Deadline) -> Subject:
    """An entry of the merge queue: a pull request put upon the commit that its branch names, approved as that pull request is."""
    entry = queue_entry(run.head_branch)
    if entry is None:
        return Subject(objection=f"{run.head_branch} is no branch of a merge queue")
    changed, complete = retried("what the queue would merge", lambda: changed_between(api, entry.base_sha, run.head_sha), deadline)
    machinery = changed_machinery(changed)
    approval = _approval_in_queue(api, run, entry.number, rules, deadline)
    objection = "" if complete else "what the queue would merge is more than GitHub lists"
    return Subject(base_sha=entry.base_sha, machinery=machinery, approval=approval, objection=objection)


def _approval_in_queue(api: Api, run: WorkflowRun, number: int, rules: Rules, deadline: Deadline) -> Approval:
    """The approval of a pull request's own head, which the queue does not change."""
    pull = retried(f"pull request #{number}", lambda: api.pull(number), deadline)
    judged = retried("its run", lambda: newest_run_of(api, run.path, pull), deadline)
    if judged is None:
        return NOT_APPROVED
    events = retried("its timeline", lambda: api.timeline(number, at_most=EVENTS_LIMIT), deadline)
    return read_approval(api, events, rules.label, judged.created, deadline)


def newest_run_of(api: Api, workflow: str, pull: PullState) -> WorkflowRun | None:
    """The newest run of a workflow (by its file) for a pull request's head; None where there is none."""
    own = [
        run
        for run in api.runs_of(file_name(workflow), pull.head_sha)
        if (run.event, run.head_branch, run.head_repository_id) == ("pull_request", pull.head_ref, pull.head_repository_id)
    ]
    return max(own, key=lambda run: run.id, default=None)


def file_name(workflow: str) -> str:
    """The name of a workflow's file, from its path in any form that GitHub uses."""
    return workflow.partition("@")[0].rpartition("/")[2]


def changed_between(api: Api, old: str, new: str) -> tuple[list[str], bool]:
    """The files that differ between two commits, and whether GitHub has listed all of them."""
    (before, cut_before), (after, cut_after) = api.tree(old), api.tree(new)
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return names, not (cut_before or cut_after)


def is_on_default_branch(api: Api, run: WorkflowRun) -> bool:
    """Whether a push's commit is in the history of the default branch: its name alone may be that of a tag."""
    branch = api.default_branch()
    if run.head_branch != branch:
        return False
    newest = api.branch_head(branch)
    return newest == run.head_sha or api.merge_base(newest, run.head_sha) == run.head_sha


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
    same = [
        other.id
        for other in api.runs_of(file_name(run.path), run.head_sha)
        if (other.event, other.head_branch, other.head_repository_id) == (run.event, run.head_branch, run.head_repository_id)
    ]
    return max((number for number in same if number > run.id), default=0)


def _threshold_changes(
    api: Api, pull: PullState, files: Sequence[str], deadline: Deadline
) -> tuple[tuple[ThresholdChange, ...], tuple[str, ...]]:
    """The objectives that a pull request changes, and a warning where they cannot be read."""
    found: list[ThresholdChange] = []
    try:
        start = _start_of(api, pull, deadline) if files else ""
        for file in files:
            old, new = (_text(api, file, commit, deadline) for commit in (start, pull.head_sha))
            found += threshold_changes(file, old, new)
    except GitHubRefused as error:
        return (), (f"the changed thresholds are not known: {error.message}",)
    return tuple(found[:CHANGES_LIMIT]), ()


def _start_of(api: Api, pull: PullState, deadline: Deadline) -> str:
    """The commit that the pull request started from: what its base has done since is not its doing."""
    return retried("where the pull request started", lambda: api.merge_base(pull.base_sha, pull.head_sha), deadline)


def _text(api: Api, file: str, commit: str, deadline: Deadline) -> str:
    return retried(file, lambda: api.file(file, commit), deadline)[:SLO_TEXT_LIMIT]
