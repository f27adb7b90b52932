"""A complete bundle, collected from a loopback API server and an engine that is a script."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from kindgate.deploy.diagnosis.cause import CauseKind
from kindgate.errors import DeployError
from kindgate.host.container_engine import Engine
from kindgate.model import ClusterAddress, Rendered, Window
from kindgate.observe.collect import BrokenCluster, collect_bundle
from kindgate.waiting import Deadline

if TYPE_CHECKING:
    from tests.unit.observe.api_stand_in import Server

CANARY = "planted-canary-1"
VARIABLE_CANARY = "planted-canary-2"
DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "foo", "namespace": "echo"},
    "spec": {
        "replicas": 2,
        "template": {"spec": {"containers": [{"name": "app", "env": [{"name": "API_KEY", "value": VARIABLE_CANARY}]}]}},
    },
}
RENDERED = Rendered(Path("overlay"), (DEPLOYMENT,))


def pod(
    name: str, *, namespace: str = "echo", ready: bool = True, labels: dict[str, str] | None = None, **container: Any
) -> dict[str, Any]:
    """A pod with one container, as the API server lists it."""
    status = {"name": "app", "ready": ready, "restartCount": 0, "state": {"running": {}}, **container}
    return {
        "metadata": {"name": name, "namespace": namespace, "uid": name, "labels": labels or {}},
        "spec": {"containers": [{"name": "app", "env": [{"name": "API_KEY", "value": VARIABLE_CANARY}]}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": str(ready)}], "containerStatuses": [status]},
    }


def log(name: str, namespace: str = "echo") -> str:
    """Return the path of a pod's log."""
    return f"/api/v1/namespaces/{namespace}/pods/{name}/log"


