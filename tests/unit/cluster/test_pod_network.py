"""The source address of a connectivity check between nodes, and the request made from it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from kindgate.cluster.pod_network import curl_in_node, source_address
from kindgate.host.container_engine import Engine
from kindgate.waiting import Pending, PermanentFailure, Ready


def node(*ranges: str, single: str = "") -> dict[str, Any]:
    """A node with these pod CIDRs."""
    return {"spec": {"podCIDRs": list(ranges)} if ranges else {"podCIDR": single} if single else {}}


@pytest.mark.parametrize(
    ("node", "other", "target", "source"),
    [
        (node("10.244.1.0/24"), node("10.244.0.0/24"), "10.244.0.2", "10.244.1.254"),
        (node(single="10.244.1.0/24"), node(single="10.244.0.0/24"), "10.244.0.2", "10.244.1.254"),
        (node("10.0.0.0/16"), node("10.1.0.0/16"), "10.1.3.4", "10.0.255.254"),
        (node("fd00:1::/64", "10.244.1.0/24"), node("fd00:0::/64", "10.244.0.0/24"), "10.244.0.2", "10.244.1.254"),
        (node("10.244.1.0/24", "fd00:0:0:1::/64"), node("10.244.0.0/24", "fd00::/64"), "fd00::2", "fd00::1:ffff:ffff:ffff:fffe"),
        (node("10.244.1.0/24"), node("10.244.0.0/24"), "192.168.7.9", ""),
        (node(), node(), "10.244.0.2", ""),
        (node("10.244.1.0/31"), node("10.244.0.0/24"), "10.244.0.2", ""),
    ],
)
def test_the_request_comes_from_the_nodes_pod_range(node: Any, other: Any, target: str, source: str) -> None:
    """The source is the last address of the node's pod range, which no pod gets; other kinds of networks have none."""
    assert source_address(node, other, target) == source


def engine(folder: Path, curl: str, ip: Sequence[str] = ()) -> Engine:
    """An engine whose `exec` runs on this machine, with this curl and an ip that records its arguments."""
    programs = {"curl": curl, "ip": f'echo "$*" >> {folder}/ip.log; {"; ".join(ip)}', "docker": 'shift 2; exec "$@"'}
    for name, script in programs.items():
        file = folder / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)
    return Engine("docker", folder / "docker", "28", environment={"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"})


def test_a_source_address_is_added_for_one_request(tmp_path: Path) -> None:
    """The address is removed after a failed request too, and the request's error is returned."""
    failing = engine(tmp_path, "echo 'curl: (28) timed out' >&2; exit 28")
    assert curl_in_node(failing, "n", "http://10.244.0.2:8181/", seconds=1, source="10.244.1.254") == Pending("curl: (28) timed out")
    assert (tmp_path / "ip.log").read_text().splitlines() == [
        "address replace 10.244.1.254/32 dev lo",
        "address delete 10.244.1.254/32 dev lo",
    ]


def test_no_request_is_sent_if_the_source_address_cannot_be_added(tmp_path: Path) -> None:
    """If the address cannot be added, ip's message is returned and no request is made."""
    refusing = engine(tmp_path, "exit 0", ["echo 'RTNETLINK answers: Operation not permitted' >&2", "exit 2"])
    answer = curl_in_node(refusing, "n", "http://[fd00::2]:8181/", seconds=1, source="fd00::1")
    assert answer == Pending("RTNETLINK answers: Operation not permitted")
    assert (tmp_path / "ip.log").read_text() == "address replace fd00::1/128 dev lo\n"


def test_without_a_source_the_request_comes_from_the_node(tmp_path: Path) -> None:
    """Without a source address, the node is not changed."""
    assert isinstance(curl_in_node(engine(tmp_path, "exit 0"), "n", "https://10.96.0.1:443/version", seconds=2), Ready)
    assert not (tmp_path / "ip.log").exists()


@pytest.mark.parametrize(
    "stderr",
    [
        "Error response from daemon: Container 4f1 is not running",
        "Error response from daemon: No such container: n",
        'Error: no container with name or ID "n" found: no such container',
        "Error: can only create exec sessions on running containers: container state improper",
    ],
)
def test_a_stopped_container_is_a_permanent_failure(tmp_path: Path, stderr: str) -> None:
    """Docker's and Podman's messages are both recognized."""
    command = tmp_path / "docker"
    command.write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{stderr}\nEND\nexit 126\n")
    command.chmod(0o755)
    answer = curl_in_node(Engine("podman", command, "5"), "n", "http://10.244.0.2:8181/", seconds=1)
    assert isinstance(answer, PermanentFailure)
    assert "stopped" in answer.cause
    assert subprocess.run([command], check=False, capture_output=True, text=True).stderr.strip() in answer.cause
