"""Approval of a pull request's changes to its own gate: a label set after its newest push by a user with write access.

Everything is read from the API, because an event's payload is as old as the event, and triage access is enough to set labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kindgate.errors import GitHubRefused
from kindgate.github.client import Api
from kindgate.github.replies import TimelineEvent
from kindgate.github.retry import retried
from kindgate.waiting import Deadline

EVENTS_LIMIT = 3000
"""Maximum events to read per pull request; a label in a longer timeline does not count."""

_MAY_WRITE = frozenset({"admin", "write"})
"""Permissions of users who can push (docs.github.com, "Get repository permissions for a user"): maintain is write, triage is read."""


@dataclass(frozen=True)
class Approval:
    """The user who approved the gate changes, or empty. `refused` is why an existing label does not count."""

    by: str = ""
    refused: str = ""


NOT_APPROVED = Approval()


def read_approval(api: Api, events: Sequence[TimelineEvent], label: str, pushed: float, deadline: Deadline) -> Approval:
    """The valid approval for the commit that was pushed no later than `pushed` (seconds since 1970)."""
    event = newest_label(events, label)
    if event is None:
        return NOT_APPROVED
    if event.at <= newest_push(events, pushed):
        return Approval(refused=f"{event.actor} set it before this commit was pushed")
    try:
        permission, number = retried("the maintainer's permission", lambda: api.permission(event.actor), deadline)
    except GitHubRefused as error:
        return Approval(refused=f"the permission of {event.actor} is unknown: {error.message}")
    if permission not in _MAY_WRITE or number != event.actor_id:
        return Approval(refused=f"{event.actor}, who set it, has no write access to this repository")
    return Approval(by=event.actor)


def newest_label(events: Sequence[TimelineEvent], label: str) -> TimelineEvent | None:
    """The event that set the label, if the label is still set; GitHub's labels ignore case."""
    of_label = [event for event in events if event.kind in {"labeled", "unlabeled"} and event.label.lower() == label.lower()]
    return of_label[-1] if of_label and of_label[-1].kind == "labeled" else None


def newest_push(events: Sequence[TimelineEvent], pushed: float) -> float:
    """The time of the newest push: GitHub reports forced pushes, and other pushes only through the runs that they start."""
    return max([pushed, *(event.at for event in events if event.kind == "head_ref_force_pushed")])


def base_changed(events: Sequence[TimelineEvent], since: float) -> bool:
    """Whether the pull request's base branch was changed after a run was requested, which then judged a merge with the old base."""
    return any(event.kind == "base_ref_changed" and event.at > since for event in events)
