"""Scenarios run after all measured tests, whatever distributes the tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kindgate.plugin.scenarios_last import ScenariosLast
from tests.unit.plugin.conftest import INI

pytestmark = pytest.mark.usefixtures("forks")

CONFTEST = """
import os, time
from pathlib import Path
import pytest

def note(word):
    descriptor = os.open("order.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{word}\\n".encode())
    os.close(descriptor)

@pytest.fixture
def noted(request):
    name = request.node.originalname
    note(f"begin {name}")
    time.sleep(0.02)
    yield
    note(f"end {name}")
"""
SCENARIO = """
import os
import pytest

pytestmark = pytest.mark.rollout

def test_scenario_a(noted): pass

def test_scenario_b(noted):
    if os.path.exists("crash"):
        os.unlink("crash")
        os._exit(1)

def test_scenario_c(noted): pass
"""
MEASURED = """
import pytest
pytestmark = pytest.mark.e2e

@pytest.mark.parametrize("number", range(4))
def test_measured(noted, number): pass
"""
ALL = ("-m", "e2e or rollout")


@pytest.fixture(name="project")
def _project(suite: pytest.Pytester) -> pytest.Pytester:
    """A suite whose first file holds scenarios."""
    suite.makeini(INI)
    suite.makeconftest(CONFTEST)
    suite.makepyfile(test_a=SCENARIO, test_b=MEASURED, test_c=MEASURED)
    return suite


def order(suite: pytest.Pytester) -> list[str]:
    """Return the beginnings and ends of tests, in order of time."""
    return Path(suite.path / "order.log").read_text().split("\n")[:-1]


def scenarios_began_last(noted: list[str]) -> bool:
    """Whether each measured test had ended when the first scenario began, and scenarios did not overlap."""
    first = noted.index("begin test_scenario_a")
    scenarios = noted[first:]
    return (
        "begin test_measured" not in scenarios
        and "end test_measured" not in scenarios
        and scenarios[1::2] == [line.replace("begin", "end") for line in scenarios[::2]]
    )


@pytest.mark.parametrize(
    "distribution",
    [
        (),
        ("-n", "2"),
        ("-n", "2", "--dist", "worksteal"),
        ("-n", "2", "--dist", "loadfile"),
        ("-n", "2", "--maxschedchunk", "1"),
    ],
    ids=" ".join,
)
def test_scenarios_run_after_all_measured_tests(project: pytest.Pytester, distribution: tuple[str, ...]) -> None:
    """They are not started while another worker still measures."""
    project.runpytest_inprocess(*ALL, *distribution).assert_outcomes(passed=11)

    assert scenarios_began_last(order(project))


@pytest.mark.parametrize("distribution", [(), ("-n", "2")], ids=["alone", "xdist"])
@pytest.mark.parametrize(
    ("option", "name", "known"),
    [
        ("--ff", "lastfailed", {"test_a.py::test_scenario_a": True}),
        ("--nf", "nodeids", [f"test_b.py::test_measured[{number}]" for number in range(4)]),
    ],
    ids=["failed first", "new first"],
)
def test_failed_and_new_scenarios_run_last_too(
    project: pytest.Pytester, option: str, name: str, known: object, distribution: tuple[str, ...]
) -> None:
    """`pytest` would move such tests forward, by what the last run left in its cache."""
    cache = project.path / ".pytest_cache" / "v" / "cache"
    cache.mkdir(parents=True)
    (cache / name).write_text(json.dumps(known))

    project.runpytest_inprocess(*ALL, option, *distribution).assert_outcomes(passed=11)

    assert scenarios_began_last(order(project))


def test_scenarios_alone_are_distributed_too(project: pytest.Pytester) -> None:
    """There may be no measured test before them, which the other scheduler would have been given."""
    project.runpytest_inprocess("-m", "rollout", "-n", "2").assert_outcomes(passed=3)

    assert scenarios_began_last(order(project))


@pytest.mark.parametrize("selected", [ALL, ("-m", "rollout")])
def test_a_crash_loses_only_the_scenario_that_ran(project: pytest.Pytester, selected: tuple[str, ...]) -> None:
    """The others run in the worker that replaces the dead one."""
    (project.path / "crash").touch()

    outcomes = project.runpytest_inprocess(*selected, "-n", "2").parseoutcomes()

    assert (outcomes["failed"], outcomes["passed"]) == (1, 10 if selected is ALL else 2)
    assert "end test_scenario_c" in order(project)


def test_a_failure_that_ends_the_run_also_ends_the_scenarios(project: pytest.Pytester) -> None:
    """With -x, a failed measured test leaves nothing to do."""
    project.makepyfile(test_b="import pytest\npytestmark = pytest.mark.e2e\ndef test_fails(noted): assert False")

    result = project.runpytest_inprocess(*ALL, "-n", "2", "-x")

    assert result.parseoutcomes()["failed"] == 1
    assert not any("scenario" in line for line in order(project))


class Node:
    """A worker that is told what to run."""

    def __init__(self) -> None:
        self.sent: list[int] = []
        self.shutting_down = False

    def send_runtest_some(self, indices: list[int]) -> None:
        """Note the tests."""
        self.sent += indices

    def shutdown(self) -> None:
        """Note the end."""
        self.shutting_down = True


class Done:
    """A scheduler whose tests have all ended."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.collections: list[list[str]] = []
        self.collection_is_completed = True
        self.tests_finished = True
        self.has_pending = False

    def add_node(self, node: Any) -> None:
        """Note the worker."""
        self.nodes.append(node)

    def add_node_collection(self, node: Any, collection: list[str]) -> None:
        """Note the tests."""
        del node
        self.collections.append(collection)

    def remove_node(self, node: Any) -> None:
        """Forget the worker."""
        self.nodes.remove(node)

    def schedule(self) -> None:
        """Tell every worker to end."""
        for node in self.nodes:
            node.shutdown()


def test_the_other_workers_end_before_the_first_scenario() -> None:
    """Their last tests only run when they are told to end."""
    measured, first, second = Done(), Node(), Node()
    scheduler: Any = ScenariosLast(measured, {"s1", "s2"})
    for node in (first, second):
        scheduler.add_node(node)
        scheduler.add_node_collection(node, ["m", "s1", "s2"])

    scheduler.schedule()

    assert measured.collections == [["m"], ["m"]]
    assert (first.sent, first.shutting_down, second.shutting_down) == ([], False, True)
    assert not scheduler.tests_finished
    scheduler.remove_node(second)
    assert (first.sent, first.shutting_down, scheduler.tests_finished) == ([1, 2], True, True)


def test_tests_that_another_plugin_sorted_are_left_alone() -> None:
    """If scenarios are not last, their order was chosen on purpose."""
    measured, node = Done(), Node()
    scheduler: Any = ScenariosLast(measured, {"s"})
    scheduler.add_node(node)
    scheduler.add_node_collection(node, ["s", "m"])

    scheduler.schedule()

    assert measured.collections == [["s", "m"]]
    assert scheduler.tests_finished
