"""A planted secret is found in nothing that a run writes, posts or prints."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.github.standin import StandIn, serving

VARIABLE, SECRET, CREDENTIAL = "canary-of-the-environment", "canary-of-a-secret", "canary-of-the-kubeconfig"

CONFTEST = f"""
import os
from pathlib import Path
from kindgate.errors import ClusterError
from kindgate.model import ClusterAddress, Rendered
from kindgate.pipeline.preparation import Prepared
from kindgate.pipeline.session import Pipeline
from kindgate.plugin.controller import LazyPipeline

OBJECTS = ({{"kind": "Secret", "metadata": {{"name": "s", "namespace": "n"}}, "stringData": {{"key": "{SECRET}"}}}},)

def reach(self, stage):
    if self.pipeline is None:
        self.pipeline = Pipeline(self._settings, self._run_id, self._terminal.progress)
        kubeconfig = Path("kubeconfig")
        kubeconfig.write_text("users: [{{name: u, user: {{token: {CREDENTIAL}}}}}]")
        self.pipeline.prepared = Prepared(None, Rendered(Path("o"), OBJECTS), (), None)
        self.pipeline.address = ClusterAddress("c", kubeconfig, "kind-c", "http://127.0.0.1:1")
        self.pipeline.error = ClusterError("kind said {SECRET}", last_state=f"{CREDENTIAL} {{os.environ['CANARY_TOKEN']}}")
    raise self.pipeline.error

LazyPipeline.reach = reach
"""
SUITE = f"""
import os
import pytest

@pytest.mark.e2e
def test_reaching(app):
    pass

@pytest.mark.e2e
def test_passing():
    print(os.environ["CANARY_TOKEN"], "{SECRET}")

@pytest.mark.e2e
def test_telling():
    print("printed", os.environ["CANARY_TOKEN"], "{SECRET}")
    raise AssertionError(os.environ["CANARY_TOKEN"] + " {SECRET} {CREDENTIAL}")
"""


@pytest.fixture(name="github")
def _github() -> Iterator[StandIn]:
    with serving() as standin:
        yield standin


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_a_planted_secret_is_found_nowhere(
    github: StandIn, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: tuple[str, ...]
) -> None:
    """Neither in an artifact, nor in comment, summary, annotation or terminal."""
    summary = pytester.path / "summary-of-the-step.md"
    environment = github.environment | {"GITHUB_STEP_SUMMARY": str(summary), "CANARY_TOKEN": VARIABLE}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    pytester.makeconftest(CONFTEST)
    pytester.makeini("[pytest]\naddopts = -p no:locust\n")
    pytester.makepyfile(test_suite=SUITE)

    result = pytester.runpytest_subprocess("-m", "e2e", "--slo-file=none.yaml", "--html=artifacts/report-of-pytest.html", *workers)

    artifacts = {path.name: path.read_text() for path in (pytester.path / "artifacts").rglob("*") if path.is_file()}
    assert {"report.json", "report.html", "summary.md", "junit.xml", "report-of-pytest.html"} <= artifacts.keys()
    (comment,) = github.written()
    places = artifacts | {"comment": comment, "summary": summary.read_text(), "terminal": result.stdout.str() + result.stderr.str()}
    assert "::error title=" in places["terminal"]
    assert "[redacted]" in comment
    leaks = {place: [word for word in (VARIABLE, SECRET, CREDENTIAL) if word in text] for place, text in places.items()}
    assert {place: words for place, words in leaks.items() if words} == {}
