"""A run that selected e2e tests of which none passed reports NO VERDICT and exits with 28 in CI."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kindgate.pipeline.environment import Environment
from kindgate.plugin.controller import LazyPipeline
from tests.unit.plugin.conftest import INI, StandIn, pipeline_of, reached

pytestmark = pytest.mark.usefixtures("forks")

NO_VERDICT = 28

SKIPPED = """
import pytest
pytestmark = [pytest.mark.e2e, pytest.mark.skip(reason="flaky")]

def test_hosts(): pass
def test_objectives(): pass
"""
PASSES = """
import pytest

@pytest.mark.e2e
def test_hosts(): pass

@pytest.mark.e2e
def test_objectives(): pass

def test_plain(): pass
"""
XFAILED = SKIPPED.replace('pytest.mark.skip(reason="flaky")', "pytest.mark.xfail(run=False)")
XPASSED = SKIPPED.replace('pytest.mark.skip(reason="flaky")', "pytest.mark.xfail(strict=False)")
UNMARKED = """
import pytest

@pytest.mark.skip
def test_uses_the_cluster(kindgate_app): pass
"""
EMPTIED = "def pytest_collection_modifyitems(items): items[:] = []"
NOTHING_RUNS = "def pytest_runtest_protocol(item): return True"


@pytest.fixture
def ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the variable that every CI sets."""
    monkeypatch.setenv("CI", "true")


def _written(suite: pytest.Pytester) -> dict[str, Any] | None:
    """Return the run's report, or None if it wrote none."""
    file = Path(suite.path / "artifacts/report.json")
    return json.loads(file.read_text()) if file.exists() else None


@pytest.mark.usefixtures("ci")
@pytest.mark.parametrize(
    ("tests", "conftest", "arguments", "deselected"),
    [
        pytest.param(SKIPPED, "", ("-m", "e2e"), 0, id="module-wide skip"),
        pytest.param(XFAILED, "", ("-m", "e2e"), 0, id="xfail"),
        pytest.param(XPASSED, "", ("-m", "e2e"), 0, id="xpass"),
        pytest.param(PASSES, "", ("-m", "e2e", "-k", "nothing"), 2, id="filter"),
        pytest.param(PASSES, "", ("-m", "e2e and smoke"), 2, id="marker"),
        pytest.param(PASSES, "", ("-m", "e2e", "--deselect", "test_it.py::test_hosts", "-k", "hosts"), 2, id="deselect"),
        pytest.param(PASSES, EMPTIED, ("-m", "e2e"), 0, id="emptied by a conftest"),
        pytest.param(PASSES, NOTHING_RUNS, ("-m", "e2e"), 0, id="not run by a conftest"),
        pytest.param(PASSES, "", ("-m", "e2e", "--setup-only"), 0, id="set up only"),
        pytest.param(SKIPPED, "", ("test_it.py",), 0, id="named by path"),
        pytest.param(UNMARKED, "", ("test_it.py",), 0, id="unmarked"),
    ],
)
def test_a_run_that_proves_nothing_fails(
    suite: pytest.Pytester, tests: str, conftest: str, arguments: tuple[str, ...], deselected: int
) -> None:
    """It writes a report, so the comment can state the reason."""
    suite.makepyfile(test_it=tests)
    suite.makeconftest(conftest)

    result = suite.runpytest_inprocess(*arguments)

    report = _written(suite)
    assert result.ret == NO_VERDICT
    assert report is not None
    assert (report["outcome"], report["exit_code"], report["deselected"]) == ("no-verdict", NO_VERDICT, deselected)
    assert "NO VERDICT" in result.stdout.str()


@pytest.mark.usefixtures("ci")
@pytest.mark.parametrize(
    ("tests", "arguments", "deselected"),
    [
        pytest.param(SKIPPED, (), 0, id="skipped"),
        pytest.param(PASSES, ("-k", "nothing"), 2, id="filter"),
        pytest.param(PASSES, ("-k", "plain or nothing"), 2, id="filter of other tests"),
    ],
)
def test_a_run_that_proves_nothing_also_fails_under_xdist(
    suite: pytest.Pytester, tests: str, arguments: tuple[str, ...], deselected: int
) -> None:
    """The xdist controller collects nothing itself; its workers report what they collected."""
    suite.makepyfile(test_it=tests)

    assert suite.runpytest_inprocess("-m", "e2e", "-n", "2", *arguments).ret == NO_VERDICT
    report = _written(suite)
    assert report is not None
    assert (report["outcome"], report["deselected"]) == ("no-verdict", deselected)


