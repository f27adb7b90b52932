"""Ready pods and events of a cluster during an episode."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kindgate.deploy.snapshot import Snapshot
from kindgate.model import ClusterAddress, ObjectRef
from kindgate.scenarios.observation import Observation, event_text, ready_pods
from kindgate.waiting import Deadline, Pending, Ready, wait_for
from tests.unit.deploy.objects import Object, live_deployment, live_replicaset, manifest
from tests.unit.deploy.standin import ApiServer, kubeconfig, serving

WEB = ObjectRef("Deployment", "shop", "web")


def pod(name: str, *, revision: str = "1", ready: bool = True, terminating: bool = False) -> Object:
    """A pod of a revision of shop/web."""
    item = manifest("Pod", name, status={"conditions": [{"type": "Ready", "status": str(ready)}]})
    item["metadata"] |= {"uid": name, "ownerReferences": [{"kind": "ReplicaSet", "uid": f"replicaset-{revision}"}]}
    if terminating:
        item["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return item


def event(uid: str, reason: str = "Killing", kind: str = "Normal", count: int = 1) -> Object:
    """An event about a pod."""
    involved = {"kind": "Pod", "namespace": "shop", "name": "web-1"}
    item = manifest("Event", uid, type=kind, reason=reason, message="Stopping\ncontainer", count=count, involvedObject=involved)
    item["metadata"]["uid"] = uid
    return item


def test_pods_of_both_revisions_count_if_they_are_ready_and_stay() -> None:
    """A pod that terminates is on its way out, and one that starts is not there yet."""
    owned = [live_deployment(2), live_replicaset("1"), live_replicaset("2")]
    for item in owned[1:]:
        item["metadata"]["ownerReferences"] = [{"kind": "Deployment", "uid": "deployment-web"}]
    pods = [pod("a"), pod("b", terminating=True), pod("c", revision="2"), pod("d", revision="2", ready=False)]
    assert ready_pods(Snapshot([*owned, *pods]), [WEB, ObjectRef("Deployment", "shop", "gone")]) == {str(WEB): 2}


@pytest.mark.parametrize(
    ("reason", "kind", "text"),
    [
        ("Killing", "Normal", "Pod web-1: Killing: Stopping container"),
        ("Unhealthy", "Warning", "Pod web-1: Unhealthy: Stopping container"),
        ("Pulled", "Normal", ""),
    ],
)
def test_warnings_and_a_few_other_events_are_shown(reason: str, kind: str, text: str) -> None:
    """On one line each; what every pod reports at its start is left out."""
    assert event_text(event("1", reason, kind)) == text


@pytest.fixture
def server() -> Iterator[ApiServer]:
    """An API server with two ready pods and an event of the past."""
    with serving() as state:
        put(state, "deployments", live_deployment(2))
        replicaset = live_replicaset("1")
        replicaset["metadata"]["ownerReferences"] = [{"kind": "Deployment", "uid": "deployment-web"}]
        put(state, "replicasets", replicaset)
        put(state, "pods", pod("web-1"))
        put(state, "pods", pod("web-2"))
        put(state, "events", event("old"))
        yield state


def put(state: ApiServer, plural: str, item: Object) -> None:
    """Store an object of shop."""
    base = "/api/v1" if plural in {"pods", "events"} else "/apis/apps/v1"
    state.put(f"{base}/namespaces/shop/{plural}/{item['metadata']['name']}", item)


def wait_until(what: str, condition: object) -> None:
    """Wait until the condition holds."""
    assert callable(condition)
    wait_for(what, lambda: Ready(None) if condition() else Pending("not yet"), Deadline.after(30), interval=0.02)


def test_changes_are_observed_as_they_happen(server: ApiServer, tmp_path: Path) -> None:
    """The number of ready pods whenever it changes, and each new or repeated event, but none of the past."""
    address = ClusterAddress("test", kubeconfig(tmp_path, server.url), "test", "")
    with Observation(address, [WEB]) as observed:
        wait_until("the first number", lambda: observed.ready_pods)
        put(server, "pods", pod("web-2", ready=False))
        wait_until("the change", lambda: len(observed.ready_pods) == 2)
        put(server, "events", event("new", "Unhealthy", "Warning"))
        put(server, "events", event("old", count=2))
        wait_until("the events", lambda: len(observed.events) == 2)
    assert [(item.workload, item.ready) for item in observed.ready_pods] == [(str(WEB), 2), (str(WEB), 1)]
    assert observed.ready_pods[0].at < observed.ready_pods[1].at
    assert sorted(item.text.split(": ")[1] for item in observed.events) == ["Killing", "Unhealthy"]


def test_a_cluster_that_does_not_answer_gives_an_empty_timeline(tmp_path: Path) -> None:
    """The episode goes on: its load decides."""
    address = ClusterAddress("test", kubeconfig(tmp_path, "http://127.0.0.1:9"), "test", "")
    with Observation(address, [WEB]) as observed:
        pass
    assert (observed.ready_pods, observed.events) == ([], [])
