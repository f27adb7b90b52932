"""Run `kind create cluster` in its own process group, one at a time per user, and keep its output for the error."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import yaml
from filelock import FileLock, Timeout

from kindgate.cluster.config import KindConfig
from kindgate.cluster.kubeconfig import externalise
from kindgate.cluster.owner import RUN_VARIABLE, Owner, network_name
from kindgate.cluster.ownership import state_path
from kindgate.cluster.ports import HostPortStolen, is_port_taken
from kindgate.errors import ClusterError, CommandFailed, CommandTimeout
from kindgate.host.command import run
from kindgate.host.directories import state_dir
from kindgate.host.engine import Engine
from kindgate.host.privileged import refused_limit_remedy
from kindgate.waiting import Deadline

_PASSING = ("failed to init node with kubeadm", "failed to join node with kubeadm", "TLS handshake timeout", "i/o timeout")
"""kind's output when a busy machine was too slow for kubeadm; a second attempt often works."""


class CreationFailed(ClusterError):
    """kind exited with an error; `may_pass` is true if another attempt may work."""

    may_pass = False


Progress = Callable[[str], object]
"""Receives one-line progress messages."""


_JOINING = "• Joining worker nodes"
"""kind's output when all node containers exist and it only waits for workers to register, with the machine idle for seconds."""


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
    said: list[str] = []
    stand = False

    def on_line(line: str) -> None:
        nonlocal stand
        said.append("".join(sign if sign.isprintable() else " " for sign in line))
        if line.lstrip().startswith("✓"):
            progress(f"kind:{line}")
        if _JOINING in line and not stand:
            stand = True
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
            last_state="\n".join(said),
            next_step="check the host with `kindgate doctor`; on a slow host, increase --kind-timeout",
        ) from error
    except CommandFailed as error:
        raise _explained(owner, "\n".join(said), error) from error
    if not owner.kubeconfig.exists():
        raise ClusterError(
            "kind reported success but wrote no kubeconfig",
            last_state="\n".join(said),
            next_step=f"check with `{kind} version` that this program is kind, or remove --kind-bin to use the pinned one",
        )
    externalise(owner.kubeconfig, folder)
    if not stand:
        on_nodes()


def _explained(owner: Owner, said: str, error: CommandFailed) -> ClusterError:
    """The error for a failed kind, with kind's own error line."""
    if is_port_taken(said):
        return HostPortStolen(
            f"port {owner.host_port} or {owner.tls_port} was taken before the engine could bind it", waited=error.waited, last_state=said
        )
    cause = next((line.removeprefix("ERROR: ") for line in said.splitlines() if line.startswith("ERROR: ")), error.message)
    failed = CreationFailed(
        f"kind could not create cluster {owner.cluster}: {cause}",
        waited=error.waited,
        last_state=said,
        next_step=refused_limit_remedy(said) or "check the host with `kindgate doctor`",
    )
    failed.may_pass = any(mark in said for mark in _PASSING)
    return failed
