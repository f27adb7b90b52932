"""Create a cluster's nodes with `kind create cluster`, and choose the ports of this machine that lead to its ingress.

kind runs in its own process group, one at a time per user; its output is kept for the error.
"""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import yaml
from filelock import FileLock, Timeout

from kindgate.cluster.kind_config import KindConfig
from kindgate.cluster.kubeconfig import move_secrets_to_files
from kindgate.cluster.owner_container import state_path
from kindgate.cluster.ownership_rules import RUN_VARIABLE, Owner, network_name
from kindgate.errors import ClusterError, CommandFailed, CommandTimeout, SettingsError
from kindgate.host.command import run
from kindgate.host.container_engine import Engine
from kindgate.host.paths import state_dir
from kindgate.host.privileged import refused_limit_remedy
from kindgate.progress import Progress
from kindgate.waiting import Deadline

LOOPBACK = "127.0.0.1"
HTTP_OPTION, TLS_OPTION = "--kind-host-port", "--kind-host-tls-port"

_PORT_TAKEN = ("port is already allocated", "address already in use", "ports are not available")
"""Messages of Docker, the kernel and Docker Desktop for a port that is already taken."""


_TRANSIENT = ("failed to init node with kubeadm", "failed to join node with kubeadm", "TLS handshake timeout", "i/o timeout")
"""kind's output when a busy machine was too slow for kubeadm; a second attempt often works."""

_JOINING = "• Joining worker nodes"
"""kind's output when all node containers exist and it only waits for workers to register, with the machine idle for seconds."""


class HostPortStolen(ClusterError):
    """Another process took the chosen port before the engine could."""


class CreationFailed(ClusterError):
    """kind exited with an error; `is_transient` is true if another attempt may work."""

    is_transient = False


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
        with _bound_socket(self.http, HTTP_OPTION) as http, _bound_socket(self.tls, TLS_OPTION) as tls:
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


def create_nodes(
    kind: Path,
    engine: Engine,
    config: KindConfig,
    owner: Owner,
    *,
    deadline: Deadline,
    progress: Progress,
    on_nodes: Callable[[], object] = lambda: None,
) -> None:
    """Create the node containers and their network, and write the owner's kubeconfig.

    `on_nodes` is called once, when the containers of all nodes exist: while workers join, otherwise after kind exits.
    Leftovers of a failed kind are not deleted here. Raises `HostPortStolen`, `CreationFailed` and `ClusterError`.
    """
    folder = state_path(owner.cluster)
    file = folder / "kind.yaml"
    file.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    command: list[str | Path] = [kind, "create", "cluster", "--name", owner.cluster, "--image", owner.node_image]
    command += ["--config", file, "--kubeconfig", owner.kubeconfig, "--retain"]
    environment = {
        **engine.kind_environment,
        RUN_VARIABLE: owner.run_id,
        f"KIND_EXPERIMENTAL_{engine.program.upper()}_NETWORK": network_name(owner.cluster),
    }
    lines: list[str] = []
    nodes_exist = False

    def on_line(line: str) -> None:
        nonlocal nodes_exist
        lines.append("".join(char if char.isprintable() else " " for char in line))
        if line.lstrip().startswith("✓"):
            progress(f"kind:{line}")
        if _JOINING in line and not nodes_exist:
            nodes_exist = True
            on_nodes()

    # kind picks a free port for the API server and releases it before the engine binds it: two at once can pick the same one
    lock = FileLock(state_dir() / "kind-create.lock")
    try:
        with lock.acquire(timeout=deadline.remaining):
            run(command, deadline=deadline, env=environment, cwd=owner.root, on_line=on_line)
    except Timeout as error:
        raise ClusterError(
            "timed out waiting for other runs of this user to create their clusters",
            waited=deadline.waited,
            next_step="increase --kind-timeout",
        ) from error
    except CommandTimeout as error:
        raise ClusterError(
            f"kind did not finish creating cluster {owner.cluster}",
            waited=error.waited,
            last_state="\n".join(lines),
            next_step="check the host with `kindgate doctor`; on a slow host, increase --kind-timeout",
        ) from error
    except CommandFailed as error:
        raise _creation_error(owner, "\n".join(lines), error) from error
    if not owner.kubeconfig.exists():
        raise ClusterError(
            "kind reported success but wrote no kubeconfig",
            last_state="\n".join(lines),
            next_step=f"check with `{kind} version` that this program is kind, or remove --kind-bin to use the pinned one",
        )
    move_secrets_to_files(owner.kubeconfig, folder)
    if not nodes_exist:
        on_nodes()


def port_error(port: int, option: str = HTTP_OPTION, error: OSError | None = None) -> SettingsError:
    """The error for an unavailable requested port."""
    if error is not None and error.errno == errno.EACCES:
        return SettingsError(
            f"{option} {port}: this user is not allowed to listen on a port below 1024",
            next_step=f"remove {option} to use a free port",
        )
    return SettingsError(
        f"{option} {port}: port {port} on {LOOPBACK} is in use{_port_user(port)}",
        next_step=f"remove {option} to use a free port, or stop the program that listens there",
    )


def is_port_taken(output: str) -> bool:
    """Whether kind or the engine reports in `output` that a port is taken."""
    return any(mark in output for mark in _PORT_TAKEN)


def _creation_error(owner: Owner, output: str, error: CommandFailed) -> ClusterError:
    """The error for a failed kind, with kind's own error line."""
    if is_port_taken(output):
        return HostPortStolen(
            f"port {owner.host_port} or {owner.tls_port} was taken before the engine could bind it", waited=error.waited, last_state=output
        )
    cause = next((line.removeprefix("ERROR: ") for line in output.splitlines() if line.startswith("ERROR: ")), error.message)
    failed = CreationFailed(
        f"kind could not create cluster {owner.cluster}: {cause}",
        waited=error.waited,
        last_state=output,
        next_step=refused_limit_remedy(output) or "check the host with `kindgate doctor`",
    )
    failed.is_transient = any(mark in output for mark in _TRANSIENT)
    return failed


@contextmanager
def _bound_socket(requested: int, option: str) -> Iterator[socket.socket]:
    """A socket bound to the requested port, or to any free one for 0."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # ignore connections in TIME_WAIT
        try:
            probe.bind((LOOPBACK, requested))
        except OSError as error:
            raise port_error(requested, option, error) from error
        yield probe


def _port_user(port: int) -> str:
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