@pytest.fixture
def failed(server: Server) -> Server:
    """A cluster with a crashing pod, a healthy one, an ingress controller and a Secret."""
    crashed = pod(
        "crashed",
        ready=False,
        restartCount=3,
        state={"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}},
        lastState={"terminated": {"reason": "Error", "exitCode": 1}},
    )
    ingress = pod("traefik-1", namespace="ingress", labels={"app.kubernetes.io/name": "traefik"})
    event = {
        "metadata": {"name": "crashed.1", "namespace": "echo"},
        "type": "Warning",
        "reason": "BackOff",
        "message": f"Back-off restarting failed container, key {CANARY}",
        "involvedObject": {"kind": "Pod", "namespace": "echo", "name": "crashed", "uid": "crashed"},
        "lastTimestamp": "2026-01-01T00:00:00Z",
    }
    server.answers["/api/v1/pods"] = {"items": [crashed, pod("well"), ingress]}
    server.answers["/api/v1/events"] = {"items": [event]}
    server.answers["/api/v1/nodes"] = {"items": [{"metadata": {"name": "worker"}, "status": {}}]}
    secret = {"metadata": {"name": "db", "namespace": "echo"}, "data": {"password": base64.b64encode(CANARY.encode()).decode()}}
    server.answers["/api/v1/secrets"] = {"items": [secret]}
    server.answers["/apis/apps/v1/namespaces/echo/deployments/foo"] = {**DEPLOYMENT, "spec": {**DEPLOYMENT["spec"], "replicas": 1}}
    server.answers[log("crashed")] = f"2026-01-01T00:00:00Z my password is {CANARY} and {VARIABLE_CANARY}\n"
    server.answers[log("well")] = "2026-01-01T00:00:00Z fine\n"
    server.answers[log("traefik-1", "ingress")] = "2026-01-01T00:00:00.5Z in it\n2026-01-01T00:00:59.5Z after it\n"
    return server


def test_a_bundle_has_every_requested_piece(failed: Server, tmp_path: Path) -> None:
    """Each requested piece is a separate file in one folder, and nothing is missing."""
    window = Window(1767225600.0, 1767225610.0)  # 2026-01-01T00:00:00Z and 10 s
    bundle = collect_bundle(
        failed.address,
        folder=tmp_path / "bundle",
        deadline=Deadline.after(20),
        window=window,
        rendered=RENDERED,
        error="DeployError: the application is not healthy",
        fetch_metrics=lambda span, _: {"cpu": [span.start, span.end]},
    )
    assert bundle.missing == {}
    assert set(bundle.files) == {
        "bundle.json",
        "difference.txt",
        "error.txt",
        "events.txt",
        "ingress/traefik-1.log",
        "logs/echo/crashed/app.log",
        "logs/echo/crashed/app.previous.log",
        "logs/echo/well/app.log",
        "nodes.txt",
        "pods.txt",
        "pods/echo/crashed.txt",
        "prometheus.json",
        "rendered.yaml",
    }
    assert all((tmp_path / "bundle" / name).is_file() for name in bundle.files)
    assert (tmp_path / "bundle/difference.txt").read_text() == "Deployment echo/foo: spec.replicas: requested 2, found 1\n"
    assert "BackOff" in (tmp_path / "bundle/pods/echo/crashed.txt").read_text()
    assert json.loads((tmp_path / "bundle/prometheus.json").read_text()) == {"cpu": [window.start, window.end]}


def test_the_cause_is_named_with_its_proof(failed: Server, tmp_path: Path) -> None:
    """The proof comes from the pod's current state, not from the matching event."""
    bundle = collect_bundle(failed.address, folder=tmp_path / "bundle", deadline=Deadline.after(20))
    assert [cause.kind for cause in bundle.causes] == [CauseKind.CRASH_LOOP]
    assert bundle.cause == "crash loop: Pod echo/crashed: container app: CrashLoopBackOff: back-off 10s"


def test_no_planted_secret_survives(failed: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values of Secrets, variables, this process's environment and the kubeconfig are in none of the files."""
    monkeypatch.setenv("DEPLOY_TOKEN", "environment-canary")
    failed.answers[log("well")] = "2026-01-01T00:00:00Z environment-canary kubeconfig-token-canary\n"
    error = f"{CANARY} {VARIABLE_CANARY} environment-canary kubeconfig-token-canary"
    collect_bundle(
        failed.address, folder=tmp_path / "bundle", deadline=Deadline.after(20), rendered=RENDERED, error=error, window=Window(0, 2e9)
    )
    files = [path for path in (tmp_path / "bundle").rglob("*") if path.is_file()]
    assert len(files) > 8
    for path in files:
        assert "canary" not in path.read_text(), path


def test_the_ingress_log_covers_only_the_window(failed: Server, tmp_path: Path) -> None:
    """Log lines from other tests are excluded."""
    window = Window(1767225600.0, 1767225610.0)
    collect_bundle(failed.address, folder=tmp_path / "bundle", deadline=Deadline.after(20), window=window)
    text = (tmp_path / "bundle/ingress/traefik-1.log").read_text()
    assert "in it" in text
    assert "after it" not in text
    assert dict(failed.requested)[log("traefik-1", "ingress")]["sinceTime"] == "2026-01-01T00:00:00.000000Z"


def test_an_unavailable_piece_is_listed(failed: Server, tmp_path: Path) -> None:
    """Without permission to read Secrets and nodes, the rest is collected with a note."""
    failed.forbidden = {"/api/v1/secrets", "/api/v1/nodes"}
    bundle = collect_bundle(failed.address, folder=tmp_path / "bundle", deadline=Deadline.after(20))
    assert set(bundle.missing) == {"redaction of the values of Secrets", "nodes.txt"}
    assert "logs/echo/crashed/app.log" in bundle.files


def test_namespaces_are_read_separately_without_cluster_wide_permission(failed: Server, tmp_path: Path) -> None:
    """On an existing cluster, the kubeconfig may have rights only in the application's namespace."""
    failed.forbidden = {"/api/v1/pods", "/api/v1/events", "/api/v1/secrets"}
    failed.answers["/api/v1/namespaces/echo/pods"] = {"items": [pod("alone", ready=False)]}
    bundle = collect_bundle(failed.address, folder=tmp_path / "bundle", deadline=Deadline.after(20), rendered=RENDERED)
    assert "alone" in (tmp_path / "bundle/pods.txt").read_text()
    assert "pods.txt" not in bundle.missing


def test_an_unresponsive_cluster_does_not_affect_other_pieces(tmp_path: Path) -> None:
    """The manifests and the error are collected without the cluster."""
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        yaml.safe_dump(
            {
                "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
                "users": [],
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": ""}}],
            }
        )
    )
    address = ClusterAddress("c", kubeconfig, "c", "")
    bundle = collect_bundle(
        address, folder=tmp_path / "bundle", deadline=Deadline.after(5), rendered=RENDERED, error="failed calling webhook"
    )
    assert {"pods.txt", "events.txt", "nodes.txt"} <= set(bundle.missing)
    assert {"bundle.json", "error.txt", "rendered.yaml"} <= set(bundle.files)
    assert [cause.kind for cause in bundle.causes] == [CauseKind.WEBHOOK]


def test_failing_metrics_do_not_affect_other_pieces(tmp_path: Path) -> None:
    """Prometheus itself might have failed, so the rest is still collected."""

    def series(window: Window, deadline: Deadline) -> dict[str, Any]:
        raise TimeoutError(f"no answer for {window.seconds:.0f} s, {deadline.expired}")

    bundle = collect_bundle(
        None, folder=tmp_path / "bundle", deadline=Deadline.after(5), window=Window(0, 3), rendered=RENDERED, fetch_metrics=series
    )
    assert bundle.missing == {"prometheus.json": "TimeoutError: no answer for 3 s, False"}
    assert bundle.files == ("bundle.json", "rendered.yaml")


def test_a_broken_cluster_is_inspected_through_its_containers(tmp_path: Path) -> None:
    """The last error in a node's log is the proof, because earlier ones may have been temporary."""
    command = tmp_path / "docker"
    command.write_text(
        """#!/bin/sh
case "$*" in
  "logs "*) echo console;;
  *unit=kubelet) echo 'E1 cni plugin not initialized'; echo 'E2 network plugin is not ready'; echo 'ok again';;
  *unit=containerd) echo 'no such unit' >&2; exit 1;;
  *) echo CONTAINER;;
esac
"""
    )
    command.chmod(0o755)
    broken = BrokenCluster(Engine("docker", command, "28"), ("node-1",), "ERROR: failed to create cluster")
    bundle = collect_bundle(None, folder=tmp_path / "bundle", deadline=Deadline.after(20), broken=broken)
    assert set(bundle.files) == {
        "bundle.json",
        "kind.log",
        "nodes/node-1/console.log",
        "nodes/node-1/kubelet.log",
        "nodes/node-1/containers.log",
    }
    assert "no such unit" in bundle.missing["nodes/node-1/containerd"]
    assert bundle.cause == "CNI: Node node-1: E2 network plugin is not ready"


def engine_saying(folder: Path, script: str) -> Engine:
    """An engine whose command is this shell script."""
    command = folder / "docker"
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)
    return Engine("docker", command, "28")


