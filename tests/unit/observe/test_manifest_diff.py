"""Differences between the live objects and the manifests."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.observe.manifest_diff import differences

ASKED: dict[str, Any] = {
    "kind": "Deployment",
    "metadata": {"name": "foo", "namespace": "echo", "labels": {"app": "foo"}},
    "spec": {
        "replicas": 2,
        "template": {"spec": {"containers": [{"name": "app", "image": "app:1", "resources": {"limits": {"cpu": "1", "memory": "64Mi"}}}]}},
    },
}
LIVE: dict[str, Any] = {
    "kind": "Deployment",
    "metadata": {"name": "foo", "namespace": "echo", "uid": "1", "labels": {"app": "foo", "added": "x"}},
    "spec": {
        "replicas": 2,
        "strategy": {"type": "RollingUpdate"},
        "template": {
            "spec": {
                "containers": [
                    {"name": "sidecar", "image": "added"},
                    {"name": "app", "image": "app:1", "resources": {"limits": {"cpu": "1000m", "memory": "64Mi"}}, "tty": False},
                ]
            }
        },
    },
    "status": {"replicas": 2},
}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


def test_fields_added_by_the_cluster_are_not_differences() -> None:
    """Defaults, injected containers, controllers' labels and `1000m` instead of `1` do not count."""
    assert differences(ASKED, LIVE) == []


def test_a_changed_field_is_named_with_its_path() -> None:
    """The container is matched by name, wherever it is in the list."""
    live = copy.deepcopy(LIVE)
    live["spec"]["replicas"] = 5
    live["spec"]["template"]["spec"]["containers"][1]["image"] = "app:2"
    assert differences(ASKED, live) == [
        "Deployment echo/foo: spec.replicas: requested 2, found 5",
        "Deployment echo/foo: spec.template.spec.containers[name=app].image: requested 'app:1', found 'app:2'",
    ]


def test_a_missing_container_is_named() -> None:
    """A missing container is not compared with the one in its position."""
    live = copy.deepcopy(LIVE)
    del live["spec"]["template"]["spec"]["containers"][1]
    assert differences(ASKED, live)[0].startswith("Deployment echo/foo: spec.template.spec.containers[name=app]: requested")


def test_a_missing_object_is_one_line() -> None:
    """A missing object is one line, not one per field."""
    assert differences(ASKED, None) == ["Deployment echo/foo: is not there"]


@pytest.mark.parametrize(("asked", "live"), [(None, {}), ({}, None), ("80", 80), ("1Gi", "1024Mi"), ("0.5", "500m"), ([], None)])
def test_equivalent_notations_are_not_differences(asked: object, live: object) -> None:
    """Equivalent notations of the API server are not differences."""
    assert differences({"kind": "X", "metadata": {}, "spec": asked}, {"kind": "X", "metadata": {}, "spec": live}) == []


@given(JSON)
def test_an_object_has_no_difference_from_itself(value: object) -> None:
    """Any object equals itself."""
    assert differences({"kind": "X", "metadata": {}, "spec": value}, {"kind": "X", "metadata": {}, "spec": copy.deepcopy(value)}) == []


@given(JSON, JSON)
def test_any_two_objects_can_be_compared(asked: object, live: object) -> None:
    """Fields with an unexpected type are compared without an error."""
    differences({"kind": "X", "metadata": {}, "spec": asked}, {"kind": "X", "metadata": {}, "spec": live})
