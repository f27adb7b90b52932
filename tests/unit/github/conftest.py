"""A stand-in for GitHub, and reports to post to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from kindgate.errors import KindgateError, PublishRefused
from kindgate.github.confined import Limits
from kindgate.model import Verdict
from kindgate.report.objective_records import ThresholdOutcome
from kindgate.report.run_report import Outcome, Run, RunReport, TestResult
from tests.unit.github.standin import StandIn, document, serving
from tests.unit.report.judged_runs import judged_figures


@pytest.fixture(autouse=True)
def _no_write_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write at once: GitHub's rate limits do not apply to the stand-in, and most runs write a comment and a status."""
    monkeypatch.setattr("kindgate.github.client.WRITE_PAUSE", 0.0)


@pytest.fixture
def github() -> Iterator[StandIn]:
    """A stand-in for GitHub with one open pull request, #17, and no comments."""
    with serving(StandIn()) as standin:
        yield standin


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Handle untrusted data in the same process, because a separate one takes a second; its limits are tested elsewhere."""

    def within_limits(_limits: Limits, task: Callable[..., object], /, *args: object, **kwargs: object) -> object:
        try:
            return task(*args, **kwargs)
        except KindgateError as error:
            raise PublishRefused(error.message, next_step=error.next_step) from error

    monkeypatch.setattr("kindgate.github.confined.within_limits", within_limits)


@pytest.fixture
def fork(github: StandIn) -> StandIn:
    """A stand-in whose pull request #17 comes from mona's fork."""
    github.pull["head"] |= document("events", "pull_request_fork")["pull_request"]["head"]
    return github


@pytest.fixture
def passing() -> RunReport:
    """A run that meets every objective."""
    return RunReport(
        run=Run(id="9001-1", started=1_790_000_000.0, seconds=212.4, command="pytest -m e2e"),
        outcome=Outcome.PASSED,
        exit_code=0,
        objectives=(
            ThresholdOutcome(metric="http_req_duration", expression="p(95)<50", verdict=Verdict.PASS, measured=8.0, unit="ms", limit=50.0),
        ),
        **judged_figures("p(95)<50", bursts=4, median=5.0),
        tests=(TestResult(node_id="tests/e2e/test_health.py::test_nodes", outcome="passed", seconds=0.4),),
    )


@pytest.fixture
def failing(passing: RunReport) -> RunReport:
    """A run with a missed objective and a failing test."""
    broken = passing.objectives[0].model_copy(update={"verdict": Verdict.FAIL, "measured": 81.0})
    test = TestResult(node_id="tests/e2e/test_slo.py::test_slo", outcome="failed", seconds=30.0, error="p(95)<50: 81 ms")
    figures = judged_figures("p(95)<50", bursts=4, median=55.0)
    changed = {"outcome": Outcome.FAILED, "exit_code": 1, "objectives": (broken,), "tests": (*passing.tests, test)}
    return passing.model_copy(update=changed | figures)
