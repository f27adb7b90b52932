"""The difference between two states of a cluster."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.scenarios.state_diff import differences
from tests.unit.deploy.objects import Object, live_deployment, manifest


def live() -> Object:
    """A live Deployment with everything that the server adds."""
    item = live_deployment(2)
    item["metadata"] |= {
        "resourceVersion": "10",
        "managedFields": [
            {"manager": "kindgate", "operation": "Apply", "time": "t1", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
            {"manager": "controller", "operation": "Update", "subresource": "status", "time": "t1", "fieldsV1": {"f:status": {}}},
        ],
    }
    return item


def put(item: Any, path: list[Any], value: object) -> Any:
    """A copy with another value at `path`."""
    changed = copy.deepcopy(item)
    node = changed
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return changed


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["metadata", "resourceVersion"], "11"),
        (["metadata", "generation"], 3),
        (["metadata", "annotations", "deployment.kubernetes.io/revision"], "3"),
        (["metadata", "managedFields", 0, "time"], "t2"),
        (["metadata", "managedFields", 1, "fieldsV1"], {"f:status": {"f:conditions": {}}}),
        (["status", "readyReplicas"], 1),
        (["spec", "template", "metadata", "annotations"], {}),
    ],
    ids=lambda value: str(value) if isinstance(value, list) else "",
)
def test_what_changes_by_itself_is_no_difference(path: list[Any], value: object) -> None:
    """Counters, times and statuses differ after each change and its undo; the server drops an empty mapping."""
    assert differences([live()], [put(live(), path, value)]) == ()


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        (["spec", "replicas"], 3, "Deployment shop/web: spec.replicas: 2 -> 3"),
        (["metadata", "annotations", "left"], "x", 'Deployment shop/web: metadata.annotations.left: null -> "x"'),
        (["metadata", "labels"], {"a": "b"}, 'Deployment shop/web: metadata.labels: null -> {"a": "b"}'),
        (["metadata", "uid"], "other", 'Deployment shop/web: metadata.uid: "deployment-web" -> "other"'),
        (
            ["metadata", "managedFields", 0, "manager"],
            "kubectl-patch",
            'Deployment shop/web: metadata.managedFields[0].manager: "kindgate" -> "kubectl-patch"',
        ),
    ],
)
def test_every_other_field_is_compared(path: list[Any], value: object, line: str) -> None:
    """A line names the object, the field and both values."""
    assert differences([live()], [put(live(), path, value)]) == (line,)


def test_objects_that_appeared_or_vanished_are_named() -> None:
    """But not pods, revisions and events, which controllers make."""
    policy, pod = manifest("NetworkPolicy", "partition"), manifest("Pod", "web-1")
    assert differences([live(), pod], [live(), policy]) == ("NetworkPolicy shop/partition: was created",)
    assert differences([policy], []) == ("NetworkPolicy shop/partition: was deleted",)


def test_secret_values_are_not_shown() -> None:
    """Neither those of Secrets nor those of variables, which may be passwords."""
    before, after = (manifest("Secret", "s", data={"key": value}) for value in ("Zmlyc3Q=", "c2Vjb25k"))
    assert differences([before], [after]) == ("Secret shop/s: data.key: changed",)
    with_variable = [put(live(), ["spec", "template", "spec", "containers", 0, "env"], [{"name": "A", "value": value}]) for value in "xy"]
    assert differences([with_variable[0]], [with_variable[1]]) == (
        "Deployment shop/web: spec.template.spec.containers[0].env[0].value: changed",
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(spec=st.dictionaries(st.text(max_size=3), JSON, max_size=3))
def test_a_state_does_not_differ_from_itself(spec: dict[str, Any]) -> None:
    """Whatever an object contains."""
    item = manifest("ConfigMap", "c", spec=spec)
    assert differences([item], [copy.deepcopy(item)]) == ()


@given(first=st.integers(), second=st.integers())
def test_differing_numbers_are_found(first: int, second: int) -> None:
    """Zero included."""
    found = differences([manifest("ConfigMap", "c", spec={"n": first})], [manifest("ConfigMap", "c", spec={"n": second})])
    assert bool(found) == (first != second)
