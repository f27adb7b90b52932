"""The `duet` fixture in a suite of its own: two versions behind one address, compared under real load."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

CONFTEST = """
from pathlib import Path
from kindgate.deploy.beside import Beside
from kindgate.model import ClusterAddress, Rendered
from kindgate.pipeline.session import Pipeline
from kindgate.pipeline.stages import Provisioned
from kindgate.plugin.controller import LazyPipeline

def version(host):
    rules = [{{"host": host}}]
    return Rendered(Path("o"), ({{"spec": {{"rules": rules}}, "kind": "Ingress", "metadata": {{"name": "i", "namespace": "echo"}}}},))

def reach(self, stage):
    if self.pipeline is None:
        self.pipeline = Pipeline(self._settings, self._run_id, self._terminal.progress)
    base = Beside(version("foo-base.localhost"), {{"echo": "echo-base"}}, {{"foo.localhost": "foo-base.localhost"}})
    address = ClusterAddress("c", Path("kc"), "kind-c", "{url}")
    return Provisioned(
        address, version("foo.localhost"), Path("kubectl"), Path("artifacts"), self.pipeline.measurements, monitoring=False, base=base
    )

LazyPipeline.reach = reach
"""
SUITE = """
import pytest

@pytest.mark.e2e
def test_no_slower(duet):
    duet.check()

@pytest.mark.e2e
def test_figures(duet):
    (result,) = duet.compare().results
    assert result.base > 0 and result.head > 0
"""
OPTIONS = ("-m", "e2e", "--slo-base", "main", "--slo-file", "slo.yaml", "--load-warmup", "0.1")
SLOW = 0.05
"""Seconds that the slow version waits before it answers."""


class Versions(BaseHTTPRequestHandler):
    """Answers for every host, after `SLOW` seconds for the slow one."""

    protocol_version = "HTTP/1.1"
    slow = ""

    def do_GET(self) -> None:
        """Answer."""
        if self.headers.get("Host") == self.slow:
            threading.Event().wait(SLOW)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep the test's output quiet."""


@pytest.fixture(name="slow")
def _slow() -> str:
    return "foo.localhost"


@pytest.fixture(name="suite")
def _suite(pytester: pytest.Pytester, slow: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.Pytester]:
    """A suite whose pipeline hands out two versions, of which one is slow."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Versions,), {"slow": slow}))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    monkeypatch.setenv("KINDGATE_STATE_DIR", str(pytester.path / "state"))
    pytester.makeini("[pytest]\naddopts = -p no:locust\nstrict = true\nfilterwarnings = error\n")
    pytester.makeconftest(CONFTEST.format(url=f"http://127.0.0.1:{server.server_port}"))
    pytester.makepyfile(SUITE)
    (pytester.path / "slo.yaml").write_text("compare: {med: {max_regression: 50%}}\nbursts: {count: 2, rate: 100, duration: 300ms}\n")
    yield pytester
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_slower_version_fails_its_test_and_both_figures_are_reported(suite: pytest.Pytester) -> None:
    """Six duet bursts tell 50 ms from none; both tests share them, and the report holds the row of each."""
    result = suite.runpytest_subprocess(*OPTIONS)

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*p(50) of the pull request*of the base*slower*"])
    report = json.loads((suite.path / "artifacts" / "report.json").read_text())
    rows = {row["test"].rpartition("::")[2]: row for row in report["comparison"]}
    assert set(rows) == {"test_no_slower", "test_figures"}
    assert {row["verdict"] for row in rows.values()} <= {"FAIL", "INVALID"}
    assert rows["test_no_slower"]["change"] > 0.5
    assert len(report["bursts"]) <= 6
    assert {host["host"] for burst in report["bursts"] for host in burst["hosts"]} == {"foo.localhost (head)", "foo.localhost (base)"}


@pytest.mark.parametrize("slow", ["foo-base.localhost"])
def test_a_faster_version_passes(suite: pytest.Pytester) -> None:
    """The old version is the slow one: PASS, or INVALID on a machine that is too busy to tell."""
    outcomes = suite.runpytest_subprocess(*OPTIONS, "-k", "no_slower", "-n", "1").parseoutcomes()

    (row,) = json.loads((suite.path / "artifacts" / "report.json").read_text())["comparison"]
    assert row["change"] < 0
    assert (row["verdict"], outcomes) in [("PASS", {"passed": 1}), ("INVALID", {"failed": 1})]
