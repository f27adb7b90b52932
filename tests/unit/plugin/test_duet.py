"""The `duet` fixture in a nested suite: two versions behind one address, compared under real load."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kindgate.deploy.baseline import Baseline
from kindgate.model import Rendered
from kindgate.pipeline.environment import Environment, VersionSwap
from kindgate.plugin.controller import LazyPipeline
from tests.unit.plugin.conftest import QUIET_MACHINE, StandIn, pipeline_of, reached

pytestmark = pytest.mark.usefixtures("forks")

SUITE = """
import pytest

@pytest.mark.e2e
def test_no_slower(duet):
    duet.check(route="foo.localhost")

@pytest.mark.e2e
def test_figures(duet):
    (result,) = duet.compare().results
    assert result.base > 0 and result.head > 0
"""
OPTIONS = (*QUIET_MACHINE, "-m", "e2e", "--slo-base", "main", "--slo-file", "slo.yaml", "--load-warmup", "0.1")
SLOW = 0.1
"""Delay in seconds before the slow version answers."""


def version(host: str) -> Rendered:
    """Build one version of the application, reached through `host`."""
    path = {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "foo", "port": {"number": 80}}}}
    spec = {"rules": [{"host": host, "http": {"paths": [path]}}]}
    metadata = {"name": "i", "namespace": "echo"}
    return Rendered(Path("o"), ({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": spec},))


class Versions(BaseHTTPRequestHandler):
    """Answers for every host, after `SLOW` seconds for the slow version."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two packets, so Nagle's algorithm would delay the second by 40 ms
    slow = ""

    def do_GET(self) -> None:
        """Send the answer."""
        if self.headers.get("Host") == self.slow:
            threading.Event().wait(SLOW)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Silence the request log."""


@pytest.fixture(name="slow")
def _slow() -> str:
    return "foo.localhost"


@pytest.fixture(autouse=True)
def _two_versions(suite: pytest.Pytester, stand_in: StandIn, slow: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give the suite a pipeline with two versions, one of them slow."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Versions,), {"slow": slow}))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    base = Baseline(version("foo-base.localhost"), {"echo": "echo-base"}, {"foo.localhost": "foo-base.localhost"})
    url = f"http://127.0.0.1:{server.server_port}"

    def reaches(lazy: LazyPipeline) -> Environment:
        head, measurements = version("foo.localhost"), pipeline_of(lazy).measurements
        return reached(url, "foo.localhost", rendered=head, base=base, measurements=measurements)

    stand_in(reaches)
    monkeypatch.setattr(LazyPipeline, "swap_versions", lambda _: VersionSwap("both versions were deployed again"))
    monkeypatch.setenv("KINDGATE_STATE_DIR", str(suite.path / "state"))
    suite.makepyfile(SUITE)
    (suite.path / "slo.yaml").write_text(
        "compare: {each: route, med: {max_regression: 50%}}\nbursts: {count: 2, rate: 100, duration: 150ms}\n"
    )
    yield
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_slower_version_fails_its_test_and_both_figures_are_reported(suite: pytest.Pytester) -> None:
    """Duet bursts distinguish 100 ms from none, twice; both tests share the bursts, one by its route, and the report has a row for each."""
    result = suite.runpytest_inprocess(*OPTIONS)

    result.assert_outcomes(passed=1, failed=1)
    assert 'name="compare.verdict[p(50) of http_req_duration{route:foo.localhost}]"' in (suite.path / "artifacts" / "junit.xml").read_text()
    report = json.loads((suite.path / "artifacts" / "report.json").read_text())
    rows = {row["test"].rpartition("::")[2]: row for row in report["comparison"]}
    assert set(rows) == {"test_no_slower", "test_figures"}
    verdicts = {row["verdict"] for row in rows.values()}
    assert verdicts == {"FAIL"}
    result.stdout.fnmatch_lines(["*p(50) of http_req_duration*route:foo.localhost* in the pull request*baseline*slower*"])
    assert rows["test_no_slower"]["change"] > 0.5
    assert len(report["bursts"]) <= 6 + 20
    assert {row["first"]["verdict"] for row in rows.values()} == {"FAIL"}
    assert {route["route"] for burst in report["bursts"] for route in burst["routes"]} == {"foo.localhost (head)", "foo.localhost (base)"}


@pytest.mark.parametrize("slow", ["foo-base.localhost"])
def test_a_faster_version_passes(suite: pytest.Pytester) -> None:
    """With a slow baseline the verdict is PASS."""
    suite.runpytest_inprocess(*OPTIONS, "-k", "no_slower", "-n", "1").assert_outcomes(passed=1)

    (row,) = json.loads((suite.path / "artifacts" / "report.json").read_text())["comparison"]
    assert row["change"] < 0
    assert row["verdict"] == "PASS"
