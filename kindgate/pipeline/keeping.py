"""Output about a kept cluster: commands to copy and paste."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from kindgate.model import ClusterAddress


def kept_lines(address: ClusterAddress, namespaces: Sequence[str], kubectl: str, command: str) -> tuple[str, ...]:
    """Lines on how to inspect a kept cluster, rerun on it, and delete it; `command` is the command of this run."""
    name = shlex.quote(address.name)
    in_first = f" --namespace {namespaces[0]}" if namespaces else ""
    call = shlex.quote(kubectl)
    return (
        f"cluster {address.name} was kept. To inspect it:",
        f"  export KUBECONFIG={shlex.quote(str(address.kubeconfig))}",
        f"  {call} get pods --all-namespaces",
        f"  {call}{in_first} get events --sort-by=.lastTimestamp",
        f"  {call} get namespaces --selector kindgate.dev/test    # of failed tests",
        f"or, with KUBECONFIG and kubectl set up:  kindgate shell --cluster-name {name}",
        f"to rerun on it:  {command}",
        f"to delete it:  kindgate down --cluster-name {name}",
    )
