"""A container of the application crashes: its processes are killed by their node's runtime, and the kubelet starts it again.

Only on clusters that kindgate created, whose nodes are containers of an engine: from inside, the first process of a
container cannot be killed.
"""

from __future__ import annotations

from collections.abc import Sequence

from kindgate.cluster.api_client import Api
from kindgate.host.container_engine import Engine
from kindgate.model import ClusterAddress, Manifest, ObjectRef
from kindgate.object_status import app_container_statuses
from kindgate.scenarios.action import UndoStep
from kindgate.scenarios.pod_kill import PodKill
from kindgate.scenarios.workers import own_engine
from kindgate.waiting import Deadline

_SECONDS = 20.0
"""Time limit of the engine's command, which takes a tenth of a second."""


class ContainerKill(PodKill):
    """Kill the first container of one ready pod of each workload, or with `all_pods` of all of them."""

    def __init__(self, address: ClusterAddress, workloads: Sequence[ObjectRef], engine: Engine | None, *, all_pods: bool = False) -> None:
        super().__init__(address, workloads, all_pods=all_pods, name="kill-containers" if all_pods else "kill-container")
        self._engine = engine

    def undo(self) -> tuple[UndoStep, ...]:
        """No steps: the kubelet starts the container again. Raises `ScenarioError` on a cluster that kindgate did not create."""
        own_engine(self._address, self._engine, "containers are killed")
        return super().undo()

    def _killed(self, pod: Manifest) -> tuple[str, ...]:
        name = pod["spec"]["containers"][0]["name"]
        return tuple(str(status["containerID"]) for status in app_container_statuses(pod) if status.get("name") == name)

    def _kill(self, api: Api, pod: Manifest, deadline: Deadline) -> None:
        del api  # the API server has no request for this
        node = str(pod["spec"]["nodeName"])
        engine = own_engine(self._address, self._engine, "containers are killed")
        for identity in self._killed(pod):
            container = identity.rpartition("/")[2]
            command = ("exec", node, "ctr", "--namespace", "k8s.io", "tasks", "kill", "--all", "--signal", "SIGKILL", container)
            engine.run(*command, deadline=deadline.at_most(_SECONDS))
