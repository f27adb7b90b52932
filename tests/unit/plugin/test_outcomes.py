"""What the report says about each test."""

from __future__ import annotations

import pytest

from kindgate.plugin.outcomes import results_of

SUITE = '''
import pytest

@pytest.mark.scenario
def test_rollout():
    """A rollout loses no request.

    It is watched for a minute.
    """

@pytest.mark.scenario
def test_without_words():
    pass

def test_other():
    """No scenario."""
'''


class Ear:
    """Keeps the reports of a nested run."""

    def __init__(self) -> None:
        self.reports: list[pytest.TestReport] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep one."""
        self.reports.append(report)


def test_a_scenario_says_what_it_does_to_the_cluster(pytester: pytest.Pytester) -> None:
    """In the first line of its docstring, or by its name; other tests say nothing, and each knows when it began."""
    pytester.makeini("[pytest]\naddopts = -p no:locust\n")
    pytester.makepyfile(SUITE)
    ear = Ear()

    pytester.inline_run(plugins=[ear])

    results = results_of(ear.reports)
    assert [result.scenario for result in results] == ["A rollout loses no request.", "test_without_words", ""]
    assert all(result.started is not None for result in results)


def test_a_test_whose_worker_died_is_an_error() -> None:
    """Xdist reports it with a phase of its own; the report of the run must hold it."""
    crashed = pytest.TestReport(
        nodeid="test_a.py::test_a",
        location=("test_a.py", 0, "test_a"),
        keywords={},
        outcome="failed",
        longrepr="worker 'gw0' crashed while running 'test_a.py::test_a'",
        when="???",  # type: ignore[arg-type]  # what xdist gives
    )

    (result,) = results_of([crashed])

    assert (result.outcome, result.phase) == ("error", "call")
    assert result.error == "worker 'gw0' crashed while running 'test_a.py::test_a'"
