"""Single bursts of a test, against a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kindgate.errors import LoadError, SloError
from kindgate.pipeline.environment import DeployedApplication
from kindgate.pipeline.load_lock import LoadLock
from kindgate.plugin.burst import Bursts
from kindgate.settings import LoadSettings
from tests.unit.load.shop_application import shop_application, with_workload
from tests.unit.load.shop_server import Shop

WORKLOAD = """
load: {rate: 40, duration: 500ms, arrival: uniform}
setup: [{name: login, method: POST, path: /login, extract: {token: {json: token}}}]
routes:
  - {name: list, path: /products}
  - {name: cart, path: "/cart?token={token}", weight: 3}
"""


@pytest.fixture(name="shop")
def _shop() -> Shop:
    return Shop()


@pytest.fixture(name="application")
def _application(shop: Shop, tmp_path: Path) -> Iterator[DeployedApplication]:
    with shop_application(shop, tmp_path) as application:
        yield application


@pytest.fixture(name="with_workload")
def _with_workload(application: DeployedApplication) -> DeployedApplication:
    return with_workload(application, WORKLOAD)


def bursts_of(application: DeployedApplication, tmp_path: Path) -> Bursts:
    """Return the fixture's value."""
    load = LoadSettings(rate=50.0, duration=0.2, warmup=0.0, arrival="uniform")
    return Bursts(application, load, LoadLock(tmp_path / "run", tmp_path / "machine"), tmp_path)


def test_without_a_workload_all_entries_are_requested(shop: Shop, application: DeployedApplication, tmp_path: Path) -> None:
    """The paths that the manifests route are the load of an application that describes no other."""
    assert bursts_of(application, tmp_path)().scheduled == 10
    assert set(shop.paths()) == {"/products"}


def test_a_workload_is_sent_in_its_proportions_after_its_setup(shop: Shop, with_workload: DeployedApplication, tmp_path: Path) -> None:
    """Size and arrival are the workload's own."""
    result = bursts_of(with_workload, tmp_path)()
    assert {series.route: series.completed for series in result.series} == {"list": 5, "cart": 15}
    assert shop.paths()[0] == "/login"
    assert set(shop.paths()[1:]) == {"/products", "/cart?token=t1"}


def test_one_route_is_sent_at_the_requested_rate(shop: Shop, with_workload: DeployedApplication, tmp_path: Path) -> None:
    """The setup is not repeated for a second burst."""
    bursts = bursts_of(with_workload, tmp_path)
    bursts(route="cart", rate=50, duration=0.2)
    result = bursts(route=["cart"], rate=100, duration=0.1)
    assert {series.route: series.scheduled for series in result.series} == {"cart": 10}
    assert shop.paths().count("/login") == 1


def test_a_test_may_describe_its_own_load(shop: Shop, with_workload: DeployedApplication, tmp_path: Path) -> None:
    """It replaces that of the file, and mistakes are named as the test's."""
    bursts = bursts_of(with_workload, tmp_path)
    bursts(workload={"routes": [{"name": "new", "path": "/new", "method": "POST", "body": {"json": {"n": 1}}}]})
    assert set(shop.paths()) == {"/new"}
    assert shop.received[0].body == b'{"n":1}'
    with pytest.raises(SloError, match="the test's workload:1"):
        bursts(workload={"rutes": []})


def test_requests_may_share_parts(shop: Shop, application: DeployedApplication, tmp_path: Path) -> None:
    """Python code defines headers once and uses them often."""
    headers = {"X-Team": "shop"}
    routes = [{"name": name, "path": f"/{name}", "headers": headers} for name in ("a", "b")]

    bursts_of(application, tmp_path)(workload={"routes": routes})

    assert {(one.path, one.headers["x-team"]) for one in shop.received} == {("/a", "shop"), ("/b", "shop")}


def test_a_route_needs_a_workload(application: DeployedApplication, tmp_path: Path) -> None:
    """A selection of nothing must not send everything."""
    with pytest.raises(LoadError, match="no workload to select a route from"):
        bursts_of(application, tmp_path)(route="cart")


def test_entries_and_routes_are_not_mixed(with_workload: DeployedApplication, tmp_path: Path) -> None:
    """Hosts and paths select what the manifests route."""
    bursts = bursts_of(with_workload, tmp_path)
    assert bursts(path="/other").scheduled == 10
    with pytest.raises(LoadError, match="hosts and path select entries"):
        bursts(route="cart", path="/other")