@pytest.mark.usefixtures("ci")
def test_a_generated_suite_requests_e2e_tests(suite: pytest.Pytester) -> None:
    """Its tests are e2e tests without a marker."""
    suite.makeini(INI + "kindgate_suite = true\n")
    suite.makepyfile(test_it="import pytest\n\n@pytest.mark.skip\ndef test_hosts(): pass\n")

    assert suite.runpytest_inprocess().ret == NO_VERDICT


@pytest.mark.parametrize(("arguments", "code"), [(("-m", "e2e"), 0), (("-m", "e2e", "-k", "nothing"), 5)])
def test_pytests_exit_code_is_kept_outside_ci(suite: pytest.Pytester, arguments: tuple[str, ...], code: int) -> None:
    """The report says NO VERDICT anyway."""
    suite.makepyfile(test_it=SKIPPED)

    assert suite.runpytest_inprocess(*arguments).ret == code
    report = _written(suite)
    assert report is not None
    assert (report["outcome"], report["exit_code"]) == ("no-verdict", code)


@pytest.mark.usefixtures("ci")
def test_allow_no_verdict_keeps_pytests_exit_code(suite: pytest.Pytester) -> None:
    """The option keeps pytest's exit code, but the report still says NO VERDICT."""
    suite.makepyfile(test_it=SKIPPED)

    assert suite.runpytest_inprocess("-m", "e2e", "--allow-no-verdict").ret == 0
    report = _written(suite)
    assert report is not None
    assert report["outcome"] == "no-verdict"


@pytest.mark.usefixtures("ci")
@pytest.mark.parametrize(
    ("tests", "arguments", "code"),
    [
        pytest.param(PASSES, (), 0, id="a plain run"),
        pytest.param(PASSES, ("-m", "not e2e"), 0, id="without e2e tests"),
        pytest.param(SKIPPED, ("-m", "not e2e"), 5, id="without e2e tests, and there are no others"),
        pytest.param(PASSES, (".",), 0, id="a folder with e2e tests among others"),
        pytest.param(PASSES, ("-k", "plain"), 0, id="another test by name"),
        pytest.param(PASSES, ("-k", "nothing"), 5, id="a name that is not there"),
        pytest.param(PASSES, ("-m", "e2e", "--collect-only"), 0, id="collected only"),
        pytest.param(SKIPPED, ("-m", "e2e", "--collect-only"), 0, id="skipped tests, collected only"),
        pytest.param(PASSES, ("-m", "e2e", "--help"), 0, id="help"),
        pytest.param(PASSES, ("-m", "e2e", "--fixtures"), 0, id="fixtures"),
        pytest.param("import pytest\n@pytest.mark.skip\ndef test_plain(): pass", ("test_it.py",), 0, id="other tests skipped"),
        pytest.param(PASSES, ("-m", "e2e"), 0, id="a test that passes"),
        pytest.param(PASSES, ("-m", "e2e", "-n", "2"), 0, id="a test that passes in a worker"),
        pytest.param(PASSES, ("-k", "nothing", "-n", "2"), 5, id="a name that no worker knows"),
    ],
)
def test_other_runs_keep_pytests_code(suite: pytest.Pytester, tests: str, arguments: tuple[str, ...], code: int) -> None:
    """Kindgate leaves runs without e2e tests alone."""
    suite.makepyfile(test_it=tests)

    assert suite.runpytest_inprocess(*arguments).ret == code
    assert _written(suite) is None


def test_one_pass_among_skips_is_reported_as_such(suite: pytest.Pytester, stand_in: StandIn) -> None:
    """The report and its first line count the tests that proved nothing."""

    def reaches(lazy: LazyPipeline) -> Environment:
        pipeline_of(lazy)
        return reached()

    stand_in(reaches)
    suite.makepyfile(test_it=SKIPPED, test_hosts="import pytest\npytestmark = pytest.mark.e2e\ndef test_up(app): pass\ndef test_no(): pass")

    result = suite.runpytest_inprocess("-m", "e2e", "--deselect", "test_hosts.py::test_no")

    report = _written(suite)
    assert report is not None
    assert (report["outcome"], report["deselected"], result.ret) == ("passed", 1, 0)
    assert "PASS (2 skipped, 1 deselected)" in result.stdout.str()


@pytest.mark.parametrize("trick", ["import os; os._exit(0)", "import sys; sys.exit(0)"])
@pytest.mark.parametrize("arguments", [(), ("-n", "2")])
def test_a_killed_run_leaves_no_report(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, trick: str, arguments: tuple[str, ...]
) -> None:
    """The process cannot turn itself red, but `kindgate verify` fails without a report."""
    monkeypatch.setenv("CI", "true")
    suite.makepyfile(test_it=PASSES)
    suite.makeconftest(f"def pytest_sessionstart():\n    {trick}\n")

    suite.runpytest_subprocess("-m", "e2e", *arguments, timeout=60)

    assert _written(suite) is None
