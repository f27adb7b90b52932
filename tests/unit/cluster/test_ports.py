"""The host port: a free one, or the asked one, or an error that says who has it."""

from __future__ import annotations

import os
import socket

import pytest

from kindgate.cluster.ports import choose_port, is_port_taken
from kindgate.errors import SettingsError


def test_a_free_port_can_be_listened_on() -> None:
    """What is chosen is free, on loopback."""
    with socket.create_server(("127.0.0.1", choose_port(0))) as server:
        assert server.getsockname()[1] > 0


def test_the_asked_port_is_taken_when_free() -> None:
    """The asked port comes back as it is."""
    port = choose_port(0)
    assert choose_port(port) == port


def test_a_taken_port_names_its_holder() -> None:
    """The error names option, port and the process that listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"--kind-host-port {port}: .* is taken by .* \(pid {os.getpid()}\)"):
            choose_port(port)


@pytest.mark.parametrize(
    ("output", "taken"),
    [
        ("Bind for 127.0.0.1:18080 failed: port is already allocated", True),
        ("listen tcp4 127.0.0.1:18080: bind: address already in use", True),
        ("Ports are not available: exposing port", False),
        ("Error response: ports are not available: exposing port TCP 127.0.0.1:80", True),
        ("failed to init node with kubeadm", False),
    ],
)
def test_a_stolen_port_is_recognised(output: str, *, taken: bool) -> None:
    """The engines' words for a taken port are told from other failures."""
    assert is_port_taken(output) is taken
