"""The commit status that branch protection requires: the verdict on a commit, whichever event started its run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kindgate.github.client import Api
from kindgate.github.replies import WorkflowRun
from kindgate.github.retry import retried
from kindgate.report.decision import UNTRUSTED, VERDICT_WORDS, Decision
from kindgate.report.markdown_escape import shortened, visible
from kindgate.report.run_report import Outcome
from kindgate.waiting import Deadline

State = Literal["error", "failure", "pending", "success"]

DESCRIPTION_LIMIT = 140
"""Maximum characters of a status description (docs.github.com, "Create a commit status"; longer ones are an error)."""


@dataclass(frozen=True)
class Status:
    """A commit status; `error` if nothing was judged, `failure` if the verdict is negative."""

    state: State
    description: str


PENDING = Status("pending", "the run has not finished yet")


def status_of(decision: Decision) -> Status:
    """The status for a decision."""
    if decision.may_merge:
        state: State = "success"
    else:
        state = "error" if decision.verdict in {UNTRUSTED, VERDICT_WORDS[Outcome.NO_VERDICT]} else "failure"
    return Status(state, shortened(visible(f"{decision.verdict}: {decision.reason}"), DESCRIPTION_LIMIT))


def set_status(api: Api, run: WorkflowRun, status: Status, context: str, deadline: Deadline) -> str:
    """Set the status of the run's head, with a link to the run's newest attempt; returns a line about it.

    Raises `GitHubError` if GitHub refuses, and `WaitTimeout`.
    """
    retried(
        f"the status of {run.head_sha[:10]}",
        lambda: api.set_status(
            run.head_sha, state=status.state, context=context, description=status.description, target_url=run.attempt_url
        ),
        deadline,
    )
    return f"status {context} of {run.head_sha[:10]} is {status.state}: {status.description}"
