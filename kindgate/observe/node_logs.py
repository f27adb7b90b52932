"""The node containers' logs, for a cluster that itself failed and whose API might not respond."""

from __future__ import annotations

from collections.abc import Sequence

from kindgate.cluster.owner_container import KIND_CLUSTER_LABEL
from kindgate.deploy.diagnosis.cause import Cause, CauseKind
from kindgate.deploy.diagnosis.messages import text_causes
from kindgate.errors import CommandError
from kindgate.host.container_engine import Engine
from kindgate.model import ClusterAddress, ObjectRef
from kindgate.observe.bundle import BundleWriter
from kindgate.waiting import Deadline

_NODE_COMMANDS = {
    "kubelet": ("journalctl", "--no-pager", "--lines=1000", "--unit=kubelet"),
    "containerd": ("journalctl", "--no-pager", "--lines=1000", "--unit=containerd"),
    "containers": ("sh", "-c", "crictl ps --all 2>/dev/null || ctr --namespace k8s.io tasks list"),  # locally built nodes lack crictl
}
"""Commands to run inside a node, by the name of the file for their output."""

_COMMAND_SECONDS = 10.0


def collect_node_logs(writer: BundleWriter, engine: Engine, nodes: Sequence[str], deadline: Deadline) -> list[Cause]:
    """Write every node's console, kubelet and containerd logs under `nodes/`; return the causes in their lines.

    A log's last line comes first: every start logs problems that pass, but the last ones persisted.
    """
    causes: list[Cause] = []
    for node in nodes:
        for name, command in (
            ("console", ("logs", "--tail=1000", node)),
            *((key, ("exec", node, *arguments)) for key, arguments in _NODE_COMMANDS.items()),
        ):
            with writer.piece(f"nodes/{node}/{name}"):
                output = engine.run(*command, deadline=deadline.at_most(_COMMAND_SECONDS))
                text = output.stdout + output.stderr
                writer.write(f"nodes/{node}/{name}.log", text)
                causes += text_causes(ObjectRef("Node", "", node), reversed(text.splitlines()))
    return causes


def collect_containers(writer: BundleWriter, engine: Engine, target: ClusterAddress, deadline: Deadline) -> list[Cause]:
    """Write the state of every node's container to `containers.txt`; return a cause for each that is not running."""
    template = "{{.Names}}\t{{.State}}\t{{.Status}}"
    try:
        output = engine.run(
            "ps",
            "--all",
            "--filter",
            f"label={KIND_CLUSTER_LABEL}={target.name}",
            "--format",
            template,
            deadline=deadline.at_most(_COMMAND_SECONDS),
        )
    except CommandError as error:
        writer.missing["containers.txt"] = str(error)
        message = f"the container engine does not answer: {_first_line(error)}"
        return [Cause(CauseKind.ENGINE, ObjectRef("Engine", "", engine.program), "", message)]
    writer.write("containers.txt", output.stdout)
    states = {name: (state, status) for name, state, status in (line.split("\t") for line in output.stdout.splitlines())}
    problems = {node: "gone" for node in target.nodes if node not in states}
    problems |= {name: f"{word}: {status}" for name, (state, status) in states.items() if (word := _state_word(state, status)) != "running"}
    return [
        Cause(CauseKind.NODE_DOWN, ObjectRef("Node", "", node), "", f"the node's container is {problem}")
        for node, problem in problems.items()
    ]


def _state_word(state: str, status: str) -> str:
    """Return a container's state as one word: Podman 4 repeats the status ("Up 3 minutes ago") where Docker has `running`."""
    word = state.partition(" ")[0].lower()
    if "(paused)" in status.lower():
        return "paused"
    return "running" if word == "up" else word


def _first_line(error: CommandError) -> str:
    """Return the first line of the command's own output, otherwise the error's message."""
    return next(iter(error.last_state.splitlines()), error.message)
