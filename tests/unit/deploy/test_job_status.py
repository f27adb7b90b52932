"""Job completion, including Jobs that are deleted as soon as they finish."""

from __future__ import annotations

from typing import Any

import pytest

from kindgate.deploy.snapshot import Snapshot
from kindgate.deploy.status import object_readiness
from kindgate.waiting import Pending, PermanentFailure, Ready
from tests.unit.deploy.objects import event, manifest

COMPLETE = {"type": "Complete", "status": "True"}
FAILED = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "too many failures"}


def job(*conditions: dict[str, str], active: int = 1, failed: int = 0, **spec: Any) -> dict[str, Any]:
    """The Job shop/migrate."""
    status = {"active": active, "failed": failed, "conditions": list(conditions)}
    item = manifest("Job", "migrate", api_version="batch/v1", spec=spec, status=status)
    item["metadata"] |= {"uid": "job-migrate", "generation": 1}
    return item


def job_event(reason: str, message: str = "", *, uid: str = "job-migrate", second: int = 1) -> dict[str, Any]:
    """An event about the Job with this uid."""
    item = event(reason, message, name="migrate", kind="Job", at=f"2026-01-01T00:00:{second:02}Z")
    item["involvedObject"]["uid"] = uid
    return item


def progress_of(*live: dict[str, Any], deleted: tuple[dict[str, Any], ...] = ()) -> object:
    """Return `progress` of the Job in a cluster with the `live` objects and after the deletion of the `deleted` ones."""
    return object_readiness(job(), Snapshot(live, deleted))


def test_a_completed_job_is_ready_and_a_failed_one_is_final() -> None:
    """A running Job is waited for; a failed one fails immediately."""
    assert progress_of(job()) == Pending("1 pods are running")
    assert progress_of(job(COMPLETE)) == Ready(None)
    assert progress_of(job(FAILED)) == PermanentFailure("BackoffLimitExceeded: too many failures")


def test_a_job_is_pending_until_its_backoff_limit() -> None:
    """Failed pods do not count; only the condition reports that the Job gave up."""
    assert progress_of(job(failed=2, backoffLimit=6)) == Pending("1 pods are running")


def test_a_suspended_job_is_ready() -> None:
    """A suspended Job does not run until it is resumed, so it counts as ready."""
    assert progress_of(job(active=0, suspend=True)) == Ready(None)


@pytest.mark.parametrize(
    ("deleted", "events", "expected"),
    [
        ((job(COMPLETE),), (), Ready(None)),
        ((job(FAILED),), (), PermanentFailure("BackoffLimitExceeded: too many failures")),
        ((job(),), (job_event("SuccessfulCreate"), job_event("Completed", "Job completed", second=2)), Ready(None)),
        ((), (job_event("SuccessfulCreate"), job_event("Completed", "Job completed", second=2)), Ready(None)),
        (
            (),
            (job_event("SuccessfulCreate"), job_event("DeadlineExceeded", "too slow", second=2)),
            PermanentFailure("DeadlineExceeded: too slow"),
        ),
        (
            (),
            (job_event("SuccessfulCreate"), job_event("PodFailurePolicy", "exit 42", second=2)),
            PermanentFailure("PodFailurePolicy: exit 42"),
        ),
        ((), (job_event("SuccessfulCreate"),), Pending("not seen yet")),
        ((), (), Pending("not seen yet")),
        ((job(),), (), Pending("not seen yet")),
        ((job(suspend=True),), (), Pending("not seen yet")),
    ],
)
def test_a_deleted_job_is_judged_by_its_last_state_and_events(
    deleted: tuple[dict[str, Any], ...], events: tuple[dict[str, Any], ...], expected: object
) -> None:
    """With ttlSecondsAfterFinished a Job can be gone before it is seen; its events decide, and without them nothing is assumed."""
    assert progress_of(*events, deleted=deleted) == expected


def test_events_of_an_earlier_job_of_the_same_name_are_ignored() -> None:
    """On a kept cluster the events of an earlier Job are ignored."""
    before = job_event("Completed", uid="job-before", second=1)
    assert progress_of(before, job_event("SuccessfulCreate", uid="job-now", second=2)) == Pending("not seen yet")
    now = job_event("BackoffLimitExceeded", "too many", uid="job-now", second=3)
    assert progress_of(before, job_event("SuccessfulCreate", uid="job-now", second=2), now) == PermanentFailure(
        "BackoffLimitExceeded: too many"
    )


def test_a_live_job_is_judged_by_its_status() -> None:
    """An existing Job is judged by its status, not by events of an earlier one."""
    assert progress_of(job(), job_event("Completed", uid="job-before")) == Pending("1 pods are running")
