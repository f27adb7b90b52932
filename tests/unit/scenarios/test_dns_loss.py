"""The loss of DNS, against a stand-in API server whose controllers are played by the tests."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kindgate.errors import ScenarioError
from kindgate.model import ClusterAddress, ObjectRef
from kindgate.scenarios.dns_loss import DnsLoss
from kindgate.scenarios.state_diff import differences
from kindgate.waiting import Deadline
from tests.unit.deploy.json_patch import after_patch
from tests.unit.deploy.objects import Object, live_deployment, live_pod, live_replicaset
from tests.unit.deploy.standin import ApiServer, kubeconfig, serving

WEB = ObjectRef("Deployment", "shop", "web")
SERVERS = "/apis/apps/v1/namespaces/kube-system/deployments/coredns"
POD = "/api/v1/namespaces/kube-system/pods/coredns-1"


def in_kube_system(item: Object, name: str) -> Object:
    """The object as one of CoreDNS."""
    item["metadata"] |= {"namespace": "kube-system", "name": name}
    return item


def coredns(**spec: Any) -> Object:
    """The Deployment, whose fields kubeadm owns."""
    item = in_kube_system(live_deployment(1, replicas=1, observed=99), "coredns")
    item["metadata"]["managedFields"] = [{"manager": "kubeadm", "operation": "Update", "fieldsV1": {"f:spec": {"f:replicas": {}}}}]
    item["spec"] |= spec
    return item


def dns_pod() -> Object:
    """A ready server."""
    return in_kube_system(live_pod("coredns-1", conditions=[{"type": "Ready", "status": "True"}]), "coredns-1")


@pytest.fixture
def server() -> Iterator[ApiServer]:
    """An API server with shop/web and one DNS server."""
    with serving() as state:
        state.put("/apis/apps/v1/namespaces/shop/deployments/web", live_deployment(2, observed=99))
        state.put(SERVERS, coredns())
        state.put("/apis/apps/v1/namespaces/kube-system/replicasets/coredns-1", in_kube_system(live_replicaset(), "coredns-1"))
        state.put(POD, dns_pod())
        yield state


@pytest.fixture
def address(server: ApiServer, tmp_path: Path) -> ClusterAddress:
    """The server's address."""
    return ClusterAddress("test", kubeconfig(tmp_path, server.url), "test", "")


def test_the_servers_end_and_return(server: ApiServer, address: ClusterAddress) -> None:
    """The fault begins when the last one is gone, which answers until then."""
    action = DnsLoss(address, [WEB], seconds=0.01)
    action.undo()
    assert server.paths("PATCH") == []
    notes: list[str] = []

    def note(text: str) -> None:
        notes.append(text)
        if "scaled to zero" in text:
            assert server.objects[SERVERS]["spec"]["replicas"] == 0
            terminating = dns_pod()
            terminating["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
            server.put(POD, terminating)
            threading.Timer(1.0, server.remove, [POD]).start()
        elif "no server is left" in text:
            assert POD not in server.objects
            server.put(POD, dns_pod())

    action.run(note, Deadline.after(60))
    assert server.paths("PATCH") == [SERVERS, SERVERS]
    assert server.objects[SERVERS]["spec"]["replicas"] == 1
    assert len(notes) == 3


def scaled_to_zero(before: Any) -> Any:
    """CoreDNS after the beginning of the fault, whose replicas then belong to another manager."""
    patch = [{"op": "replace", "path": "/spec/replicas", "value": 0}]
    after = after_patch(before, patch)
    after["metadata"]["managedFields"] = [{"manager": "kindgate", "operation": "Update", "fieldsV1": {"f:spec": {"f:replicas": {}}}}]
    return after


def undone(action: DnsLoss, state: Any) -> Any:
    """The state after the steps of the undo, as kubectl would apply them."""
    for step in action.undo():
        state = after_patch(state, step.stdin)
    return state


def test_an_undo_leaves_nothing(server: ApiServer, address: ClusterAddress) -> None:
    """Neither the scale nor the owner of the field."""
    action = DnsLoss(address, [WEB])
    before = server.objects[SERVERS]
    assert differences([before], [scaled_to_zero(before)])
    after = undone(action, scaled_to_zero(before))
    assert differences([before], [after]) == ()
    assert undone(action, after) == after


@pytest.mark.parametrize("later", ["untouched", "rescaled"])
def test_an_undo_overwrites_nothing(server: ApiServer, address: ClusterAddress, later: str) -> None:
    """Before its action, and after someone else has scaled CoreDNS."""
    action = DnsLoss(address, [WEB])
    action.undo()
    before = server.objects[SERVERS]
    change = [{"op": "replace", "path": "/spec/replicas", "value": 3}]
    state = before if later == "untouched" else after_patch(scaled_to_zero(before), change)
    assert undone(action, state) == state


@pytest.mark.parametrize("reason", ["existing", "no-replicas"])
def test_dns_that_serves_others_or_is_off_is_left_alone(server: ApiServer, address: ClusterAddress, reason: str) -> None:
    """The error comes before anything happens."""
    server.put(SERVERS, coredns(replicas=0))
    with pytest.raises(ScenarioError, match="also serves others" if reason == "existing" else "has no replicas"):
        DnsLoss(replace(address, existing=reason == "existing"), [WEB]).undo()
    assert server.paths("PATCH") == []
