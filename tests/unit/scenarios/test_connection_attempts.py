"""Attempts are made by bash in the pods' network namespaces: with a node whose programs are stand-ins, and real connections."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from kindgate.errors import ScenarioError
from kindgate.host.container_engine import Engine
from kindgate.model import ObjectRef
from kindgate.scenarios.connection_attempts import AT_ONCE, Attempt, RunningPod, node_script, parse_answers, try_all
from kindgate.slo.connections import Seen
from kindgate.waiting import Deadline
from tests.unit.deploy.objects import Object, live_pod

ENGINE = """
import os, sys
_, _, _, node, *command = sys.argv
sys.exit("no such node") if node == "gone" else None
os.environ["PATH"] = {folder!r} + os.pathsep + os.environ["PATH"]
os.execvp(command[0], command)
"""

POD = RunningPod(ObjectRef("Pod", "shop", "web"), "worker", "abc", "10.0.0.1")


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """An engine whose nodes have one running container, `abc`, in this process's own network."""
    programs = {
        "engine": f"#!{sys.executable} -IS\n{ENGINE.format(folder=str(tmp_path))}",
        "ctr": "#!/bin/sh\necho 'TASK PID STATUS'\necho 'abc 1 RUNNING'\n",
        "nsenter": '#!/bin/sh\n[ "$1" = --net=/proc/1/ns/net ] || exit 99\nshift\nexec "$@"\n',
    }
    for name, text in programs.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    return Engine("docker", tmp_path / "engine", "27.0")


def seen_by(engine: Engine, *attempts: Attempt) -> list[Seen]:
    """What the attempts saw, in order."""
    seen = try_all(engine, attempts, Deadline.after(60))
    return [seen[attempt] for attempt in attempts]


def test_an_open_and_a_closed_port_are_distinguished(engine: Engine) -> None:
    """By connecting to them."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        ports = [server.getsockname()[1], closed.getsockname()[1]]
        assert seen_by(engine, *(Attempt(POD, "127.0.0.1", port) for port in ports)) == [Seen.CONNECTED, Seen.REFUSED]


def test_a_container_that_is_gone_shows_nothing(engine: Engine) -> None:
    """Its attempt is not mistaken for a denied connection."""
    gone = RunningPod(POD.ref, "worker", "def", "10.0.0.2")
    assert seen_by(engine, Attempt(gone, "127.0.0.1", 1)) == [Seen.FAILED]


def test_a_node_that_cannot_be_used_is_an_error(engine: Engine) -> None:
    """With what the engine said."""
    lost = RunningPod(POD.ref, "gone", "abc", "10.0.0.2")
    with pytest.raises(ScenarioError, match="on node gone") as raised:
        seen_by(engine, Attempt(lost, "127.0.0.1", 1))
    assert raised.value.last_state == "no such node"


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("0 0 ", Seen.CONNECTED),
        ("0 124 ", Seen.TIMED_OUT),
        ("0 1 bash: connect: Connection refused bash: line 1: /dev/tcp/a/1: Connection refused", Seen.REFUSED),
        ("0 1 bash: connect: Connection timed out", Seen.TIMED_OUT),
        ("0 1 bash: connect: No route to host", Seen.UNREACHABLE),
        ("0 1 bash: connect: Network is unreachable", Seen.UNREACHABLE),
        ("0 1 nsenter: cannot open /proc/9/ns/net", Seen.FAILED),
    ],
)
def test_bashs_messages_are_understood(line: str, seen: Seen) -> None:
    """Anything unknown shows nothing."""
    assert parse_answers(f"{line}\nnoise\n") == {0: seen}


def test_a_node_makes_a_limited_number_of_attempts_at_once() -> None:
    """More would be late on a small machine, and look denied."""
    script = node_script([Attempt(POD, "10.0.0.2", port + 1) for port in range(2 * AT_ONCE)])
    assert script.splitlines().count("wait") == 3


def running(**changes: object) -> Object:
    """A pod with one container that runs and one that waits."""
    states = [{"name": "a", "state": {"waiting": {}}}, {"name": "b", "containerID": "containerd://abc", "state": {"running": {}}}]
    pod = live_pod("web", podIP="10.0.0.1", containerStatuses=states)
    pod["spec"] |= {"nodeName": "worker", **changes}
    return pod


def test_a_pod_is_entered_by_a_container_that_runs() -> None:
    """All its containers share a network."""
    assert RunningPod.of(running()) == POD


@pytest.mark.parametrize("pod", [running(hostNetwork=True), live_pod("web"), live_pod("web", podIP="10.0.0.1")])
def test_a_pod_without_a_network_of_its_own_is_left_out(pod: Object) -> None:
    """Policies do not apply to the node's network."""
    assert RunningPod.of(pod) is None
