"""The table of what runs, row by row: a test that needs a cluster runs only in a run that requests it."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest

from tests.unit.plugin.conftest import INI

pytestmark = pytest.mark.usefixtures("forks")

FILES = {
    "tests/test_plain.py": "def test_plain(): pass",
    "tests/e2e/test_main.py": """
        import pytest

        @pytest.mark.e2e
        def test_main(): pass

        @pytest.mark.e2e
        @pytest.mark.slow
        @pytest.mark.smoke
        def test_smoke(): pass

        def test_unmarked(ingress): pass
        """,
    "tests/e2e/scenarios/test_rollouts.py": """
        import pytest

        @pytest.mark.rollout
        @pytest.mark.slow
        def test_update(): pass

        @pytest.mark.e2e
        @pytest.mark.rollout
        def test_short(app): pass

        def test_by_fixture(rollout): pass

        @pytest.mark.rollout
        class TestMore:
            @pytest.mark.parametrize("number", range(2))
            def test_first(self, number): pass
        """,
    "tests/e2e/scenarios/test_faults.py": """
        import pytest

        @pytest.mark.chaos
        def test_kill(cluster): pass
        """,
}
PLAIN = {"test_plain"}
MAIN = {"test_main", "test_smoke", "test_unmarked"}
ROLLOUTS = {"test_update", "test_short", "test_by_fixture", "test_first"}
SCENARIOS = {*ROLLOUTS, "test_kill"}
ROLLOUT_FILE = "tests/e2e/scenarios/test_rollouts.py"

TABLE = [
    pytest.param((), PLAIN, id="a plain run"),
    pytest.param(("tests",), PLAIN, id="a folder that holds other tests"),
    pytest.param((".",), PLAIN, id="the root folder"),
    pytest.param(("-m", "not slow"), PLAIN, id="without a marker of the suite"),
    pytest.param(("-m", "not chaos"), PLAIN, id="without a scenario"),
    pytest.param(("-m", "not e2e"), PLAIN, id="without e2e"),
    pytest.param(("-m", "not (e2e or rollout)"), PLAIN, id="without e2e and a scenario"),
    pytest.param(("-k", "not smoke"), PLAIN, id="without a name"),
    pytest.param(("tests", "-m", "not slow"), PLAIN, id="a folder without a marker"),
    pytest.param(("-m", "e2e"), {*MAIN, "test_short"}, id="e2e"),
    pytest.param(("tests", "-m", "e2e"), {*MAIN, "test_short"}, id="e2e in a folder that holds other tests"),
    pytest.param(("tests/e2e",), {*MAIN, "test_short"}, id="the folder of the main suite"),
    pytest.param(("tests", "tests/e2e"), {*PLAIN, *MAIN, "test_short"}, id="both folders"),
    pytest.param(("tests/e2e", "-m", "not slow"), {"test_main", "test_unmarked", "test_short"}, id="the folder without a marker"),
    pytest.param(("tests/e2e", "-m", "not rollout"), MAIN, id="the folder without a scenario"),
    pytest.param(("-m", "e2e and not rollout"), MAIN, id="e2e without a scenario"),
    pytest.param(("-m", "e2e and not slow"), {"test_main", "test_unmarked", "test_short"}, id="e2e without a marker"),
    pytest.param(("-m", "smoke"), {"test_smoke"}, id="a marker of e2e tests"),
    pytest.param(("-m", "rollout"), ROLLOUTS, id="a scenario"),
    pytest.param(("tests", "-m", "rollout"), ROLLOUTS, id="a scenario in a folder that holds other tests"),
    pytest.param(("-m", "rollout and not slow"), ROLLOUTS - {"test_update"}, id="a scenario without a marker"),
    pytest.param(("-m", "chaos"), {"test_kill"}, id="another scenario"),
    pytest.param(("-m", "rollout or chaos or scaling or canary or policy"), SCENARIOS, id="all scenarios"),
    pytest.param(("-m", "slow or e2e"), {*MAIN, "test_short"}, id="e2e or a marker"),
    pytest.param(("-m", "rollout or not e2e"), {*PLAIN, *ROLLOUTS}, id="a scenario and other tests"),
    pytest.param(("-m", "e2e or chaos"), {*MAIN, "test_short", "test_kill"}, id="e2e and a scenario"),
    pytest.param(("tests/e2e/scenarios",), SCENARIOS, id="the folder of the scenarios"),
    pytest.param(("tests/e2e/scenarios", "-m", "e2e"), {"test_short"}, id="e2e in the folder of the scenarios"),
    pytest.param((ROLLOUT_FILE,), ROLLOUTS, id="a file"),
    pytest.param((f"{ROLLOUT_FILE}::test_update",), {"test_update"}, id="a test"),
    pytest.param(("tests", f"{ROLLOUT_FILE}::test_update"), {*PLAIN, "test_update"}, id="a test and a folder that holds other tests"),
    pytest.param(("tests", f"{ROLLOUT_FILE}::TestMore"), {*PLAIN, "test_first"}, id="a class"),
    pytest.param(("-k", "update or plain"), {*PLAIN, "test_update"}, id="names"),
    pytest.param(("tests", "-k", "unmarked"), {"test_unmarked"}, id="a name in a folder that holds other tests"),
]


@pytest.fixture(name="project")
def _project(suite: pytest.Pytester) -> pytest.Pytester:
    """A suite with every kind of test."""
    suite.makeini(f"{INI}strict = true\nmarkers = slow: takes long\n")
    write(suite, FILES)
    return suite


def write(suite: pytest.Pytester, files: dict[str, str]) -> None:
    """Write a suite's files."""
    for name, text in files.items():
        file = suite.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(line.removeprefix(" " * 8) for line in text.splitlines()))


