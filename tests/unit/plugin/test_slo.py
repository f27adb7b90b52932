"""The `slo` fixture in a nested suite: early ends of a run, and plans refused before it starts."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from kindgate.errors import SloError
from kindgate.model import Verdict
from kindgate.pipeline.capacity import MeasuredCapacity
from kindgate.pipeline.environment import Environment
from kindgate.pipeline.evaluation import MeasuredJudgement
from kindgate.plugin.controller import LazyPipeline
from kindgate.plugin.slo import Slo
from kindgate.report.recompute import recompute_report
from kindgate.report.run_report import RunReport
from kindgate.settings import SloSettings
from kindgate.slo.grammar import parse_marker
from kindgate.slo.objectives import Objectives
from tests.unit.plugin.conftest import QUIET_MACHINE, StandIn, pipeline_of, reached
from tests.unit.report.bursts import measured_burst
from tests.unit.report.judged_runs import GeneratedSeries, SaturatedSeries

SUITE = """
import pytest

@pytest.mark.e2e
def test_objectives(slo):
    slo.check()

@pytest.mark.e2e
def test_afterwards(app):
    pass
"""
BURSTS = "bursts: {count: 3, rate: 100, duration: 300ms}\n"
pytestmark = pytest.mark.usefixtures("requested_stages", "forks")

OPTIONS = (*QUIET_MACHINE, "-m", "e2e", "--slo-file", "slo.yaml", "--load-warmup", "0")


class Broken(BaseHTTPRequestHandler):
    """Answers 500."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two packets, so Nagle's algorithm would delay the second by 40 ms

    def do_GET(self) -> None:
        """Send the answer."""
        self.send_response(500)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Silence the request log."""


@pytest.fixture(name="url")
def _url() -> Iterator[str]:
    """The address of a broken application."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Broken)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(name="requested_stages")
def _requested_stages(suite: pytest.Pytester, stand_in: StandIn, url: str, monkeypatch: pytest.MonkeyPatch) -> list[type[object]]:
    """The stages requested from the suite's pipeline, which returns the broken application."""
    monkeypatch.setenv("KINDGATE_STATE_DIR", str(suite.path / "state"))
    suite.makepyfile(SUITE)

    def reach(lazy: LazyPipeline) -> Environment:
        return reached(url, "foo.localhost", measurements=pipeline_of(lazy).measurements)

    return stand_in(reach)


def objectives(suite: pytest.Pytester, text: str) -> None:
    """Write the suite's SLO file."""
    (suite.path / "slo.yaml").write_text(text + BURSTS)


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_abort_on_fail_ends_the_session_after_the_burst_that_missed(suite: pytest.Pytester, workers: tuple[str, ...]) -> None:
    """With no failures allowed, one burst of three is sent, and no further test runs."""
    objectives(suite, 'thresholds: {http_req_failed: [{threshold: "rate<=0", abortOnFail: true}]}\n')

    result = suite.runpytest_inprocess(*OPTIONS, *workers)

    result.assert_outcomes(failed=1)
    assert "an objective with abortOnFail was missed" in result.stdout.str()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert len(json.loads((suite.path / "artifacts" / "report.json").read_text())["bursts"]) == 1


def test_without_abort_on_fail_the_other_tests_run(suite: pytest.Pytester) -> None:
    """A missed objective fails only its own test."""
    objectives(suite, 'thresholds: {http_req_failed: ["rate<=0"]}\n')

    suite.runpytest_inprocess(*OPTIONS).assert_outcomes(failed=1, passed=1)


def test_a_capacity_in_the_file_is_judged_and_its_bursts_are_kept_apart(suite: pytest.Pytester) -> None:
    """The report has its verdict and what the search found; its table of bursts shows the planned load only."""
    objectives(suite, 'thresholds: {http_req_failed: ["rate<=0"], capacity: ["value>100"]}\n')

    suite.runpytest_inprocess(*OPTIONS, "-k", "objectives").assert_outcomes(failed=1)

    report = RunReport.model_validate_json((suite.path / "artifacts" / "report.json").read_text())
    assert [(row.metric, row.verdict) for row in report.objectives] == [("http_req_failed", Verdict.FAIL), ("capacity", Verdict.FAIL)]
    (found,) = report.capacity
    assert (found.met, found.missed is not None and found.missed < 100) == (None, True)
    assert len(report.bursts) == 3
    assert recompute_report(report).objectives == report.objectives


