"""The `slo` fixture in a suite of its own: what ends a run early, and what is refused before it begins."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

CONFTEST = """
from pathlib import Path
from kindgate.model import ClusterAddress, Rendered
from kindgate.pipeline.session import Pipeline
from kindgate.pipeline.stages import Provisioned
from kindgate.plugin.controller import LazyPipeline

INGRESS = {{"spec": {{"rules": [{{"host": "foo.localhost"}}]}}, "kind": "Ingress", "metadata": {{"name": "i", "namespace": "echo"}}}}

def reach(self, stage):
    Path({log!r}).touch()
    if self.pipeline is None:
        self.pipeline = Pipeline(self._settings, self._run_id, self._terminal.progress)
    address = ClusterAddress("c", Path("kc"), "kind-c", "{url}")
    return Provisioned(address, Rendered(Path("o"), (INGRESS,)), Path("kubectl"), Path("artifacts"), self.pipeline.measurements)

LazyPipeline.reach = reach
"""
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
OPTIONS = ("-m", "e2e", "--slo-file", "slo.yaml", "--load-warmup", "0")


class Broken(BaseHTTPRequestHandler):
    """Answers 500."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(500)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep the test's output quiet."""


@pytest.fixture(name="suite")
def _suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.Pytester]:
    """A suite whose pipeline leads to a server that is broken."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Broken)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    monkeypatch.setenv("KINDGATE_STATE_DIR", str(pytester.path / "state"))
    pytester.makeini("[pytest]\naddopts = -p no:locust\nstrict = true\nfilterwarnings = error\n")
    pytester.makeconftest(CONFTEST.format(url=f"http://127.0.0.1:{server.server_port}", log=str(pytester.path / "reached")))
    pytester.makepyfile(SUITE)
    yield pytester
    server.shutdown()
    thread.join()
    server.server_close()


def objectives(suite: pytest.Pytester, text: str) -> None:
    """The suite's SLO file."""
    (suite.path / "slo.yaml").write_text(text + BURSTS)


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_abort_on_fail_ends_the_session_after_the_burst_that_broke_the_promise(suite: pytest.Pytester, workers: tuple[str, ...]) -> None:
    """No failure was promised: one burst of three is sent, and no further test runs."""
    objectives(suite, 'thresholds: {http_req_failed: [{threshold: "rate<=0", abortOnFail: true}]}\n')

    result = suite.runpytest_subprocess(*OPTIONS, *workers)

    result.assert_outcomes(failed=1)
    assert "an objective with abortOnFail is missed" in result.stdout.str()
    assert len(json.loads((suite.path / "artifacts" / "report.json").read_text())["bursts"]) == 1


def test_without_abort_on_fail_the_other_tests_run(suite: pytest.Pytester) -> None:
    """A missed objective is the failure of its own test."""
    objectives(suite, 'thresholds: {http_req_failed: ["rate<=0"]}\n')

    suite.runpytest_subprocess(*OPTIONS).assert_outcomes(failed=1, passed=1)


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_an_objective_that_the_plan_could_not_confirm_is_refused_before_anything_is_created(
    suite: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    """Nine bursts of 30 requests cannot confirm p(99): the error says how many could, and the pipeline is not asked for anything."""
    objectives(suite, 'thresholds: {http_req_duration: ["p(99)<500"]}\n')

    result = suite.runpytest_subprocess(*OPTIONS, "-k", "objectives", *workers)

    assert "270 requests are planned" in result.stdout.str() + result.stderr.str()
    assert not (suite.path / "reached").exists()
    assert result.ret == (1 if workers else 14)


def test_objectives_of_tests_that_are_not_selected_refuse_nothing(suite: pytest.Pytester) -> None:
    """A smoke test may run at any rate."""
    objectives(suite, 'thresholds: {http_req_duration: ["p(99)<500"]}\n')

    suite.runpytest_subprocess(*OPTIONS, "-k", "afterwards").assert_outcomes(passed=1, deselected=1)
