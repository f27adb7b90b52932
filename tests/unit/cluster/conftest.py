"""Fixtures for a machine with a stand-in container engine, kind and API server, all real processes and servers."""

from __future__ import annotations

import dataclasses
import http.server
import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kindgate.host.firewall import PROGRAMS
from tests.unit.cluster.machine import NODE_IMAGE, Machine, StandInEngine
from tests.unit.firewall_stand_in import Firewall, install_firewall

STAND_IN = Path(__file__).parent / "stand_in.py"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """A machine with the node image in its engine and an API server that reports every node as Ready."""
    root = tmp_path / "machine"
    for folder in ("containers", "names", "networks", "volumes", "images", "bin"):
        (root / folder).mkdir(parents=True)
    (root / "images" / NODE_IMAGE.replace("/", "_")).write_text("sha256:0", encoding="utf-8")
    monkeypatch.setenv("KINDGATE_STATE_DIR", str(tmp_path / "state"))
    docker, kind = (_program(root, name) for name in ("docker", "kind"))
    machine = Machine(root, StandInEngine("docker", docker, "26.0"), kind)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _api_handler(machine)) as server:
        machine.api = f"http://127.0.0.1:{server.server_address[1]}"
        machine.configure("api", machine.api)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield machine
        server.shutdown()
        thread.join()


@pytest.fixture
def podman(machine: Machine) -> Machine:
    """The same machine with Podman run by root; the bridge of its networks is an interface that exists on every machine."""
    machine.engine = dataclasses.replace(machine.engine, program="podman")
    machine.configure("bridge", "lo")
    return machine


@pytest.fixture
def firewall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Firewall:
    """A firewall that root can change and that drops everything without a matching rule."""
    monkeypatch.setattr("kindgate.cluster.forwarding.os.geteuid", lambda: 0)
    filtered = tmp_path / "bridge-nf"
    filtered.mkdir()
    for program in PROGRAMS:
        (filtered / f"bridge-nf-call-{program}").write_text("1\n", encoding="ascii")
    monkeypatch.setattr("kindgate.cluster.forwarding._BRIDGES_ARE_FILTERED", filtered)
    return install_firewall(tmp_path / "firewall", monkeypatch)


def _program(root: Path, name: str) -> Path:
    file = root / "bin" / name
    file.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S {STAND_IN} {name} {root} "$@"\n', encoding="utf-8")
    file.chmod(0o755)
    return file


def _api_handler(machine: Machine) -> type[http.server.BaseHTTPRequestHandler]:
    """An API server for the readiness checks; its nodes are the machine's running containers."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # the head and the body are two packets: with Nagle's algorithm, the second would wait 40 ms

        def do_GET(self) -> None:
            path = self.path.partition("?")[0].rstrip("/")
            answer = None if path in machine.deleted else _objects(machine).get(path)
            body = json.dumps(answer if answer is not None else {"kind": "Status", "reason": "NotFound"}).encode()
            self.send_response(403 if machine.forbidden else 200 if answer is not None else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep the test output clean."""

    return Handler


def _objects(machine: Machine) -> dict[str, Any]:
    nodes = [name for name in machine.containers if not name.endswith("-owner")]
    ready, replicas = machine.coredns_replicas > 0, machine.coredns_replicas
    deployment = {
        "metadata": {"name": "coredns"},
        "status": {"conditions": [{"type": "Available", "status": str(ready)}], "replicas": 2, "readyReplicas": replicas},
    }
    dns = {
        "spec": {"nodeName": nodes[0] if nodes else ""},
        "status": {"podIP": "10.244.0.2", "conditions": [{"type": "Ready", "status": str(ready)}]},
    }
    return {
        "/version": machine.version,
        "/api/v1/nodes": {"items": [_node(name, number, machine.not_ready.get(name)) for number, name in enumerate(nodes)]},
        "/api/v1/namespaces/kube-system/pods": {"items": [dns]},
        "/apis/apps/v1/namespaces/kube-system/deployments/coredns": deployment,
        "/api/v1/namespaces/default/serviceaccounts/default": {"metadata": {"name": "default"}},
        "/api/v1/namespaces/default/services/kubernetes": {"metadata": {"name": "kubernetes"}, "spec": {"clusterIP": "10.96.0.1"}},
    }


def _node(name: str, number: int, complaint: str | None) -> dict[str, Any]:
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status"}
    broken = {"type": "Ready", "status": "False", "reason": "KubeletNotReady", "message": complaint}
    conditions = [broken if complaint else ready]
    return {"metadata": {"name": name}, "spec": {"podCIDR": f"10.244.{number}.0/24"}, "status": {"conditions": conditions}}