def test_a_stopped_node_container_is_the_cause(failed: Server, tmp_path: Path) -> None:
    """A paused, stopped or removed node explains everything else, so it comes before unhealthy pods."""
    script = r"printf 'n-control-plane\trunning\tUp 2 minutes\nn-worker\tpaused\tUp 2 minutes (Paused)\n'"
    target = replace(failed.address, nodes=("n-control-plane", "n-worker", "n-worker2"))
    bundle = collect_bundle(target, folder=tmp_path / "bundle", deadline=Deadline.after(20), engine=engine_saying(tmp_path, script))

    down = [cause.finding for cause in bundle.causes if cause.kind is CauseKind.NODE_DOWN]
    assert down == [
        "node down: Node n-worker2: the node's container is gone",
        "node down: Node n-worker: the node's container is paused: Up 2 minutes (Paused)",
    ]
    assert bundle.causes[0].kind is CauseKind.NODE_DOWN


@pytest.mark.parametrize(
    ("state", "status", "down"),
    [
        ("running", "Up 3 minutes", ""),
        ("running", "Up 3 minutes (healthy)", ""),
        ("Up 3 minutes ago", "Up 3 minutes ago", ""),
        ("Up Less than a second ago", "Up Less than a second ago", ""),
        ("Up 2 hours ago (healthy)", "Up 2 hours ago (healthy)", ""),
        ("paused", "Up 3 minutes (Paused)", "paused: Up 3 minutes (Paused)"),
        ("Paused", "Paused", "paused: Paused"),
        ("exited", "Exited (137) 3 seconds ago", "exited: Exited (137) 3 seconds ago"),
        ("Exited (137) 3 seconds ago", "Exited (137) 3 seconds ago", "exited: Exited (137) 3 seconds ago"),
        ("Created", "Created", "created: Created"),
        ("restarting", "Restarting (1) 2 seconds ago", "restarting: Restarting (1) 2 seconds ago"),
    ],
)
def test_a_running_node_container_is_not_a_cause(failed: Server, tmp_path: Path, state: str, status: str, down: str) -> None:
    """Docker and each Podman version report a container's state in their own format."""
    target = replace(failed.address, nodes=("n-worker",))
    engine = engine_saying(tmp_path, rf"printf 'n-worker\t{state}\t{status}\n'")

    bundle = collect_bundle(target, folder=tmp_path / "bundle", deadline=Deadline.after(20), engine=engine)

    causes = [cause.finding for cause in bundle.causes if cause.kind is CauseKind.NODE_DOWN]
    assert causes == ([f"node down: Node n-worker: the node's container is {down}"] if down else [])


