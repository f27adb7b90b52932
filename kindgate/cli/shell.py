"""`kindgate shell`: a shell, or one command, connected to the cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from kindgate.cli.command_options import with_settings
from kindgate.cli.console import stopwatch_progress
from kindgate.settings import Settings

FIND_SECONDS = 600.0


@with_settings("cluster")
def shell(
    settings: Settings,
    command: Annotated[list[str] | None, typer.Argument(help="Run this instead of a shell", metavar="[COMMAND]...")] = None,
) -> None:
    """Open a shell with KUBECONFIG set and the matching kubectl first on PATH; exits with the shell's exit code.

    Examples: `kindgate shell`, and `kindgate shell -- kubectl get pods --all-namespaces`
    """
    from kindgate.cluster.attach import find_cluster  # noqa: PLC0415  # keeps --help quick
    from kindgate.errors import ClusterError  # noqa: PLC0415  # the same
    from kindgate.host.container_engine import find_engine  # noqa: PLC0415  # the same
    from kindgate.pipeline.run_tools import find_tools  # noqa: PLC0415  # the same
    from kindgate.waiting import Deadline  # noqa: PLC0415  # the same

    deadline = Deadline.after(FIND_SECONDS)
    tools = find_tools(settings, deadline, stopwatch_progress())
    if settings.cluster.existing is not None or tools.kind is None:
        raise ClusterError(
            "`kindgate shell` does not open an existing cluster, which has its own kubeconfig",
            next_step=f"export KUBECONFIG={settings.cluster.existing}",
        )
    address = find_cluster(find_engine(deadline), settings.cluster_name, tools.kind, deadline)
    if address is None:
        raise ClusterError(
            f"cluster {settings.cluster_name} not found", next_step="list clusters with `kindgate list`, or create one with `kindgate up`"
        )
    environment = shell_environment(os.environ, address.name, address.kubeconfig, tools.kubectl)
    program = command or [os.environ.get("SHELL", "/bin/sh")]
    if not command:
        print(f"cluster {address.name}: KUBECONFIG={address.kubeconfig}; `exit` leaves the shell and keeps the cluster", file=sys.stderr)
    try:
        finished = subprocess.run(program, env=environment, check=False)
    except OSError as error:
        raise ClusterError(f"cannot run {program[0]}: {error.strerror}", next_step="use a program that is on PATH") from error
    sys.exit(finished.returncode if finished.returncode >= 0 else 128 - finished.returncode)


def shell_environment(environment: Mapping[str, str], cluster: str, kubeconfig: Path, kubectl: Path) -> dict[str, str]:
    """The environment of a shell for the cluster; a plain shell's prompt names the cluster."""
    path = os.pathsep.join([str(kubectl.parent), environment.get("PATH", os.defpath)])
    return {**environment, "KUBECONFIG": str(kubeconfig), "PATH": path, "PS1": f"({cluster}) {environment.get('PS1', '$ ')}"}
