"""A planted secret is found in nothing that a run writes, posts or prints."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kindgate.errors import ClusterError
from kindgate.model import ClusterAddress, Rendered
from kindgate.pipeline.preparation import Prepared
from kindgate.pipeline.stages import Provisioned
from kindgate.plugin.controller import LazyPipeline
from tests.unit.github.standin import StandIn as GitHub
from tests.unit.github.standin import serving
from tests.unit.plugin.conftest import StandIn, pipeline_of

VARIABLE, SECRET, CREDENTIAL = "canary-of-the-environment", "canary-of-a-secret", "canary-of-the-kubeconfig"

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


OBJECTS = ({"kind": "Secret", "metadata": {"name": "s", "namespace": "n"}, "stringData": {"key": SECRET}},)


def fails(lazy: LazyPipeline) -> Provisioned:
    """A pipeline that came as far as it needs to know every secret, and failed."""
    pipeline = pipeline_of(lazy)
    kubeconfig = Path("kubeconfig")
    kubeconfig.write_text(f"users: [{{name: u, user: {{token: {CREDENTIAL}}}}}]")
    pipeline.prepared = Prepared(None, Rendered(Path("o"), OBJECTS), (), None)  # type: ignore[arg-type]  # no tool is used
    pipeline.address = ClusterAddress("c", kubeconfig, "kind-c", "http://127.0.0.1:1")
    pipeline.error = ClusterError(f"kind said {SECRET}", last_state=f"{CREDENTIAL} {os.environ['CANARY_TOKEN']}")
    raise pipeline.error


@pytest.fixture(name="github")
def _github() -> Iterator[GitHub]:
    with serving(GitHub()) as standin:
        yield standin


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_a_planted_secret_is_found_nowhere(
    github: GitHub, suite: pytest.Pytester, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, workers: tuple[str, ...]
) -> None:
    """Neither in an artifact, nor in comment, summary, annotation or terminal."""
    summary = suite.path / "summary-of-the-step.md"
    environment = github.environment | {"GITHUB_STEP_SUMMARY": str(summary), "CANARY_TOKEN": VARIABLE}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    stand_in(fails)
    suite.makepyfile(test_suite=SUITE)

    result = suite.runpytest_inprocess("-m", "e2e", "--slo-file=none.yaml", "--html=artifacts/report-of-pytest.html", *workers)

    artifacts = {path.name: path.read_text() for path in (suite.path / "artifacts").rglob("*") if path.is_file()}
    assert {"report.json", "report.html", "summary.md", "junit.xml", "report-of-pytest.html"} <= artifacts.keys()
    (comment,) = github.written()
    places = artifacts | {"comment": comment, "summary": summary.read_text(), "terminal": result.stdout.str() + result.stderr.str()}
    assert "::error title=" in places["terminal"]
    assert "[redacted]" in comment
    leaks = {place: [word for word in (VARIABLE, SECRET, CREDENTIAL) if word in text] for place, text in places.items()}
    assert {place: words for place, words in leaks.items() if words} == {}
