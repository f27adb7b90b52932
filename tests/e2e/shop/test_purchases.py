"""The shop works through the ingress: `pytest -m e2e --app-overlay k8s/apps/shop`."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import requests

    from kindgate import Cluster, Ingress

pytestmark = [pytest.mark.e2e, pytest.mark.smoke]

HOST = "shop.localhost"
ITEMS = [{"product_id": 7, "quantity": 2}]

Authorized = Callable[..., "requests.Response"]


@pytest.fixture(name="send")
def _send(ingress: Ingress) -> Authorized:
    """Requests of a user who is logged in."""
    login = ingress.request("POST", HOST, "/login", json={"email": "user-001@shop.example", "password": "password-001"})
    headers = {"Authorization": f"Bearer {login.json()['token']}"}
    return lambda method, path, **arguments: ingress.request(method, HOST, path, headers=headers, **arguments)


def test_every_purchase_is_one_order(send: Authorized) -> None:
    """Carts and orders of concurrent purchases, on both replicas, meet in one database."""
    run = uuid.uuid4().hex

    def purchase(number: int) -> int:
        cart = send("POST", "/carts", json={"items": ITEMS}).json()["id"]
        return send("POST", "/checkout", json={"request_id": f"{run}-{number}", "cart_id": cart}).status_code

    with ThreadPoolExecutor(max_workers=4) as pool:
        assert set(pool.map(purchase, range(40))) == {201}

    assert send("GET", "/orders/count", params={"prefix": run}).json() == {"orders": 40, "request_ids": 40, "repeated": []}


def test_an_order_without_a_login_is_refused(ingress: Ingress) -> None:
    """The answer is the shop's own, not the ingress's."""
    answer = ingress.request("POST", HOST, "/checkout", json={"request_id": "anonymous", "items": ITEMS})

    assert answer.status_code == 401
    assert "token" in answer.json()["error"]


def test_the_document_describes_the_running_shop(ingress: Ingress) -> None:
    """Every operation without parameters in its path responds, and none is unknown to the shop."""
    document = ingress.get(HOST, "/openapi.json").json()

    statuses = {path: ingress.get(HOST, path).status_code for path, operations in document["paths"].items() if "get" in operations}

    assert statuses["/products"] == statuses["/report"] == 200
    assert {path: status for path, status in statuses.items() if status in {405, 501, 502, 503}} == {}


def test_replicas_run_on_different_nodes(cluster: Cluster) -> None:
    """Losing a node leaves one."""
    pods = [pod for pod in cluster.objects("pods", "shop") if pod["metadata"]["labels"]["app.kubernetes.io/name"] == "shop"]

    assert len({pod["spec"]["nodeName"] for pod in pods}) == 2
