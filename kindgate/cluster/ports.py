"""The port of this machine that leads to the ingress."""

from __future__ import annotations

import errno
import socket

import psutil

from kindgate.errors import ClusterError, SettingsError

LOOPBACK = "127.0.0.1"

_TAKEN = ("port is already allocated", "address already in use", "ports are not available")
"""What Docker, the kernel and Docker Desktop say when somebody else was faster."""


class HostPortStolen(ClusterError):
    """Somebody took the chosen port before the engine could."""


def choose_port(asked: int) -> int:
    """The asked port of 127.0.0.1 if it is free, or any free one for 0.

    Nothing holds the port until the engine does; `is_port_taken` recognises the case that somebody else was faster.
    Raises `SettingsError` that names who holds the asked port, where that can be seen.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections in TIME_WAIT are in nobody's way
        try:
            probe.bind((LOOPBACK, asked))
        except OSError as error:
            raise port_error(asked, error) from error
        return int(probe.getsockname()[1])


def port_error(port: int, error: OSError | None = None) -> SettingsError:
    """The error for an asked port that cannot be had."""
    if error is not None and error.errno == errno.EACCES:
        return SettingsError(
            f"--kind-host-port {port}: this user may not listen on a port below 1024",
            next_step="leave --kind-host-port out to take a free port",
        )
    return SettingsError(
        f"--kind-host-port {port}: port {port} of {LOOPBACK} is taken{_by_whom(port)}",
        next_step="leave --kind-host-port out to take a free port, or end what listens there",
    )


def is_port_taken(output: str) -> bool:
    """Whether the output of kind or of the engine says that a port was taken."""
    return any(mark in output for mark in _TAKEN)


def _by_whom(port: int) -> str:
    """` by NAME (pid N)`, or nothing where the system does not let this user see it."""
    try:
        listeners = [
            connection
            for connection in psutil.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
        ]
        for connection in listeners:
            if connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except (psutil.Error, PermissionError):
        return ""
    return ""
