"""Which connections are tried: from which pod, to which address, with which control."""

from __future__ import annotations

from kindgate.model import ObjectRef
from kindgate.scenarios.connection_plan import Cell, planned_cells
from tests.unit.deploy.objects import Object
from tests.unit.scenarios.outsider_pods import NEIGHBOR, OUTSIDERS, STRANGER, live_service, pod_of, snapshot, workload

HTTP = {"name": "http", "containerPort": 8080}
POSTGRES = {"containerPort": 5432}
NAMES = {"shop": "shop"}


def cells_of(*objects: Object, namespaces: dict[str, str] | None = None) -> dict[str, Cell]:
    """The cells by name, for the workloads and Services among the objects."""
    workloads = [ObjectRef.of(item) for item in objects if item["kind"] == "Deployment"]
    cells = planned_cells(workloads, snapshot(*objects), OUTSIDERS, namespaces or NAMES)
    return {f"{cell.client} -> {cell.server}:{cell.port}": cell for cell in cells}


def tried(cell: Cell) -> list[tuple[str, str, int]]:
    """The attempts of a cell: pod, address and port."""
    return [(one.pod.ref.name, one.address, one.port) for one in cell.attempts]


def test_each_client_tries_each_service_and_port() -> None:
    """Clients are the workloads, a neighbor and a stranger; a workload with one pod does not connect to itself."""
    cells = cells_of(workload("web"), pod_of("web", 1, HTTP), workload("db"), pod_of("db", 1, POSTGRES), live_service("web", "10.96.0.9"))
    assert list(cells) == [
        "web -> db:5432",
        "db -> web:80",
        "db -> web:8080",
        *(f"{client} -> {target}" for client in ("neighbor", "stranger") for target in ("db:5432", "web:80", "web:8080")),
    ]
    assert tried(cells["db -> web:80"]) == [("db-1", "10.96.0.9", 80)]
    assert tried(cells["db -> web:8080"]) == [("db-1", "10.0.1.3", 8080)]
    assert [cells[f"{name} -> db:5432"].attempts[0].pod for name in ("neighbor", "stranger")] == [NEIGHBOR, STRANGER]


def test_the_control_is_the_servers_own_pod_at_its_own_port() -> None:
    """A Service's port is not the one that the pod listens on."""
    cells = cells_of(workload("web"), pod_of("web", 1, HTTP), live_service("web", "10.96.0.9"))
    control = cells["stranger -> web:80"].control
    assert (control.pod.ref.name, control.address, control.port) == ("web-1", "10.0.1.3", 8080)


def test_a_workload_connects_to_itself_from_another_replica() -> None:
    """At the pod's address: a Service might choose the pod that tries."""
    cells = cells_of(workload("web"), pod_of("web", 1, HTTP), pod_of("web", 2, HTTP), live_service("web", "10.96.0.9"))
    assert tried(cells["web -> web:8080"]) == [("web-2", "10.0.1.3", 8080)]
    assert "web -> web:80" not in cells


def test_a_headless_service_and_its_workload_are_one_server() -> None:
    """Its clients connect to the pod."""
    port = {"port": 5432, "targetPort": 5432}
    cells = cells_of(workload("db"), pod_of("db", 1, POSTGRES), live_service("db", "None", port))
    assert list(cells) == ["neighbor -> db:5432", "stranger -> db:5432"]
    assert {attempt.address for cell in cells.values() for attempt in cell.attempts} == {"10.0.1.2"}


def test_a_service_at_the_port_of_its_pods_is_tried_at_both_addresses() -> None:
    """Either of them would be a way in."""
    cells = cells_of(workload("web"), pod_of("web", 1, HTTP), live_service("web", "10.96.0.9", {"port": 8080}))
    assert [address for _, address, _ in tried(cells["stranger -> web:8080"])] == ["10.96.0.9", "10.0.1.3"]


def test_ports_of_other_protocols_and_services_of_no_pods_are_left_out() -> None:
    """Only TCP can be tried without sending anything."""
    udp = {"containerPort": 53, "protocol": "UDP"}
    other = live_service("other", "10.96.0.8")
    dns = live_service("web", "10.96.0.9", {"port": 53, "protocol": "UDP"})
    assert cells_of(workload("web"), pod_of("web", 1, udp), other, dns) == {}


def test_equal_names_in_two_namespaces_are_distinguished() -> None:
    """By the shown namespace, which of a baseline is the application's; there is no neighbor without a pod for it."""
    cells = cells_of(
        workload("web"),
        pod_of("web", 1, HTTP),
        workload("web", namespace="back-base"),
        pod_of("web", 2, HTTP, namespace="back-base"),
        namespaces={"shop": "shop", "back-base": "back"},
    )
    assert {f"{cell.client} -> {cell.server}" for cell in cells.values()} == {
        *("back/web -> shop/web", "shop/web -> back/web", "neighbor -> shop/web", "stranger -> shop/web", "stranger -> back/web")
    }


def test_pods_in_the_nodes_network_neither_try_nor_are_tried() -> None:
    """No policy applies to them."""
    item = pod_of("web", 1, HTTP)
    item["spec"]["hostNetwork"] = True
    assert cells_of(workload("web"), item) == {}
