"""When a Job is done, also one that Kubernetes deletes as soon as it has finished."""

from __future__ import annotations

from kindgate.deploy.observed import Observed, condition
from kindgate.model import Manifest, ObjectRef
from kindgate.waiting import Hopeless, Pending, Ready

_COMPLETED = "Completed"
_FAILED = frozenset({"BackoffLimitExceeded", "DeadlineExceeded", "PodFailurePolicy", "FailedIndexes", "MaxFailedIndexesExceeded"})
"""The reasons of the one event that the Job controller writes at the end."""


def job_progress(live: Manifest) -> Ready[None] | Pending | Hopeless:
    """How far a Job is: ready when complete or suspended; hopeless when Kubernetes has given it up."""
    failed = condition(live, "Failed")
    if failed.get("status") == "True":
        return Hopeless(f"{failed.get('reason')}: {failed.get('message')}")
    if condition(live, "Complete").get("status") == "True" or live["spec"].get("suspend"):
        return Ready(None)
    return Pending(f"{(live.get('status') or {}).get('active', 0)} pods are running")


def finished_job(ref: ObjectRef, observed: Observed) -> Ready[None] | Hopeless | None:
    """What became of a Job that is not there any more (`ttlSecondsAfterFinished`); None where nothing proves it, and for other kinds.

    It was seen at its end, or the events about it outlive it: those of the Job that made the newest event, because an
    earlier one of the same name has left events too.
    """
    if ref.kind != "Job":
        return None
    gone = observed.gone(ref)
    answer = job_progress(gone) if gone is not None and not gone["spec"].get("suspend") else None
    if answer is not None and not isinstance(answer, Pending):
        return answer
    events = observed.events(ref)
    newest = _job_of(events[-1]) if events else ""
    for event in reversed(events):
        if _job_of(event) == newest and event.get("reason") == _COMPLETED:
            return Ready(None)
        if _job_of(event) == newest and event.get("reason") in _FAILED:
            return Hopeless(f"{event['reason']}: {event.get('message')}")
    return None


def _job_of(event: Manifest) -> str:
    return str((event.get("involvedObject") or {}).get("uid", ""))