def test_an_unresponsive_engine_is_the_cause(failed: Server, tmp_path: Path) -> None:
    """The engine's own message is the proof."""
    engine = engine_saying(tmp_path, "echo 'Cannot connect to the Docker daemon' >&2; exit 1")
    bundle = collect_bundle(failed.address, folder=tmp_path / "bundle", deadline=Deadline.after(20), engine=engine)

    assert bundle.cause == "engine: Engine docker: the container engine does not answer: Cannot connect to the Docker daemon"
    assert "containers.txt" in bundle.missing


def test_a_deleted_object_is_a_cause_after_everything_was_applied(server: Server, tmp_path: Path) -> None:
    """Until everything is applied, a missing object is not a cause."""
    for applied in (False, True):
        bundle = collect_bundle(
            server.address, folder=tmp_path / str(applied), deadline=Deadline.after(20), rendered=RENDERED, applied=applied
        )
        assert bundle.cause == ("object missing: Deployment echo/foo: is not there" if applied else "")


def test_a_cluster_without_dns_is_reported(server: Server, tmp_path: Path) -> None:
    """With CoreDNS scaled to zero, no pod is unhealthy and no event is recorded."""
    coredns = {"metadata": {"name": "coredns", "namespace": "kube-system"}, "spec": {"replicas": 0}, "status": {}}
    server.answers["/apis/apps/v1/deployments"] = {"items": [coredns]}
    bundle = collect_bundle(server.address, folder=tmp_path / "bundle", deadline=Deadline.after(20))

    assert bundle.cause == "DNS: Deployment kube-system/coredns: DNS of the cluster: 0 of 0 replicas are ready"


def test_a_host_limit_is_found_in_the_log_of_a_crashing_pod(failed: Server, tmp_path: Path) -> None:
    """Only kube-proxy's log states the limit; the pod's state has just an exit code."""
    failed.answers[log("crashed")] = "2026-01-01T00:00:00Z fsnotify watcher init: too many open files\n"
    bundle = collect_bundle(failed.address, folder=tmp_path / "bundle", deadline=Deadline.after(20))

    assert bundle.causes[0].kind is CauseKind.HOST_LIMIT
    assert "fsnotify watcher init: too many open files" in bundle.cause


