"""Whether a Job is done, even one that Kubernetes deletes as soon as it finishes."""

from __future__ import annotations

from kindgate.deploy.observed import Observed, condition
from kindgate.model import Manifest, ObjectRef
from kindgate.waiting import Hopeless, Pending, Ready

_COMPLETED = "Completed"
_FAILED = frozenset({"BackoffLimitExceeded", "DeadlineExceeded", "PodFailurePolicy", "FailedIndexes", "MaxFailedIndexesExceeded"})
"""The reasons in the Job controller's final event."""


def job_progress(live: Manifest) -> Ready[None] | Pending | Hopeless:
    """Return a Job's progress: ready if complete or suspended, hopeless if Kubernetes has given up."""
    failed = condition(live, "Failed")
    if failed.get("status") == "True":
        return Hopeless(f"{failed.get('reason')}: {failed.get('message')}")
    if condition(live, "Complete").get("status") == "True" or live["spec"].get("suspend"):
        return Ready(None)
    return Pending(f"{(live.get('status') or {}).get('active', 0)} pods are running")


def finished_job(ref: ObjectRef, observed: Observed) -> Ready[None] | Hopeless | None:
    """Return the outcome of a deleted Job (`ttlSecondsAfterFinished`); None if nothing proves it, and for other kinds.

    The proof is its last observed state, or the events that outlive it. Only events of the Job with the newest event
    count, because an earlier Job of the same name left events too.
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