def test_the_slo_file_is_read_once_per_process(suite: pytest.Pytester, stand_in: StandIn, url: str) -> None:
    """A test that is collected and the pipeline judge by the same objectives, even if the file changes in between."""
    objectives(suite, "thresholds: {http_reqs: [count>1]}\n")
    judged: list[Objectives] = []

    def reach(lazy: LazyPipeline) -> Environment:
        (suite.path / "slo.yaml").unlink()
        judged.append(lazy.get_or_create().objectives)
        return reached(url, "foo.localhost", measurements=lazy.get_or_create().measurements)

    stand_in(reach)
    suite.runpytest_inprocess(*OPTIONS, "-k", "objectives").assert_outcomes(passed=1)

    assert list(map(str, judged[0].thresholds)) == ["http_reqs: count>1"]


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_an_unconfirmable_objective_is_refused_before_anything_is_created(
    suite: pytest.Pytester, requested_stages: list[type[object]], workers: tuple[str, ...]
) -> None:
    """Nine bursts of 30 requests cannot confirm p(99): the error states how many could, and no stage is requested."""
    objectives(suite, 'thresholds: {http_req_duration: ["p(99)<500"]}\n')

    result = suite.runpytest_inprocess(*OPTIONS, "-k", "objectives", *workers)

    assert "270 requests are planned" in result.stdout.str() + result.stderr.str()
    assert requested_stages == []
    assert result.ret == 14


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
@pytest.mark.parametrize(
    ("test", "slo"),
    [
        ("@pytest.mark.slo('p(95)<<200')\ndef test_wrong(app): pass", "thresholds: {http_reqs: [count>1]}"),
        ("@pytest.mark.slo(abortOnFail=True)\ndef test_wrong(app): pass", "thresholds: {http_reqs: [count>1]}"),
        ("def test_wrong(slo): pass", "thresholds: {http_reqs: [p(95)<1]}"),
    ],
    ids=["marker", "keyword", "file"],
)
def test_an_invalid_objective_ends_the_run_before_its_first_test(
    suite: pytest.Pytester, requested_stages: list[type[object]], workers: tuple[str, ...], test: str, slo: str
) -> None:
    """The exit code is the documented one, with and without xdist; no other test runs, and nothing is created."""
    objectives(suite, slo + "\n")
    suite.makepyfile(test_wrong=f"import pytest\npytestmark = pytest.mark.e2e\n\n{test}\n\ndef test_other(app): pass\n")

    result = suite.runpytest_inprocess(*OPTIONS, "-k", "wrong or other", *workers)

    assert (result.ret, requested_stages) == (14, [])
    assert "passed" not in result.stdout.str()


def test_objectives_of_deselected_tests_are_not_checked(suite: pytest.Pytester) -> None:
    """A smoke test runs at any rate."""
    objectives(suite, 'thresholds: {http_req_duration: ["p(99)<500"]}\n')

    suite.runpytest_inprocess(*OPTIONS, "-k", "afterwards").assert_outcomes(passed=1, deselected=1)


def test_one_route_is_judged_by_its_own_objectives() -> None:
    """Another route's miss does not fail the test, and only what was judged is recorded; an unknown route is an error."""
    measured: list[MeasuredJudgement | MeasuredCapacity] = []
    texts = ("http_req_duration{route:foo.localhost}: p(95)<1000", "http_req_duration{route:bar.localhost}: p(95)<1")
    slo = Slo(Objectives(parse_marker(texts)), GeneratedSeries(measured_burst), SloSettings(bursts=4), measured.append)

    (result,) = slo.check(route="foo.localhost").results

    assert str(result.threshold) == texts[0]
    assert [str(one.threshold) for one in measured[0].judgement.results] == [texts[0]]
    with pytest.raises(SloError, match="no threshold is about the route 'foo'"):
        slo.judge(route="foo")


@pytest.mark.parametrize(("limit", "verdict"), [(150, Verdict.PASS), (500, Verdict.FAIL)])
def test_a_capacity_is_judged_after_the_objectives_at_the_planned_rate(limit: int, verdict: Verdict) -> None:
    """Both are recorded and decide the test; a route that is judged alone has no capacity."""
    measured: list[MeasuredJudgement | MeasuredCapacity] = []
    objectives = Objectives(parse_marker(("http_req_duration{route:foo.localhost}: p(95)<400", f"capacity: value>{limit}")))
    slo = Slo(objectives, SaturatedSeries(300), SloSettings(bursts=10), measured.append)

    judgement = slo.judge()

    assert [(str(one.threshold), one.verdict) for one in judgement.results] == [
        ("http_req_duration{route:foo.localhost}: p(95)<400", Verdict.PASS),
        (f"capacity: value>{limit}", verdict),
    ]
    assert judgement.verdict is verdict
    assert [type(one) for one in measured] == [MeasuredJudgement, MeasuredCapacity]
    assert len(slo.judge(route="foo.localhost").results) == 1
