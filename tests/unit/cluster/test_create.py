"""Ingress ports: free or requested ones, or an error that names their holder."""

from __future__ import annotations

import os
import socket

import pytest

from kindgate.cluster.create import IngressPorts, is_port_taken
from kindgate.errors import SettingsError

ANY = IngressPorts(0, 0)


def test_chosen_ports_are_free() -> None:
    """The chosen ports are free, on loopback, and distinct."""
    chosen = ANY.chosen()

    with socket.create_server(("127.0.0.1", chosen.http)) as http, socket.create_server(("127.0.0.1", chosen.tls)) as tls:
        assert http.getsockname()[1] != tls.getsockname()[1]


def test_free_requested_ports_are_used() -> None:
    """Requested ports are returned unchanged."""
    requested = ANY.chosen()

    assert requested.chosen() == requested


@pytest.mark.parametrize("option", ["--kind-host-port", "--kind-host-tls-port"])
def test_a_taken_port_names_the_process_that_uses_it(option: str) -> None:
    """The error names the option, the port and the listening process."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        requested = IngressPorts(port, 0) if option == "--kind-host-port" else IngressPorts(0, port)
        with pytest.raises(SettingsError, match=rf"{option} {port}: .* is in use by .* \(pid {os.getpid()}\)"):
            requested.chosen()


def test_one_port_for_both_is_refused() -> None:
    """The same port for both is reported as such, not as held by this process."""
    with pytest.raises(SettingsError, match="--kind-host-port and --kind-host-tls-port are both 18080"):
        IngressPorts(18080, 18080).chosen()


@pytest.mark.parametrize(
    ("requested", "output", "refused"),
    [
        (IngressPorts(1080, 0), "Bind for 127.0.0.1:1080 failed: port is already allocated", "--kind-host-port 1080"),
        (IngressPorts(0, 1443), "Bind for 127.0.0.1:1443 failed: port is already allocated", "--kind-host-tls-port 1443"),
        (IngressPorts(1080, 1443), "Bind for 127.0.0.1:1443 failed: port is already allocated", "--kind-host-tls-port 1443"),
        (IngressPorts(1080, 0), "ports are not available", "--kind-host-port 1080"),
        (IngressPorts(1080, 0), "Bind for 127.0.0.1:1443 failed: port is already allocated", ""),
        (ANY, "Bind for 127.0.0.1:1080 failed: port is already allocated", ""),
    ],
)
def test_only_a_stolen_requested_port_is_an_error(requested: IngressPorts, output: str, refused: str) -> None:
    """A chosen port that was stolen can be replaced; for a requested one, the error names its option."""
    chosen = IngressPorts(1080, 1443)
    if refused:
        with pytest.raises(SettingsError, match=refused):
            requested.refuse_stolen(chosen, output)
    else:
        requested.refuse_stolen(chosen, output)


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("Bind for 127.0.0.1:18080 failed: port is already allocated", True),
        ("listen tcp4 127.0.0.1:18080: bind: address already in use", True),
        ("Ports are not available: exposing port", False),
        ("Error response: ports are not available: exposing port TCP 127.0.0.1:80", True),
        ("failed to init node with kubeadm", False),
    ],
)
def test_a_stolen_port_is_recognized(output: str, *, expected: bool) -> None:
    """The engines' messages about a taken port are distinguished from other failures."""
    assert is_port_taken(output) is expected
