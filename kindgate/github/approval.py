"""Whether a maintainer lets a pull request change its own gate: by a label, set after its newest push by somebody who may write.

All of it is read from the API, because an event's payload is as old as the event, and anybody who may triage can set a label.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kindgate.errors import GitHubRefused
from kindgate.github.api import Api
from kindgate.github.bounded import retried
from kindgate.github.replies import TimelineEvent
from kindgate.waiting import Deadline

EVENTS_LIMIT = 3000
"""Events of a pull request that are read; a label in a longer timeline does not count."""

_MAY_WRITE = frozenset({"admin", "write"})
"""GitHub's answer for those who may push (docs.github.com, "Get repository permissions for a user"): maintain is write, triage is read."""


@dataclass(frozen=True)
class Approval:
    """Who approved the changes of the gate; empty where nobody did. `refused` is why a label that is there does not count."""

    by: str = ""
    refused: str = ""


NOT_APPROVED = Approval()


def read_approval(api: Api, events: Sequence[TimelineEvent], label: str, pushed: float, deadline: Deadline) -> Approval:
    """The approval that counts for the commit that was pushed at `pushed` or before (seconds since 1970)."""
    found = newest_label(events, label)
    if found is None:
        return NOT_APPROVED
    if found.at <= newest_push(events, pushed):
        return Approval(refused=f"{found.actor} set it before this commit was pushed")
    try:
        permission, number = retried("the maintainer's permission", lambda: api.permission(found.actor), deadline)
    except GitHubRefused as error:
        return Approval(refused=f"the permission of {found.actor} is unknown: {error.message}")
    if permission not in _MAY_WRITE or number != found.actor_id:
        return Approval(refused=f"{found.actor}, who set it, has no write access to this repository")
    return Approval(by=found.actor)


def newest_label(events: Sequence[TimelineEvent], label: str) -> TimelineEvent | None:
    """The event by which a label was set that is there now; labels differ by more than capitals."""
    of_label = [event for event in events if event.kind in {"labeled", "unlabeled"} and event.label.lower() == label.lower()]
    return of_label[-1] if of_label and of_label[-1].kind == "labeled" else None


def newest_push(events: Sequence[TimelineEvent], pushed: float) -> float:
    """When the head was pushed: GitHub tells it of forced pushes only, and of others by the run that they started."""
    return max([pushed, *(event.at for event in events if event.kind == "head_ref_force_pushed")])


def base_changed(events: Sequence[TimelineEvent], since: float) -> bool:
    """Whether the pull request was given another base branch after a run was requested, which judged a merge with the old one."""
    return any(event.kind == "base_ref_changed" and event.at > since for event in events)
