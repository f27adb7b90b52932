"""A capacity measured on a real server: bursts at other rates are shared, kept apart in the report, and recomputed alike."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kindgate.load.journey import Journey, Step
from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.model import Verdict
from kindgate.pipeline.burst_series import CAPACITY_FOLDER, BurstSeries
from kindgate.pipeline.capacity import capacity_measurement, measure_capacity
from kindgate.pipeline.environment import DeployedApplication
from kindgate.pipeline.finish import collect_bursts
from kindgate.pipeline.load_lock import LoadLock
from kindgate.pipeline.report_builder import Measurement
from kindgate.settings import SloSettings
from kindgate.slo.capacity_search import RateTrial
from kindgate.slo.grammar import parse_marker
from kindgate.slo.objectives import Objectives
from tests.unit.report.judged_runs import SaturatedSeries, reported
from tests.unit.report.test_recompute import assert_honest

LIMIT = 24
"""Requests that the server answers well in each burst; it refuses the others, so no verdict depends on the machine's speed."""

CARRIED = 1.25 * LIMIT
"""Requests in a burst of which a fifth is refused."""

SECONDS = 0.6

WITHIN = ("med<10000", "http_req_failed: rate<0.2")


class Limited(ThreadingHTTPServer):
    """Answers `LIMIT` requests, and refuses all others until it is renewed."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self._lock = threading.Lock()
        self._left = LIMIT

    def admits(self) -> bool:
        """Count a request; return whether it is answered well."""
        with self._lock:
            self._left -= 1
            return self._left >= 0

    def renew(self, *_: object) -> None:
        """Start to count again, between two bursts."""
        with self._lock:
            self._left = LIMIT


class Answering(BaseHTTPRequestHandler):
    """Answers with 200 or 503."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two packets, so Nagle's algorithm would delay the second by 40 ms

    def do_GET(self) -> None:
        """Send the answer."""
        assert isinstance(self.server, Limited)
        self.send_response(200 if self.server.admits() else 503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Silence the request log."""


@pytest.fixture(name="server")
def _server() -> Iterator[Limited]:
    server = Limited()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def _series(url: str, folder: Path) -> BurstSeries:
    plan = BurstPlan((Route(url, host="foo.localhost"),), OpenLoop.constant(20, seconds=SECONDS, arrival="uniform"))
    return BurstSeries(plan, 0.0, folder / "measurements", LoadLock(folder / "run", folder / "machine"))


def _objective(rate: float) -> Objectives:
    return Objectives(parse_marker((*WITHIN, f"capacity: value>{rate:g}")))


@pytest.mark.usefixtures("quiet_machine")
def test_the_capacity_of_a_server_is_found_and_recomputed(server: Limited, tmp_path: Path) -> None:
    """The required rate passes, and the capacity found above it is that of the server."""
    (objective,) = _objective(25).capacities
    trials: list[RateTrial] = []

    def on_trial(trial: RateTrial) -> None:
        trials.append(trial)
        server.renew()

    found = measure_capacity(objective, _series(server.url, tmp_path), 3, on_burst=server.renew, on_trial=on_trial)

    assert found.judgement.verdict is Verdict.PASS
    assert found.found.met is not None
    assert 0.9 * CARRIED < found.found.met * SECONDS < CARRIED
    assert {burst.plan.loop for burst in found.best} == {OpenLoop.constant(found.found.met, seconds=SECONDS, arrival="uniform")}
    bursts = collect_bursts(tmp_path / "measurements" / CAPACITY_FOLDER)
    assert len(bursts) == len(found.measured.bursts) + len(trials)
    measurement = Measurement("test_slo", judgement=found.judgement, origin=found.measured.origin)
    assert_honest(reported([measurement], bursts))


@pytest.mark.usefixtures("quiet_machine")
def test_a_journey_that_outlasts_its_burst_has_a_capacity(server: Limited, tmp_path: Path) -> None:
    """Its last step is sent long after it arrived, which does not lower the rate at which journeys start."""
    steps = tuple(Route(server.url, host="foo.localhost", name=name, journey="buy", weight=0) for name in ("cart", "checkout"))
    journey = Journey("buy", (Step(0), Step(1, think=SECONDS)))
    plan = BurstPlan(steps, OpenLoop.constant(10, seconds=0.5, arrival="uniform"), journeys=(journey,))
    burst_series = BurstSeries(plan, 0.0, tmp_path / "measurements", LoadLock(tmp_path / "run", tmp_path / "machine"))
    (objective,) = _objective(16).capacities

    found = measure_capacity(objective, burst_series, 3, on_burst=server.renew, on_trial=server.renew)

    assert found.judgement.verdict is Verdict.PASS
    assert found.found.met is not None
    assert found.found.met >= 16


def test_another_test_repeats_no_burst(server: Limited, tmp_path: Path) -> None:
    """The same objective in a second test, or in another process, is judged from the same bursts."""
    (objective,) = _objective(25).capacities
    first = measure_capacity(objective, _series(server.url, tmp_path), 2, quick=True)
    count = len(collect_bursts(tmp_path / "measurements"))

    again = measure_capacity(objective, _series(server.url, tmp_path), 2, quick=True)

    assert again.judgement == first.judgement
    assert len(collect_bursts(tmp_path / "measurements")) == count


def test_a_missed_capacity_is_searched_downwards() -> None:
    """The report says how much the service carries."""
    (objective,) = Objectives(parse_marker(("p(95)<400", "capacity: value>500"))).capacities
    found = measure_capacity(objective, SaturatedSeries(300), 10)

    assert found.judgement.verdict is Verdict.FAIL
    assert found.found.met is not None
    assert found.found.missed is not None
    assert 280 < found.found.met <= 300 < found.found.missed < 322


def test_an_invalid_measurement_is_not_searched(application: DeployedApplication) -> None:
    """More load on a machine that cannot be judged shows nothing, and the report states no capacity."""
    (objective,) = Objectives(parse_marker(("p(95)<400", "capacity: value>150"))).capacities
    found = measure_capacity(objective, SaturatedSeries(300, steal=0.5), 10)

    assert found.judgement.verdict is Verdict.INVALID
    assert found.measured.origin.search == ()
    assert capacity_measurement(found, application, SloSettings(), "test_slo").capacity is None
