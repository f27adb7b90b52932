"""The setup of a workload around series of bursts, against a real server with two hosts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from kindgate.errors import LoadError
from kindgate.load.plan import OpenLoop
from kindgate.model import ClusterAddress
from kindgate.pipeline.burst_series import BurstSeries
from kindgate.pipeline.load_lock import LoadLock
from kindgate.pipeline.workload_setup import WorkloadSetup
from kindgate.slo.compare import BASE, HEAD
from kindgate.workload.burst_plan import Endpoint, LoadedWorkload, PlanSettings, duet_of, workload_plan
from kindgate.workload.data_files import read_data_files
from kindgate.workload.document import parse_workload
from tests.unit.load.conftest import Server
from tests.unit.load.shop_server import Shop

TEXT = """
setup:
  - {name: login, method: POST, path: /login, extract: {token: {json: token}}}
teardown:
  - {name: logout, method: DELETE, path: "/sessions/{token}"}
routes:
  - {name: cart, path: "/cart?token={token}"}
"""
HOSTS = {"shop.localhost": "base.localhost"}


@pytest.fixture(name="shop")
def _shop() -> Shop:
    return Shop()


@pytest.fixture(name="setup")
def _setup(shop: Shop) -> Iterator[WorkloadSetup]:
    workload = parse_workload(TEXT)
    with closing(Server(shop.handle)) as server:
        yield WorkloadSetup(
            LoadedWorkload(workload, read_data_files(workload, {})),
            (Endpoint("shop.localhost", server.url),),
            ClusterAddress("test", Path("kubeconfig"), "test", server.url),
            {HEAD: {}, BASE: HOSTS},
            "salt",
            60.0,
        )


def series_of(setup: WorkloadSetup, folder: Path) -> BurstSeries:
    """Return a series of duet bursts of ten requests."""
    plan = workload_plan(setup.loaded, setup.endpoints, PlanSettings(OpenLoop.constant(200, requests=10, arrival="uniform")))
    lock = LoadLock(folder / "run", folder / "machine")
    return BurstSeries(duet_of(plan, HOSTS), 0.0, folder / "measurements", lock, setup=setup)


def received(shop: Shop, path: str) -> list[tuple[str, str]]:
    """Return host and path of the requests that begin with `path`."""
    return [(each.headers["host"], each.path) for each in shop.received if each.path.startswith(path)]


def test_the_setup_runs_once_for_each_version_and_series(shop: Shop, setup: WorkloadSetup, tmp_path: Path) -> None:
    """Every version uses its own values, in all bursts of a series, whichever process sends them."""
    series_of(setup, tmp_path).extend(1)
    series_of(setup, tmp_path).extend(2)
    assert received(shop, "/login") == [("shop.localhost", "/login"), ("base.localhost", "/login")]
    assert set(received(shop, "/cart")) == {("shop.localhost", "/cart?token=t1"), ("base.localhost", "/cart?token=t2")}
    series_of(setup, tmp_path).second().extend(1)
    assert len(received(shop, "/login")) == 4


def test_values_of_the_setup_are_private(setup: WorkloadSetup, tmp_path: Path) -> None:
    """Tokens are readable only by the user, and in no burst."""
    series = series_of(setup, tmp_path)
    series.extend(1)
    (file,) = series.folder.glob(".setup*")
    assert file.stat().st_mode & 0o077 == 0
    assert "t1" not in json.dumps([burst.to_json()["plan"] for burst in series.bursts()])


def test_no_burst_is_sent_if_the_setup_fails(shop: Shop, setup: WorkloadSetup, tmp_path: Path) -> None:
    """The error is the setup's, and the next attempt runs it again."""
    shop.fail["/login"] = 503
    with pytest.raises(LoadError, match="login: the response has the status 503"):
        series_of(setup, tmp_path).extend(1)
    assert received(shop, "/cart") == []
    shop.fail.clear()
    assert len(series_of(setup, tmp_path).extend(1)) == 1


def test_the_teardown_is_sent_for_every_setup(shop: Shop, setup: WorkloadSetup, tmp_path: Path) -> None:
    """Each version's data is removed with its own values; a failure is reported and keeps no other from being sent."""
    series_of(setup, tmp_path).extend(1)
    shop.fail["/sessions/t1"] = 500
    lines = setup.tear_down(tmp_path / "measurements")
    assert received(shop, "/sessions") == [("shop.localhost", "/sessions/t1"), ("base.localhost", "/sessions/t2")]
    assert lines == ("the workload's teardown failed for head: teardown: logout: the response has the status 500, not one below 400",)


def test_nothing_is_torn_down_without_a_setup(shop: Shop, setup: WorkloadSetup, tmp_path: Path) -> None:
    """A run that sent no load has no data to remove."""
    assert replace(setup, salt="other").tear_down(tmp_path) == ()
    assert shop.received == []
