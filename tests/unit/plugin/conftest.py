"""Suites that use the plugin, run in this process: one of its own spends a second on imports before its first test."""

from __future__ import annotations

import importlib
from collections.abc import Callable

import pytest

from kindgate.deploy.entries import Entry, PathSource
from kindgate.model import ObjectRef
from kindgate.pipeline.session import Pipeline
from kindgate.pipeline.stages import Provisioned, Stage
from kindgate.plugin.controller import LazyPipeline

Reach = Callable[[LazyPipeline], Provisioned]
"""Reaches a stage without an engine, or raises."""

StandIn = Callable[[Reach], list[Stage]]
"""Replaces the pipeline of this process's nested runs, not that of their workers; returns the stages it was asked for."""

INI = "[pytest]\naddopts = -p no:locust -p no:hypothesispytest -p no:pytest-kind\n"
"""Without three plugins that are slow to load and that no nested suite uses."""


LATE = ("plugin.duet", "plugin.objectives", "plugin.outcomes", "pipeline.finish", "report.drawings")
"""What kindgate imports when it is needed."""


@pytest.fixture(scope="session", autouse=True)
def _modules_stay() -> None:
    """A nested run forgets what it was the first to import, and numpy can be imported only once."""
    for name in (*(f"kindgate.{module}" for module in LATE), "scipy.optimize", "scipy.stats", "github"):
        importlib.import_module(name)


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """An empty suite whose settings are as strict as this one's."""
    pytester.makeini(INI + "strict = true\nfilterwarnings = error\n")
    return pytester


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """A pipeline that needs no engine."""

    def replace(reach: Reach) -> list[Stage]:
        asked: list[Stage] = []

        def noting(lazy: LazyPipeline, stage: Stage) -> Provisioned:
            asked.append(stage)
            return reach(lazy)

        monkeypatch.setattr(LazyPipeline, "reach", noting)
        return asked

    return replace


def entry(host: str) -> Entry:
    """What requests to a host enter by, as the pipeline reads it from an Ingress."""
    return Entry(host, "/", tls=False, source=PathSource.ROUTE, object=ObjectRef("Ingress", "i", "echo"), service=None, route_path="/")


def pipeline_of(lazy: LazyPipeline) -> Pipeline:
    """The real pipeline of a run, made as the run would make it: then the run ends with reports."""
    if lazy.pipeline is None:
        lazy.pipeline = Pipeline(lazy._settings, lazy._run_id, lazy._terminal.progress)
    return lazy.pipeline
