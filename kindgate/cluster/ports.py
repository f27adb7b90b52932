"""The ports of this machine that lead to the ingress."""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

from kindgate.errors import ClusterError, SettingsError

LOOPBACK = "127.0.0.1"
HTTP_OPTION, TLS_OPTION = "--kind-host-port", "--kind-host-tls-port"

_TAKEN = ("port is already allocated", "address already in use", "ports are not available")
"""What Docker, the kernel and Docker Desktop say when somebody else was faster."""


class HostPortStolen(ClusterError):
    """Somebody took the chosen port before the engine could."""


@dataclass(frozen=True)
class IngressPorts:
    """Ports of 127.0.0.1: `http` leads to the ingress's port 80, `tls` to its port 443. A requested port of 0 is any free one."""

    http: int
    tls: int

    def chosen(self) -> IngressPorts:
        """Free ports instead of the zeros, never one port for both.

        Nothing holds a port until the engine does; `is_port_taken` recognizes that another process was faster. Raises
        `SettingsError` that names what holds a requested port, where that can be seen.
        """
        if self.http and self.http == self.tls:
            raise SettingsError(
                f"--kind-host-port and --kind-host-tls-port are both {self.http}", next_step="use two different ports, or remove one option"
            )
        with _held(self.http, HTTP_OPTION) as http, _held(self.tls, TLS_OPTION) as tls:
            return IngressPorts(int(http.getsockname()[1]), int(tls.getsockname()[1]))

    def refuse_stolen(self, chosen: IngressPorts, output: str) -> None:
        """Raise the `SettingsError` for a requested port that was taken after it was `chosen`, as the engine's `output` says.

        Does nothing where it was a free one, for which another can be taken.
        """
        requested = [(self.http, HTTP_OPTION), (self.tls, TLS_OPTION)]
        named = {int(port) for port in re.findall(r":(\d+)\b", output)}
        if not named & {chosen.http, chosen.tls}:
            named = {self.http or self.tls}  # the engine names no port: the user's own is the one that cannot be exchanged
        for port, option in requested:
            if port and port in named:
                raise port_error(port, option)


@contextmanager
def _held(requested: int, option: str) -> Iterator[socket.socket]:
    """A socket on the requested port, or on any free one for 0."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a connection in TIME_WAIT does not count
        try:
            probe.bind((LOOPBACK, requested))
        except OSError as error:
            raise port_error(requested, option, error) from error
        yield probe


def port_error(port: int, option: str = HTTP_OPTION, error: OSError | None = None) -> SettingsError:
    """The error for a requested port that is not free."""
    if error is not None and error.errno == errno.EACCES:
        return SettingsError(
            f"{option} {port}: this user is not allowed to listen on a port below 1024",
            next_step=f"remove {option} to use a free port",
        )
    return SettingsError(
        f"{option} {port}: port {port} on {LOOPBACK} is in use{_by_whom(port)}",
        next_step=f"remove {option} to use a free port, or stop the program that listens there",
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