def test_any_open_file_limit_of_a_system_pod_is_the_hosts(server: Server, tmp_path: Path) -> None:
    """kube-proxy does not say that it watches files."""
    server.answers["/api/v1/pods"] = {"items": [pod("kube-proxy-1", namespace="kube-system", ready=False)]}
    server.answers[log("kube-proxy-1", "kube-system")] = 'E1 "command failed" err="failed complete: too many open files"\n'
    bundle = collect_bundle(server.address, folder=tmp_path / "bundle", deadline=Deadline.after(20))

    assert [cause.kind for cause in bundle.causes] == [CauseKind.HOST_LIMIT]


def test_a_claim_without_a_volume_is_the_cause(server: Server, tmp_path: Path) -> None:
    """The claims are read too: the scheduler says only that one is unbound."""
    message = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."
    waiting = pod("db-0", ready=False)
    waiting["spec"]["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    waiting["status"] = {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}]}
    metadata = {"name": "data", "namespace": "echo"}
    event = {
        "metadata": {**metadata, "name": "data.1"},
        "type": "Warning",
        "reason": "ProvisioningFailed",
        "message": 'storageclass "fast" not found',
        "involvedObject": {"kind": "PersistentVolumeClaim", **metadata},
    }
    server.answers["/api/v1/pods"] = {"items": [waiting]}
    server.answers["/api/v1/events"] = {"items": [event]}
    server.answers["/api/v1/persistentvolumeclaims"] = {"items": [{"metadata": metadata, "status": {"phase": "Pending"}}]}
    bundle = collect_bundle(server.address, folder=tmp_path / "bundle", deadline=Deadline.after(20))

    assert bundle.cause == 'volume: PersistentVolumeClaim echo/data: ProvisioningFailed: storageclass "fast" not found'


def test_another_applications_failure_comes_last(failed: Server, tmp_path: Path) -> None:
    """Tests share a cluster, and a pod of another one may fail on purpose."""
    reason = {"terminated": {"reason": "OOMKilled", "exitCode": 137}}
    failed.answers["/api/v1/pods"]["items"].append(pod("db", namespace="other", ready=False, restartCount=1, lastState=reason))
    for namespaces, first in (((), "Pod other/db"), (("echo",), "Pod echo/crashed"), (("echo", "other"), "Pod other/db")):
        bundle = collect_bundle(
            failed.address, folder=tmp_path / first[-5:], deadline=Deadline.after(20), rendered=RENDERED, namespaces=namespaces
        )
        assert str(bundle.causes[0].object) == first


def test_an_application_does_not_name_the_cause(failed: Server, tmp_path: Path) -> None:
    """The log that an error quotes, and the application's own limit of open files, are its words and prove nothing."""
    failed.answers[log("crashed")] = "2026-01-01T00:00:00Z accept: too many open files\n"
    quoted = "log of container app:\n429 Too Many Requests"
    error = str(DeployError("the application is not healthy: Pod echo/crashed: CrashLoopBackOff", last_state=quoted, next_step="see it"))
    bundle = collect_bundle(failed.address, folder=tmp_path / "bundle", deadline=Deadline.after(20), error=error)

    assert {cause.kind for cause in bundle.causes} == {CauseKind.CRASH_LOOP}


def test_an_unwritable_folder_raises_no_error(tmp_path: Path) -> None:
    """The failure itself is still reported with its cause."""
    (tmp_path / "file").write_text("")
    bundle = collect_bundle(None, folder=tmp_path / "file/bundle", deadline=Deadline.after(5), error="0/3 nodes are available")
    assert bundle.files == ()
    assert {"error.txt", "bundle.json"} <= set(bundle.missing)
    assert bundle.causes[0].kind is CauseKind.SCHEDULING
