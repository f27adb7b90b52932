"""The `chaos` fixture: injure the application under load, and judge what its requests lost."""

from __future__ import annotations

from kindgate.pipeline.episode_run import ingress_controller
from kindgate.plugin.scenario_fixture import ScenarioFixture
from kindgate.scenarios.container_kill import ContainerKill
from kindgate.scenarios.drain import Drain
from kindgate.scenarios.pod_kill import PodKill
from kindgate.slo.episode import Episode


class Chaos(ScenarioFixture):
    """Faults of the application, each in an episode of load, and undone at its end.

    Workloads are named NAME, NAMESPACE/NAME or Kind/NAME; without any, they are those behind the application's entries. All
    raise `KindgateError` if the fault cannot be caused, the load not be sent, or the undo not be completed. `check()` kills one pod
    of each workload unless it gets episodes.
    """

    def kill_pod(self, *workloads: str, now: bool = False) -> Episode:
        """Delete one ready pod of each workload, with its grace period, or without one (`now`)."""
        return self._run(PodKill(self._address, self._find_targets(workloads), now=now))

    def kill_pods(self, *workloads: str, now: bool = False) -> Episode:
        """Delete all ready pods of each workload at once; requests are lost until a new one is ready."""
        return self._run(PodKill(self._address, self._find_targets(workloads), all_pods=True, now=now))

    def kill_container(self, *workloads: str) -> Episode:
        """Kill the processes of the first container of one ready pod of each workload; only in a cluster that kindgate created."""
        return self._run(ContainerKill(self._address, self._find_targets(workloads), self._cluster.engine))

    def kill_containers(self, *workloads: str) -> Episode:
        """Kill those of all ready pods of each workload at once."""
        return self._run(ContainerKill(self._address, self._find_targets(workloads), self._cluster.engine, all_pods=True))

    def kill_ingress(self, *, now: bool = False) -> Episode:
        """Kill the pods of the ingress controller that kindgate installed; requests are lost until a new one is ready."""
        controller = ingress_controller(self._cluster)
        return self._run(PodKill(self._address, controller, all_pods=True, now=now, name="kill-ingress"))

    def drain(self, *workloads: str, node: str = "") -> Episode:
        """Drain the worker with most pods in the workloads' namespaces, or `node`; only in a cluster of kindgate's with two workers."""
        return self._run(Drain(self._address, self._find_targets(workloads), node))

    def _default(self) -> Episode:
        return self.kill_pod()
