"""The `chaos` fixture: injure the application under load, and judge what its requests lost."""

from __future__ import annotations

from collections.abc import Sequence

from kindgate.pipeline.episode_run import ingress_controller
from kindgate.plugin.scenario_fixture import ScenarioFixture
from kindgate.scenarios.container_kill import ContainerKill
from kindgate.scenarios.dns_loss import DnsLoss
from kindgate.scenarios.drain import Drain
from kindgate.scenarios.network_fault import LOSS_PERCENT, NetworkFault
from kindgate.scenarios.node_fault import FAULT_SECONDS, NodeFaultName, NodeOutage
from kindgate.scenarios.packet_filter import EVERYTHING, Direction
from kindgate.scenarios.pod_kill import PodKill
from kindgate.scenarios.pressure import MEMORY_PERCENT, Pressure, PressureName
from kindgate.slo.episode import Episode


class Chaos(ScenarioFixture):
    """Faults of the application, each in an episode of load, and undone at its end.

    Workloads are named NAME, NAMESPACE/NAME or Kind/NAME; without any, they are those behind the application's entries. All
    raise `KindgateError` if the fault cannot be caused, the load not be sent, or the undo not be completed. `check()` kills one pod
    of each workload unless it gets episodes.
    """

    def kill_pod(self, *workloads: str, now: bool = False) -> Episode:
        """Delete one ready pod of each workload, with its grace period, or without one (`now`)."""
        return self._run(lambda: PodKill(self._address, self._find_targets(workloads), now=now))

    def kill_pods(self, *workloads: str, now: bool = False) -> Episode:
        """Delete all ready pods of each workload at once; requests are lost until a new one is ready."""
        return self._run(lambda: PodKill(self._address, self._find_targets(workloads), all_pods=True, now=now))

    def kill_container(self, *workloads: str) -> Episode:
        """Kill the processes of the first container of one ready pod of each workload; only in a cluster that kindgate created."""
        return self._run(lambda: ContainerKill(self._address, self._find_targets(workloads), self._cluster.engine))

    def kill_containers(self, *workloads: str) -> Episode:
        """Kill those of all ready pods of each workload at once."""
        return self._run(lambda: ContainerKill(self._address, self._find_targets(workloads), self._cluster.engine, all_pods=True))

    def kill_ingress(self, *, now: bool = False) -> Episode:
        """Kill the pods of the ingress controller that kindgate installed; requests are lost until a new one is ready."""
        controller = ingress_controller(self._cluster)
        return self._run(lambda: PodKill(self._address, controller, all_pods=True, now=now, name="kill-ingress"))

    def drain(self, *workloads: str, node: str = "") -> Episode:
        """Drain the worker with most pods in the workloads' namespaces, or `node`; only in a cluster of kindgate's with two workers."""
        return self._run(lambda: Drain(self._address, self._find_targets(workloads), node))

    def pause_node(self, *workloads: str, node: str = "", seconds: float = FAULT_SECONDS) -> Episode:
        """Pause a worker and everything on it; only in a cluster that kindgate created, as all faults of nodes.

        It is the worker with most pods in the workloads' namespaces that no ingress controller runs on, or `node`.
        """
        return self._fail_node("pause-node", workloads, node, seconds)

    def stop_node(self, *workloads: str, node: str = "", seconds: float = FAULT_SECONDS) -> Episode:
        """Stop a worker as by a loss of power, and start it again."""
        return self._fail_node("stop-node", workloads, node, seconds)

    def kill_kubelet(self, *workloads: str, node: str = "", seconds: float = FAULT_SECONDS) -> Episode:
        """Stop the kubelet of a worker, whose pods go on, and start it again."""
        return self._fail_node("kill-kubelet", workloads, node, seconds)

    def lose_dns(self, *workloads: str, seconds: float = FAULT_SECONDS) -> Episode:
        """Scale the cluster's DNS to zero and back; only in a cluster that kindgate created."""
        return self._run(lambda: DnsLoss(self._address, self._find_targets(workloads), seconds=seconds))

    def partition(
        self,
        *workloads: str,
        peers: Sequence[str] = (),
        direction: Direction = "both",
        all_pods: bool = False,
        seconds: float = FAULT_SECONDS,
    ) -> Episode:
        """Cut one ready pod of each workload, or all (`all_pods`), off the network; only in a cluster that kindgate created.

        With `peers`, they are cut off from these workloads alone. `direction` (`in`, `out`, `both`) is as the pod sees it.
        """
        return self._fail_network(workloads, EVERYTHING, peers, direction, all_pods=all_pods, seconds=seconds)

    def packet_loss(
        self,
        *workloads: str,
        percent: int = LOSS_PERCENT,
        peers: Sequence[str] = (),
        direction: Direction = "both",
        all_pods: bool = False,
        seconds: float = FAULT_SECONDS,
    ) -> Episode:
        """Drop a share of the packets, chosen at random; the rest is as for `partition`."""
        return self._fail_network(workloads, percent, peers, direction, all_pods=all_pods, seconds=seconds)

    def cpu_pressure(self, *workloads: str, all_pods: bool = False, seconds: float = FAULT_SECONDS) -> Episode:
        """Run two busy loops within the CPU limit of one ready pod of each workload, or of all; only in a cluster that kindgate created."""
        return self._press("cpu-pressure", workloads, all_pods=all_pods, seconds=seconds)

    def memory_pressure(
        self, *workloads: str, percent: int = MEMORY_PERCENT, all_pods: bool = False, seconds: float = FAULT_SECONDS
    ) -> Episode:
        """Fill the memory of these pods to a share of its limit; only in a cluster that kindgate created."""
        return self._press("memory-pressure", workloads, percent, all_pods=all_pods, seconds=seconds)

    def _press(
        self, name: PressureName, workloads: tuple[str, ...], percent: int = MEMORY_PERCENT, *, all_pods: bool, seconds: float
    ) -> Episode:
        targets = self._find_targets(workloads)
        engine = self._cluster.engine
        return self._run(lambda: Pressure(self._address, targets, engine, name, percent=percent, all_pods=all_pods, seconds=seconds))

    def _fail_network(
        self, workloads: tuple[str, ...], percent: int, peers: Sequence[str], direction: Direction, *, all_pods: bool, seconds: float
    ) -> Episode:
        return self._run(
            lambda: NetworkFault(
                self._address,
                self._find_targets(workloads),
                self._cluster.engine,
                percent=percent,
                direction=direction,
                peers=self._find_targets(tuple(peers)) if peers else (),
                all_pods=all_pods,
                seconds=seconds,
            )
        )

    def _fail_node(self, name: NodeFaultName, workloads: tuple[str, ...], node: str, seconds: float) -> Episode:
        targets = self._find_targets(workloads)
        return self._run(lambda: NodeOutage(self._address, targets, self._cluster.engine, name, node=node, seconds=seconds))

    def _default(self) -> Episode:
        return self.kill_pod()