def selected(suite: pytest.Pytester, arguments: Iterable[str]) -> set[str]:
    """Return the names of the tests that a run selects."""
    result = suite.runpytest_inprocess("--collect-only", "-q", *arguments)
    return {match[1] for line in result.outlines if (match := re.search(r"::(test_\w+)(\[\d\])?$", line))}


@pytest.mark.parametrize(("arguments", "expected"), TABLE)
def test_the_table_decides_what_runs(project: pytest.Pytester, arguments: tuple[str, ...], expected: set[str]) -> None:
    """Every row selects exactly its tests."""
    assert selected(project, arguments) == expected


@pytest.mark.parametrize(
    ("arguments", "wants"),
    [
        ((), False),
        (("-m", "not (e2e or rollout)"), False),
        (("-m", "not slow"), False),
        (("-m", "e2e and not slow"), True),
        (("-m", "slow and rollout"), True),
        (("-m", "policy"), True),
    ],
)
def test_a_run_that_requests_scenarios_writes_reports(project: pytest.Pytester, arguments: tuple[str, ...], wants: bool) -> None:  # noqa: FBT001
    """A marker of a scenario has pytest's own reports written to the artifacts, as `e2e` does."""
    project.runpytest_inprocess("-k", "nothing", *arguments)

    assert (project.path / "artifacts/junit.xml").exists() is wants


def test_a_projects_own_marker_is_not_kindgates(suite: pytest.Pytester) -> None:
    """Its tests need no cluster, so a plain run keeps them, and the marker requests none."""
    suite.makeini(f"{INI}strict = true\nmarkers =\n    policy(kind): checks insurance policies\n")
    write(
        suite,
        {
            "test_it.py": """
        import pytest

        @pytest.mark.policy
        def test_insurance(): pass

        @pytest.mark.policy
        def test_cluster(app): pass
        """
        },
    )

    assert selected(suite, ()) == {"test_insurance"}
    assert selected(suite, ("-m", "policy")) == {"test_insurance"}
    assert selected(suite, ("-m", "e2e")) == {"test_cluster"}


def test_a_generated_suite_runs_no_scenario_by_itself(suite: pytest.Pytester) -> None:
    """All its tests need the cluster, but those of scenarios run only if they are requested, or marked e2e too."""
    suite.makeini(f"{INI}kindgate_suite = true\n")
    write(suite, {"test_main.py": "def test_main(): pass", "test_rollouts.py": FILES[ROLLOUT_FILE].replace("@pytest.mark.slow", "")})

    assert selected(suite, ()) == {"test_main", "test_short"}
    assert selected(suite, (".",)) == {"test_main", "test_short"}
    assert selected(suite, ("-m", "not chaos")) == {"test_main", "test_short"}
    assert selected(suite, ("-m", "rollout")) == ROLLOUTS
