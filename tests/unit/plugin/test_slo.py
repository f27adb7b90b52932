"""The `slo` fixture in a nested suite: early ends of a run, and plans refused before it starts."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kindgate.model import ClusterAddress, Rendered
from kindgate.pipeline.environment import Environment, Stage
from kindgate.plugin.controller import LazyPipeline
from tests.unit.plugin.conftest import StandIn, entry, pipeline_of

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

OPTIONS = ("-m", "e2e", "--slo-file", "slo.yaml", "--load-warmup", "0")


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
def _requested_stages(suite: pytest.Pytester, stand_in: StandIn, url: str, monkeypatch: pytest.MonkeyPatch) -> list[Stage]:
    """The stages requested from the suite's pipeline, which returns the broken application."""
    monkeypatch.setenv("KINDGATE_STATE_DIR", str(suite.path / "state"))
    suite.makepyfile(SUITE)

    def reach(lazy: LazyPipeline) -> Environment:
        address = ClusterAddress("c", Path("kc"), "kind-c", url)
        folder = pipeline_of(lazy).measurements
        return Environment(address, Rendered(Path("o"), ()), Path("kubectl"), Path("artifacts"), folder, entries=(entry("foo.localhost"),))

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


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_an_unconfirmable_objective_is_refused_before_anything_is_created(
    suite: pytest.Pytester, requested_stages: list[Stage], workers: tuple[str, ...]
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
    suite: pytest.Pytester, requested_stages: list[Stage], workers: tuple[str, ...], test: str, slo: str
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
