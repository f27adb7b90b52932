"""Reading conditions, container states and events as the API server writes them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.model import Manifest, ObjectRef
from kindgate.object_status import app_container_statuses, condition, container_statuses, involved_object, is_true, is_unhealthy, last_seen

PARTIAL_STATUS: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {},
        optional={
            "conditions": st.none() | st.lists(st.fixed_dictionaries({"type": st.sampled_from(["Ready", "Other"])}), max_size=3),
            "containerStatuses": st.none() | st.lists(st.just({"name": "app"}), max_size=2),
            "initContainerStatuses": st.none() | st.lists(st.just({"name": "init"}), max_size=2),
        },
    ),
)
"""A status in which every part may be missing, empty or null."""


@given(PARTIAL_STATUS)
def test_a_status_that_is_not_complete_yet_proves_nothing(status: Any) -> None:
    """Missing and null parts are read as empty, and no condition without a status is true."""
    pod = {"kind": "Pod", "status": status}
    assert not is_true(pod, "Ready")
    assert condition(pod, "Ready") in ({}, {"type": "Ready"})
    names = [item["name"] for item in container_statuses(pod)]
    assert names == sorted(names, reverse=True)
    assert len(list(app_container_statuses(pod))) == names.count("app")


@pytest.mark.parametrize(("status", "expected"), [("True", True), ("False", False), ("Unknown", False)])
def test_only_a_condition_with_status_true_is_true(status: str, *, expected: bool) -> None:
    """A node that does not report has the status Unknown."""
    assert (
        is_true({"status": {"conditions": [{"type": "Other", "status": "True"}, {"type": "Ready", "status": status}]}}, "Ready") is expected
    )


READY = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}


@pytest.mark.parametrize(
    ("pod", "unhealthy"),
    [
        ({"status": READY}, False),
        ({"status": {**READY, "containerStatuses": [{"name": "app", "restartCount": 1}]}}, True),
        ({"status": {"phase": "Succeeded", "conditions": [{"type": "Ready", "status": "False"}]}}, False),
        ({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}]}}, True),
        ({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}, "status": READY}, True),
        ({"metadata": {"name": "foo"}, "spec": {}}, True),
    ],
)
def test_unhealthy_pods_are_recognized(pod: Manifest, *, unhealthy: bool) -> None:
    """A finished Job's pod is not ready, but it is healthy."""
    assert is_unhealthy(pod) is unhealthy


def test_events_of_both_apis_name_their_object() -> None:
    """The two APIs name the field differently."""
    pod = {"kind": "Pod", "namespace": "shop", "name": "web"}
    assert involved_object({"involvedObject": pod}) == involved_object({"regarding": pod}) == ObjectRef("Pod", "shop", "web")


def test_a_repeated_event_counts_from_its_latest_occurrence() -> None:
    """A series of the scheduler keeps the time of its first occurrence in `eventTime`."""
    repeated: Manifest = {"eventTime": "2026-01-01T00:00:01Z", "series": {"lastObservedTime": "2026-01-01T00:05:00Z"}}
    single: Manifest = {"lastTimestamp": "2026-01-01T00:02:00Z", "firstTimestamp": "2026-01-01T00:00:00Z"}
    assert sorted([repeated, single], key=last_seen) == [single, repeated]
    assert last_seen({}) == ""
