"""The subject of a run: a pull request, a merge queue entry or a push, and its changes to its own gate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kindgate.gate_paths import GATE_NAMES, below, matches
from kindgate.github.approval import EVENTS_LIMIT, NOT_APPROVED, Approval, base_changed, read_approval
from kindgate.github.client import Api
from kindgate.github.gate_changes import differing, read_changes
from kindgate.github.identity import changed_machinery, queue_entry
from kindgate.github.replies import PullState, WorkflowRun
from kindgate.github.retry import retried
from kindgate.github.suite_settings import WHOLE_REPOSITORY, Suite
from kindgate.report.objective_records import GateChanges
from kindgate.waiting import Deadline

NOTHING = GateChanges()


@dataclass(frozen=True)
class Rules:
    """The label that approves gate changes, the watched files and folders (empty: all), and the suite."""

    label: str
    watched: Sequence[str] = ()
    suite: Suite = WHOLE_REPOSITORY


@dataclass(frozen=True)
class Subject:
    """The subject of a verdict.

    `pull` is None for a push and in a merge queue. `machinery` lists changes to code that GitHub runs, which invalidate the
    run unless approved; `objection` is why the run proves nothing in any case. `untouched` is whether no watched file
    changes.
    """

    pull: PullState | None = None
    base_sha: str = ""
    changes: GateChanges = NOTHING
    machinery: tuple[str, ...] = ()
    approval: Approval = NOT_APPROVED
    objection: str = ""
    untouched: bool = False


PUSH = Subject()
"""A push to the default branch: its changes are already merged."""


def subject_of_pull(api: Api, run: WorkflowRun, pull: PullState, rules: Rules, deadline: Deadline) -> Subject:
    """A pull request, and its changes to the gate."""
    changed = read_changes(api, pull, rules.suite, deadline)
    events = retried("the pull request's timeline", lambda: api.timeline(pull.number, at_most=EVENTS_LIMIT), deadline)
    approval = read_approval(api, events, rules.label, run.created, deadline)
    touched = any(below(name, rules.watched) or matches(name, GATE_NAMES) for name in changed.names)
    return Subject(
        pull=pull,
        base_sha=pull.base_sha,
        changes=changed.gate.model_copy(update={"approved_by": approval.by, "not_approved": approval.refused}),
        machinery=changed_machinery(changed.names),
        approval=approval,
        objection="the pull request's base branch was changed after the run: push to it again" * base_changed(events, run.created),
        untouched=changed.complete and bool(rules.watched) and not touched,
    )


def subject_of_queue(api: Api, run: WorkflowRun, rules: Rules, deadline: Deadline) -> Subject:
    """A merge queue entry: a pull request on top of the commit in its branch name, with that pull request's approval."""
    entry = queue_entry(run.head_branch)
    if entry is None:
        return Subject(objection=f"{run.head_branch} is not a merge queue branch")
    changed, complete = retried("the merge queue's changes", lambda: changed_between(api, entry.base_sha, run.head_sha), deadline)
    machinery = changed_machinery(changed)
    approval = _approval_in_queue(api, run, entry.number, rules, deadline)
    objection = "" if complete else "the merge queue's changes are more than GitHub lists"
    return Subject(base_sha=entry.base_sha, machinery=machinery, approval=approval, objection=objection)


def _approval_in_queue(api: Api, run: WorkflowRun, number: int, rules: Rules, deadline: Deadline) -> Approval:
    """The approval of the pull request's own head, which the queue does not change."""
    pull = retried(f"pull request #{number}", lambda: api.pull(number), deadline)
    run_of_pull = retried("the pull request's run", lambda: newest_run_of(api, run.path, pull), deadline)
    if run_of_pull is None:
        return NOT_APPROVED
    events = retried("the pull request's timeline", lambda: api.timeline(number, at_most=EVENTS_LIMIT), deadline)
    return read_approval(api, events, rules.label, run_of_pull.created, deadline)


def newest_run_of(api: Api, workflow: str, pull: PullState) -> WorkflowRun | None:
    """The newest run of a workflow (by its file) for a pull request's head; None without one."""
    runs = [
        run
        for run in api.runs_of(file_name(workflow), pull.head_sha)
        if (run.event, run.head_branch, run.head_repository_id) == ("pull_request", pull.head_ref, pull.head_repository_id)
    ]
    return max(runs, key=lambda run: run.id, default=None)


def file_name(workflow: str) -> str:
    """The name of a workflow's file, from its path in any form that GitHub uses."""
    return workflow.partition("@")[0].rpartition("/")[2]


def changed_between(api: Api, old: str, new: str) -> tuple[list[str], bool]:
    """The files that differ between two commits, and whether GitHub listed all of them."""
    (before, cut_before), (after, cut_after) = api.tree(old), api.tree(new)
    return differing(before, after), not (cut_before or cut_after)


def is_on_branch(api: Api, run: WorkflowRun, branch: str) -> bool:
    """Whether a push's commit is in the history of a branch: the run's branch name may be a tag's."""
    if run.head_branch != branch:
        return False
    newest = api.branch_head(branch)
    return newest == run.head_sha or api.merge_base(newest, run.head_sha) == run.head_sha


def is_on_default_branch(api: Api, run: WorkflowRun) -> bool:
    """Whether a push's commit is in the history of the default branch."""
    return is_on_branch(api, run, api.default_branch())


def pulls_of(api: Api, run: WorkflowRun) -> list[PullState]:
    """The open pull requests of a run: `workflow_run.pull_requests` is empty for forks.

    Repositories are compared by id, because a name may belong to another repository by now.
    """
    if not run.head_owner or not run.head_repository_id:
        return []
    listed = api.open_pulls(run.head_owner, run.head_branch)
    return [pull for pull in listed if pull.head_sha == run.head_sha and pull.head_repository_id == run.head_repository_id]


def newer_run(api: Api, run: WorkflowRun) -> int:
    """The id of a newer run of the same workflow, event and head; 0 if this one is the newest."""
    same = [
        other.id
        for other in api.runs_of(file_name(run.path), run.head_sha)
        if (other.event, other.head_branch, other.head_repository_id) == (run.event, run.head_branch, run.head_repository_id)
    ]
    return max((number for number in same if number > run.id), default=0)
