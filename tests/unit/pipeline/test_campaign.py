"""A campaign of bursts, against a real server: measured once, shared through the disk, never lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kindgate.errors import SloError
from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.load.result import BurstResult
from kindgate.model import Verdict
from kindgate.pipeline.campaign import Campaign
from kindgate.pipeline.finish import collect_bursts
from kindgate.pipeline.judging import measure_and_judge
from kindgate.pipeline.lease import Lease
from kindgate.pipeline.samples import burst_sample
from kindgate.slo.grammar import parse_marker
from kindgate.slo.objectives import Objectives


class Answering(BaseHTTPRequestHandler):
    """Answers every GET with a line."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"foo\n")

    def log_message(self, *_: object) -> None:
        """Keep the test's output quiet."""


@pytest.fixture(name="plan", scope="module")
def _plan() -> Iterator[BurstPlan]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    route = Route(f"http://127.0.0.1:{server.server_port}/", host="foo.localhost")
    yield BurstPlan((route,), OpenLoop.constant(100, requests=10, arrival="uniform"))
    server.shutdown()
    thread.join()
    server.server_close()


def campaign(plan: BurstPlan, folder: Path) -> Campaign:
    """A campaign as each process of a run makes it."""
    return Campaign(plan, 0.0, folder / "measurements", Lease(folder / "run", folder / "machine"))


def test_bursts_are_measured_once_and_shared(plan: BurstPlan, tmp_path: Path) -> None:
    """A second process finds what the first one measured, and adds only what is missing."""
    seen: list[int] = []
    first = campaign(plan, tmp_path).extend(2, lambda number, _planned, _result: seen.append(number))
    more = campaign(plan, tmp_path).extend(3, lambda number, _planned, _result: seen.append(number))

    assert seen == [1, 2, 3]
    assert [result.window for result in more[:2]] == [result.window for result in first]
    assert collect_bursts(tmp_path / "measurements") == more


def test_each_burst_has_a_schedule_of_its_own(plan: BurstPlan, tmp_path: Path) -> None:
    """Bursts are replicates: the same plan under another seed."""
    results = campaign(plan, tmp_path).extend(2)

    assert len({result.plan.seed for result in results}) == 2
    assert {result.scheduled for result in results} == {10}


def test_another_plan_is_another_campaign(plan: BurstPlan, tmp_path: Path) -> None:
    """Bursts of different plans are never mixed."""
    other = BurstPlan(plan.routes, OpenLoop.constant(100, requests=5, arrival="uniform"))
    campaign(plan, tmp_path).extend(1)

    assert campaign(other, tmp_path).bursts() == ()


def test_the_judge_gets_the_engines_figures_unchanged(plan: BurstPlan, tmp_path: Path) -> None:
    """No count and no time changes on the way from the engine to the judge."""
    (result,) = campaign(plan, tmp_path).extend(1)
    sample = burst_sample(result)

    assert [series.tags["host"] for series in sample.series] == ["foo.localhost"]
    assert sample.series[0].response == result.series[0].response
    assert (sample.health.scheduled, sample.health.punctual) == (result.scheduled, result.scheduled - result.late)


def test_facts_are_decided_at_the_first_look(plan: BurstPlan, tmp_path: Path) -> None:
    """An objective without an interval needs no second look."""
    objectives = Objectives(parse_marker(("http_reqs: count>=10",)))
    looks: list[int] = []
    judged = measure_and_judge(objectives, campaign(plan, tmp_path), 1, on_look=lambda judgement: looks.append(judgement.look))

    assert looks == [1]
    assert judged.judgement.verdict in (Verdict.PASS, Verdict.INVALID)
    assert all(isinstance(result, BurstResult) for result in judged.bursts)


def test_an_objective_that_the_planned_load_could_not_confirm_is_refused_before_any_load(plan: BurstPlan, tmp_path: Path) -> None:
    """The error says what size it needs, and nothing was sent."""
    bursts = campaign(plan, tmp_path)

    with pytest.raises(SloError, match=r"p\(99\)"):
        measure_and_judge(Objectives(parse_marker(("p(99)<500",))), bursts, 2)

    assert bursts.bursts() == ()
