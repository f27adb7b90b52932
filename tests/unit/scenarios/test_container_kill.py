"""Killing containers, with a stand-in API server and an engine whose command records what it is asked."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kindgate.deploy.snapshot import Snapshot
from kindgate.errors import ScenarioError
from kindgate.host.container_engine import Engine
from kindgate.model import ClusterAddress, ObjectRef
from kindgate.scenarios.container_kill import ContainerKill
from kindgate.scenarios.pod_kill import pods_replaced
from kindgate.waiting import Deadline, Pending, Ready
from tests.unit.deploy.objects import Object, live_deployment, live_pod, live_replicaset
from tests.unit.deploy.standin import ApiServer, kubeconfig, serving

WEB = ObjectRef("Deployment", "shop", "web")
POD = "/api/v1/namespaces/shop/pods/a"


def pod(container: str) -> Object:
    """The pod a with a sidecar; `container` is the identifier of its own container."""
    statuses = [{"name": "proxy", "containerID": "containerd://sidecar"}, {"name": "web", "containerID": f"containerd://{container}"}]
    item = live_pod("a")
    item["status"] = {"conditions": [{"type": "Ready", "status": "True"}], "containerStatuses": statuses}
    item["spec"] |= {"nodeName": "shop-worker"}
    return item


@pytest.fixture
def server() -> Iterator[ApiServer]:
    """An API server with one ready pod of shop/web."""
    with serving() as state:
        state.put("/apis/apps/v1/namespaces/shop/deployments/web", live_deployment(1, replicas=1, observed=99))
        state.put("/apis/apps/v1/namespaces/shop/replicasets/web-1", live_replicaset())
        state.put(POD, pod("old"))
        yield state


@pytest.fixture
def address(server: ApiServer, tmp_path: Path) -> ClusterAddress:
    """The server's address."""
    return ClusterAddress("test", kubeconfig(tmp_path, server.url), "test", "", nodes=("shop-control-plane", "shop-worker"))


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """An engine that appends its arguments to `asked`."""
    program = tmp_path / "docker"
    program.write_text(
        f"#!{sys.executable} -IS\nimport sys\nopen({str(tmp_path / 'asked')!r}, 'a').write(' '.join(sys.argv[1:]) + '\\n')\n"
    )
    program.chmod(0o755)
    return Engine("docker", program, "27.0")


def test_the_container_is_killed_on_its_node_and_its_successor_is_awaited(
    server: ApiServer, address: ClusterAddress, engine: Engine, tmp_path: Path
) -> None:
    """Not its sidecar."""
    action = ContainerKill(address, [WEB], engine)
    assert action.undo() == ()
    notes: list[str] = []

    def restart(text: str) -> None:
        notes.append(text)
        if len(notes) == 1:
            server.put(POD, pod("new"))

    action.run(restart, Deadline.after(60))
    (command,) = (tmp_path / "asked").read_text().splitlines()
    assert command.startswith("exec shop-worker ctr ")
    assert command.endswith(" --signal SIGKILL old")
    assert "Pod shop/a" in notes[0]


def test_a_pod_that_still_reports_its_killed_container_is_not_back() -> None:
    """The kubelet may not have seen its end yet, and nothing would be waited for."""
    owners = [live_deployment(1, replicas=1), live_replicaset()]
    assert pods_replaced(Snapshot([*owners, pod("old")]), {WEB: 1}, {"containerd://old"}) == Pending(f"{WEB}: 0 of 1 pods ready")
    assert pods_replaced(Snapshot([*owners, pod("new")]), {WEB: 1}, {"containerd://old"}) == Ready(None)


def test_a_cluster_that_kindgate_did_not_create_is_refused(address: ClusterAddress, engine: Engine) -> None:
    """Before anything happens: its nodes are none of its business."""
    with pytest.raises(ScenarioError, match="only in a cluster that kindgate created"):
        ContainerKill(replace(address, existing=True), [WEB], engine).undo()
    with pytest.raises(ScenarioError, match="only in a cluster that kindgate created"):
        ContainerKill(address, [WEB], None).undo()
