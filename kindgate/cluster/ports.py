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
"""Messages of Docker, the kernel and Docker Desktop for a port that is already taken."""


class HostPortStolen(ClusterError):
    """Another process took the chosen port before the engine could."""


@dataclass(frozen=True)
class IngressPorts:
    """Ports of 127.0.0.1: `http` leads to the ingress's port 80, `tls` to its port 443. A requested 0 means any free port."""

    http: int
    tls: int

    def chosen(self) -> IngressPorts:
        """Replace zeros with free ports, never the same port twice.

        Nothing reserves a port until the engine binds it; `is_port_taken` detects that another process was faster.
        Raises `SettingsError` that names the process using a requested port, if it is visible.
        """
        if self.http and self.http == self.tls:
            raise SettingsError(
                f"--kind-host-port and --kind-host-tls-port are both {self.http}", next_step="use two different ports, or remove one option"
            )
        with _held(self.http, HTTP_OPTION) as http, _held(self.tls, TLS_OPTION) as tls:
            return IngressPorts(int(http.getsockname()[1]), int(tls.getsockname()[1]))

    def refuse_stolen(self, chosen: IngressPorts, output: str) -> None:
        """Raise `SettingsError` if a requested port was taken after it was `chosen`, according to the engine's `output`.

        Does nothing if it was an arbitrary free port, because another one can be chosen.
        """
        requested = [(self.http, HTTP_OPTION), (self.tls, TLS_OPTION)]
        named = {int(port) for port in re.findall(r":(\d+)\b", output)}
        if not named & {chosen.http, chosen.tls}:
            named = {self.http or self.tls}  # the engine names no port: blame the user's, the only one that cannot be replaced
        for port, option in requested:
            if port and port in named:
                raise port_error(port, option)


@contextmanager
def _held(requested: int, option: str) -> Iterator[socket.socket]:
    """A socket bound to the requested port, or to any free one for 0."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # ignore connections in TIME_WAIT
        try:
            probe.bind((LOOPBACK, requested))
        except OSError as error:
            raise port_error(requested, option, error) from error
        yield probe


def port_error(port: int, option: str = HTTP_OPTION, error: OSError | None = None) -> SettingsError:
    """The error for an unavailable requested port."""
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
    """Whether kind or the engine reports in `output` that a port is taken."""
    return any(mark in output for mark in _TAKEN)


def _by_whom(port: int) -> str:
    """` by NAME (pid N)`, or empty if the system hides it from this user."""
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
