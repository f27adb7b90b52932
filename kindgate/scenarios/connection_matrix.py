"""The connections that an application's policies allow, proven by connecting until two rounds agree."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from kindgate.cluster.api_client import Api, connect
from kindgate.cluster.api_retry import request_if_exists
from kindgate.deploy.snapshot import Snapshot
from kindgate.errors import ScenarioError
from kindgate.host.container_engine import Engine
from kindgate.model import ClusterAddress, ObjectRef
from kindgate.scenarios.connection_attempts import Attempt, try_all
from kindgate.scenarios.connection_plan import Cell, planned_cells
from kindgate.scenarios.live_pods import watched
from kindgate.scenarios.outsiders import Outsiders, outsiders
from kindgate.slo.connections import STRANGER, Connection, Seen
from kindgate.waiting import Deadline, Pause

MATRIX_SECONDS = 120.0

ROUNDS = 8
"""Rounds until attempts that do not agree are reported as changing: a network plugin needs seconds to program a policy."""

ROUND_INTERVAL = 2.0
"""Seconds between two rounds, so that a policy that is about to be programmed shows."""

DNS = ObjectRef("Service", "kube-system", "kube-dns")
DNS_PORT = 53


@dataclass(frozen=True)
class Version:
    """One version of the application in the cluster: its workloads, and the name that is shown of each of its namespaces."""

    workloads: tuple[ObjectRef, ...]
    namespaces: Mapping[str, str]


@dataclass(frozen=True)
class PolicyScene:
    """The cluster whose connections are tried: its address, the engine of its nodes, and the kubectl for the undo."""

    address: ClusterAddress
    engine: Engine
    kubectl: Path


@contextmanager
def probing(scene: PolicyScene, versions: Sequence[Version], pause: Pause) -> Iterator[Prober]:
    """Yield what tries the connections of `versions`, with its outsiders running; raises `KindgateError`."""
    namespaces = [name for version in versions for name in version.namespaces]
    with connect(scene.address) as api, outsiders(api, scene.address, scene.kubectl, namespaces) as others:
        yield Prober(api, scene.engine, others, pause)


class Prober:
    """Tries the connections of versions of the application."""

    def __init__(self, api: Api, engine: Engine, others: Outsiders, pause: Pause) -> None:
        self._api = api
        self._engine = engine
        self._outsiders = others
        self._pause = pause

    def connections(self, version: Version) -> tuple[Connection, ...]:
        """The version's connections; raises `ScenarioError` if it has none, and `KindgateError` if they cannot be tried."""
        deadline = Deadline.after(MATRIX_SECONDS)
        services = [("Service", f"/api/v1/namespaces/{name}/services") for name in version.namespaces]
        with watched(self._api, version.workloads, deadline, services) as informer:
            snapshot: Snapshot = informer.snapshot()
        cells = planned_cells(version.workloads, snapshot, self._outsiders, version.namespaces)
        if not cells:
            raise ScenarioError(
                "the application has no port to connect to", next_step="add a Service, or declare the ports of the containers"
            )
        network = self._network_control(deadline)
        attempts = [network, *(attempt for cell in cells for attempt in (*cell.attempts, cell.control))]
        return settled(cells, network, lambda: try_all(self._engine, attempts, deadline), self._pause)

    def _network_control(self, deadline: Deadline) -> Attempt:
        """The stranger's attempt to reach the cluster's DNS, which no policy denies: its own network works."""
        service = request_if_exists(self._api, "GET", f"/api/v1/namespaces/{DNS.namespace}/services/{DNS.name}", deadline)
        if service is None:
            raise ScenarioError(f"the cluster has no {DNS}, which shows that the network of a new pod works")
        return Attempt(self._outsiders.stranger, str(service["spec"]["clusterIP"]), DNS_PORT)


def settled(
    cells: Sequence[Cell], network: Attempt, try_round: Callable[[], Mapping[Attempt, Seen]], pause: Pause
) -> tuple[Connection, ...]:
    """What the cells show in two rounds in a row; those that do not agree in the last two rounds are changing."""
    before: tuple[Connection, ...] = ()
    after = _round(cells, try_round(), network)
    for _ in range(ROUNDS - 1):
        pause(ROUND_INTERVAL)
        before, after = after, _round(cells, try_round(), network)
        if all(map(_agree, before, after)):
            return after
    pairs = zip(before, after, strict=True)
    return tuple(new if _agree(old, new) else replace(new, seen=Seen.CHANGING) for old, new in pairs)


def _agree(old: Connection, new: Connection) -> bool:
    """Whether two attempts show the same: a connection that is refused once and times out once is denied."""
    return old.is_allowed is new.is_allowed and (new.is_allowed is not None or old.seen is new.seen)


def _round(cells: Sequence[Cell], seen: Mapping[Attempt, Seen], network: Attempt) -> tuple[Connection, ...]:
    return tuple(connection_of(cell, seen, network) for cell in cells)


def connection_of(cell: Cell, seen: Mapping[Attempt, Seen], network: Attempt) -> Connection:
    """What a cell shows: a connection at any of its addresses is one, and a denied one counts only if its controls connect."""
    results = [seen[attempt] for attempt in cell.attempts]
    shown = next((result for result in results if result is Seen.CONNECTED), results[0])
    if shown is not Seen.CONNECTED and seen[cell.control] is not Seen.CONNECTED:
        shown = Seen.NOT_LISTENING
    elif shown is not Seen.CONNECTED and cell.client == STRANGER and seen[network] is not Seen.CONNECTED:
        shown = Seen.FAILED
    return Connection(cell.client, cell.server, cell.port, shown)
