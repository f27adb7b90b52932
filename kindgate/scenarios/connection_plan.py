"""Which connections to try: from one pod of each workload and from outsiders, to every Service and every port of a workload. Pure.

A cell is what one client may do with one port of one server; a Service and a workload of the same name are one server. A
server that its own pod cannot reach on the port says nothing about policies, so each cell has that attempt as a control.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kindgate.deploy.snapshot import Snapshot
from kindgate.model import Manifest, ObjectRef
from kindgate.scenarios.connection_attempts import Attempt, RunningPod
from kindgate.scenarios.live_pods import ready_pods_of
from kindgate.scenarios.outsiders import Outsiders
from kindgate.slo.connections import NEIGHBOR, STRANGER

HEADLESS = "None"


@dataclass(frozen=True)
class Cell:
    """One client and one port of one server: the `attempts` to connect, and the `control` within the server's own pod."""

    client: str
    server: str
    port: int
    attempts: tuple[Attempt, ...]
    control: Attempt


@dataclass(frozen=True)
class _Workload:
    """A workload with its ready pods that have a network of their own, each as the API server has it and as a place to try from."""

    ref: ObjectRef
    name: str
    pods: tuple[tuple[Manifest, RunningPod], ...]


@dataclass(frozen=True)
class _Address:
    """One address of a server's port. `backends` are the pods behind it; the first listens on `backend_port` itself."""

    namespace: str
    server: str
    port: int
    address: str
    backends: tuple[RunningPod, ...]
    backend_port: int

    @property
    def control(self) -> Attempt:
        """The attempt of the server's own pod."""
        return Attempt(self.backends[0], self.backends[0].address, self.backend_port)


def planned_cells(
    workloads: Iterable[ObjectRef], snapshot: Snapshot, outsiders: Outsiders, namespaces: Mapping[str, str]
) -> tuple[Cell, ...]:
    """The cells of an application whose `workloads` and Services are in `snapshot`, sorted by client and server.

    `namespaces` gives each of its namespaces the name that is shown. A workload connects to itself only from another replica.
    """
    services = [item for item in snapshot.of_kind("Service") if item["metadata"]["namespace"] in namespaces]
    refs = list(workloads)
    name_of = _names([*refs, *map(ObjectRef.of, services)], namespaces)
    found = [_Workload(ref, name_of[ref], tuple(_running(ready_pods_of(snapshot, ref)))) for ref in refs]
    addresses = [*_service_addresses(services, found, name_of), *_pod_addresses(found)]
    cells: dict[tuple[str, str, int], Cell] = {}
    for address in addresses:
        for client, pod in _clients(found, outsiders, address):
            key = (client, address.server, address.port)
            attempt = Attempt(pod, address.address, address.port)
            before = cells.get(key)
            cells[key] = Cell(*key, (*(before.attempts if before else ()), attempt), before.control if before else address.control)
    order = {name: place for place, name in enumerate([*(one.name for one in found), NEIGHBOR, STRANGER])}
    return tuple(sorted(cells.values(), key=lambda cell: (order[cell.client], cell.server, cell.port)))


def _clients(workloads: Iterable[_Workload], outsiders: Outsiders, address: _Address) -> Iterator[tuple[str, RunningPod]]:
    """Each client with the pod that tries; none of the pods that may answer itself."""
    for workload in workloads:
        others = [pod for _, pod in workload.pods if pod not in address.backends]
        if others:
            yield workload.name, others[-1]
    if address.namespace in outsiders.neighbors:
        yield NEIGHBOR, outsiders.neighbors[address.namespace]
    yield STRANGER, outsiders.stranger


def _pod_addresses(workloads: Iterable[_Workload]) -> Iterator[_Address]:
    """The TCP ports that the workloads' containers declare, at their first pod."""
    for workload in workloads:
        for manifest, pod in workload.pods[:1]:
            for port in sorted(set(_tcp_ports(manifest).values())):
                yield _Address(workload.ref.namespace, workload.name, port, pod.address, (pod,), port)


def _service_addresses(
    services: Iterable[Manifest], workloads: Iterable[_Workload], name_of: Mapping[ObjectRef, str]
) -> Iterator[_Address]:
    """The TCP ports of the Services that select pods of `workloads`: at the Service's address, or of a headless one at its first pod."""
    candidates = list(workloads)
    for service in services:
        ref, spec = ObjectRef.of(service), service["spec"]
        selected = [
            (manifest, pod)
            for workload in candidates
            if workload.ref.namespace == ref.namespace
            for manifest, pod in workload.pods
            if _selects(spec.get("selector") or {}, manifest)
        ]
        if not selected or spec.get("type") == "ExternalName":
            continue
        first, backends = selected[0][0], tuple(pod for _, pod in selected)
        headless = spec.get("clusterIP") == HEADLESS
        for item in spec.get("ports") or ():
            backend_port = _tcp_ports(first).get(str(item.get("targetPort", item["port"])), item.get("targetPort", item["port"]))
            if item.get("protocol", "TCP") != "TCP" or not isinstance(backend_port, int):
                continue
            if headless:
                yield _Address(ref.namespace, name_of[ref], backend_port, backends[0].address, backends[:1], backend_port)
            else:
                yield _Address(ref.namespace, name_of[ref], int(item["port"]), str(spec["clusterIP"]), backends, backend_port)


def _running(pods: Iterable[Manifest]) -> Iterator[tuple[Manifest, RunningPod]]:
    return ((manifest, pod) for manifest in pods if (pod := RunningPod.of(manifest)) is not None)


def _selects(selector: Mapping[str, str], pod: Manifest) -> bool:
    labels: Mapping[str, str] = pod["metadata"].get("labels") or {}
    return bool(selector) and selector.items() <= labels.items()


def _tcp_ports(pod: Manifest) -> dict[str, int]:
    """The TCP ports of a pod's containers, by name, or by number if they have none."""
    containers: list[Mapping[str, Any]] = [*(pod["spec"].get("initContainers") or ()), *(pod["spec"].get("containers") or ())]
    ports = [port for container in containers for port in container.get("ports") or () if port.get("protocol", "TCP") == "TCP"]
    return {str(port.get("name") or port["containerPort"]): int(port["containerPort"]) for port in ports}


def _names(refs: Iterable[ObjectRef], namespaces: Mapping[str, str]) -> dict[ObjectRef, str]:
    """The shown name of each object: its name, with the namespace in front if that of another one is equal."""
    all_refs = list(refs)
    homes: dict[str, set[str]] = {}
    for ref in all_refs:
        homes.setdefault(ref.name, set()).add(ref.namespace)
    return {ref: ref.name if len(homes[ref.name]) == 1 else f"{namespaces[ref.namespace]}/{ref.name}" for ref in all_refs}
