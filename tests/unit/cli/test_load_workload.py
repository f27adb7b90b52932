"""`kindgate load` with the SLO file's workload: what is sent to a running application, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from kindgate.cli.load_command import load
from kindgate.cli.load_plan import GeneratorLocation, LoadOptions
from kindgate.cli.load_workload import workload_burst
from kindgate.errors import LoadError, SettingsError, SloError
from kindgate.load.plan import OpenLoop
from kindgate.pipeline.environment import DeployedApplication
from kindgate.settings import LoadSettings, Settings
from tests.unit.load.shop_application import shop_application, with_workload
from tests.unit.load.shop_server import Shop

WORKLOAD = """
load: {rate: 40, duration: 500ms, arrival: {cart: uniform}}
setup: [{name: login, method: POST, path: /login, extract: {token: {json: token}}}]
teardown: [{name: leave, method: DELETE, path: "/logout?token={token}"}]
routes:
  - {name: list, path: /products}
  - {name: cart, path: "/cart?token={token}", weight: 3}
"""
FEW = ("--rate", "40", "--requests", "8", "--warmup", "0")

app = typer.Typer()
app.command()(load)


def run(*arguments: str) -> Result:
    """Call `kindgate load`; raise its error."""
    result = CliRunner().invoke(app, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(name="shop")
def _shop() -> Shop:
    return Shop()


@pytest.fixture(name="application", autouse=True)
def _application(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DeployedApplication]:
    """The running application that `kindgate load` finds; only a cluster has one."""
    with shop_application(shop, tmp_path) as application:
        running = with_workload(application, WORKLOAD)
        monkeypatch.setattr(GeneratorLocation, "application", running)
        monkeypatch.chdir(tmp_path)
        yield running


def test_the_workload_is_sent_between_its_setup_and_its_teardown(shop: Shop) -> None:
    """Without options, the burst is that of `load:`."""
    run("--warmup", "0")

    first, *sent, last = shop.paths()
    assert (first, last) == ("/login", "/logout?token=t1")
    assert (sent.count("/products"), sent.count("/cart?token=t1"), len(sent)) == (5, 15, 20)


def test_a_part_of_the_workload_is_chosen_by_name(shop: Shop) -> None:
    """The options replace the rate of `load:`."""
    run("--route", "list", *FEW)

    assert shop.paths().count("/products") == len(shop.paths()) - 2 == 8


def test_the_teardown_follows_a_burst_that_cannot_be_judged(shop: Shop) -> None:
    """What the setup created is removed whatever happens in between; a mistake before it sends nothing."""
    with pytest.raises(SloError, match="no planned request has these tags"):
        run("--threshold", "http_req_duration{route:other}: p(95)<9", *FEW)
    assert shop.paths() == []

    run("--find-capacity", "--threshold", "http_reqs: count<9", "--rate", "40", "--duration", "0.2", "--warmup", "0")
    assert shop.paths()[-1] == "/logout?token=t1"


def test_a_host_selects_the_paths_of_the_manifests_instead(shop: Shop) -> None:
    """So does a URL; the workload is then left out."""
    run("--host", "shop.localhost", "--header", "X-Id: 1", *FEW)

    assert set(shop.paths()) == {"/products"}


@pytest.mark.parametrize(
    ("arguments", "error", "problem"),
    [
        (("--header", "X-Id: 1", "--method", "PUT"), SettingsError, "remove --header, --method"),
        (("--body", "x"), SettingsError, "remove --body"),
        (("--expect", "x"), SettingsError, "remove --expect"),
        (("--route", "list", "--host", "shop.localhost"), SettingsError, "remove --host"),
        (("--route", "list", "--url", "http://127.0.0.1/"), SettingsError, "remove --url"),
        (("--route", "pay"), SloError, "no route or journey 'pay'"),
        (("--users", "2", "--requests", "4"), LoadError, "use an open loop"),
        (("--stage", "1:5", "--duration", "3"), LoadError, "remove --duration"),
    ],
)
def test_what_does_not_fit_a_workload_is_refused_by_name(
    shop: Shop, arguments: tuple[str, ...], error: type[Exception], problem: str
) -> None:
    """Nothing is sent."""
    with pytest.raises(error, match=problem):
        run(*arguments)
    assert shop.paths() == []


def test_a_route_needs_a_workload(application: DeployedApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says where to add one."""
    without = replace(application, cluster=replace(application.cluster, workload=None))
    monkeypatch.setattr(GeneratorLocation, "application", without)
    with pytest.raises(SettingsError, match="the SLO file has no workload"):
        run("--route", "list")


def test_bursts_on_a_kept_cluster_have_values_of_their_own() -> None:
    """A second call must not repeat unique names, and keeps the arrival processes unless an option replaces them."""
    location = GeneratorLocation(Settings(), in_cluster=False)
    loaded = location.application.cluster.workload
    assert loaded is not None
    options = LoadOptions(None, None, None, None, None)
    first, second = (workload_burst(location, loaded, options, LoadSettings(), ()) for _ in range(2))

    assert first.plan.salt != second.plan.salt
    assert first.setup is not None
    assert first.setup.salt == first.plan.salt
    faster = workload_burst(location, loaded, LoadOptions(80, None, None, None, None), LoadSettings(), ()).plan.loop
    assert isinstance(faster, OpenLoop)
    assert (faster.peak_rate, faster.seconds, faster.streams) == (80, 0.5, (("cart", "uniform"),))
