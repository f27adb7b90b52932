"""The report's record of each test."""

from __future__ import annotations

import pytest

from kindgate.plugin.outcomes import results_of

SUITE = '''
import pytest

@pytest.mark.rollout
def test_rollout():
    """A rollout loses no request.

    It is watched for a minute.
    """

@pytest.mark.chaos
def test_without_words():
    pass

def test_other():
    """No scenario."""
'''


class Ear:
    """Collects the reports of a nested run."""

    def __init__(self) -> None:
        self.reports: list[pytest.TestReport] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Store one report."""
        self.reports.append(report)


def test_a_scenario_reports_its_effect_on_the_cluster(pytester: pytest.Pytester) -> None:
    """The description is the docstring's first line, or else the test's name; other tests have none, and all have a start time."""
    pytester.makeini("[pytest]\naddopts = -p no:locust\n")
    pytester.makepyfile(SUITE)
    ear = Ear()

    pytester.inline_run("-m", "rollout or chaos or not e2e", plugins=[ear])

    results = results_of(ear.reports)
    assert [result.scenario for result in results] == ["", "A rollout loses no request.", "test_without_words"]
    assert all(result.started is not None for result in results)


def test_the_first_failure_of_a_test_is_its_result(pytester: pytest.Pytester) -> None:
    """A failing teardown does not hide the error of the call; without one, it is the result of a test that passed."""
    pytester.makeini("[pytest]\naddopts = -p no:locust\n")
    pytester.makepyfile(
        """
        import pytest

        @pytest.fixture
        def broken():
            yield
            raise RuntimeError("teardown")

        def test_fails(broken):
            raise RuntimeError("call")

        def test_passes(broken):
            pass
        """
    )
    ear = Ear()

    pytester.inline_run(plugins=[ear])

    results = results_of(ear.reports)
    assert [(result.outcome, result.phase) for result in results] == [("failed", "call"), ("error", "teardown")]
    assert ["call" in result.error for result in results] == [True, False]


def test_a_test_whose_worker_died_is_an_error() -> None:
    """Xdist reports it with its own phase, and the run's report includes it."""
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
