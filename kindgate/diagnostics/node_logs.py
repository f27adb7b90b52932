"""The logs of the node containers, for when the cluster itself has failed and its API may not answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kindgate.diagnostics.bundle import BundleWriter
from kindgate.diagnostics.evidence import Observation
from kindgate.host.engine import Engine
from kindgate.model import ObjectRef
from kindgate.waiting import Deadline

_INSIDE = {
    "kubelet": ("journalctl", "--no-pager", "--lines=1000", "--unit=kubelet"),
    "containerd": ("journalctl", "--no-pager", "--lines=1000", "--unit=containerd"),
    "containers": ("sh", "-c", "crictl ps --all 2>/dev/null || ctr --namespace k8s.io tasks list"),  # built nodes have no crictl
}
"""What is asked inside a node, by the name of the file that the answer goes to."""

_SECONDS_EACH = 10.0


def collect_node_logs(writer: BundleWriter, engine: Engine, nodes: Sequence[str], deadline: Deadline) -> list[Observation]:
    """Write every node's console, kubelet and containerd logs under `nodes/`, and return the lines to classify."""
    seen: list[Observation] = []
    for node in nodes:
        for name, command in (("console", ("logs", "--tail=1000", node)), *((key, ("exec", node, *what)) for key, what in _INSIDE.items())):
            with writer.piece(f"nodes/{node}/{name}"):
                told = engine.run(*command, deadline=deadline.at_most(_SECONDS_EACH))
                text = told.stdout + told.stderr
                writer.write(f"nodes/{node}/{name}.log", text)
                seen += _newest_first(ObjectRef("Node", "", node), text)
    return seen


def _newest_first(node: ObjectRef, text: str) -> Iterator[Observation]:
    """A log's lines from its end: every start begins with complaints that pass, the last ones stood."""
    return (Observation(node, line) for line in reversed(text.splitlines()))
