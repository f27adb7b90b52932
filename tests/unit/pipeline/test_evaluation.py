"""Real bursts against good and bad servers: the engine's figures are consistent, and recomputing gives the same verdicts."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from kindgate.load.expectation import Expectation
from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.pipeline.burst_series import BurstSeries
from kindgate.pipeline.evaluation import measure_and_judge
from kindgate.pipeline.finish import collect_bursts
from kindgate.pipeline.load_lock import LoadLock
from kindgate.pipeline.report_builder import Measurement
from kindgate.slo.grammar import parse_marker
from kindgate.slo.objectives import Objectives
from tests.unit.report.judged_runs import reported
from tests.unit.report.test_recompute import assert_honest

OBJECTIVES = Objectives(
    parse_marker(
        (
            "p(95)<1000",
            "http_req_failed: rate<0.3",
            "http_req_failed{kind:network}: rate<0.5",
            "checks: rate>0.5",
            "avg<500",
            "max<9000",
        )
    )
)


@pytest.mark.parametrize("in_flight", [None, 1], ids=["open", "held by the cap"])
def test_recorded_bursts_of_good_and_bad_servers_get_the_same_verdict(ingress_url: str, tmp_path: Path, in_flight: int | None) -> None:
    """Answers, slow ones, errors, wrong bodies, refused connections and requests without a slot are all covered."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        refused = f"http://127.0.0.1:{closed.getsockname()[1]}/"
    routes = (
        Route(ingress_url, host="foo.localhost", expect=Expectation(substring="foo")),
        Route(ingress_url, host="slow.localhost"),
        Route(ingress_url, host="broken.localhost"),
        Route(ingress_url, host="wrong.localhost", expect=Expectation(substring="something else")),
        Route(refused, host="gone.localhost"),
    )
    plan = BurstPlan(routes, OpenLoop.constant(200, seconds=0.5), timeout=0.3, in_flight=in_flight)
    burst_series = BurstSeries(plan, 0.0, tmp_path / "measurements", LoadLock(tmp_path / "run", tmp_path / "machine"))
    judged = measure_and_judge(OBJECTIVES, burst_series, 3)

    kinds = {kind.value for burst in judged.bursts for kind in burst.failed}
    assert kinds >= {"http", "check", "connect", *(["unsent"] if in_flight else [])}
    bursts = collect_bursts(burst_series.folder)
    assert_honest(reported([Measurement("test_slo", judgement=judged.judgement, origin=judged.origin)], bursts))
