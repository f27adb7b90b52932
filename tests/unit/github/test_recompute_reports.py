"""`kindgate.github.recompute_reports`: the objectives and the load that the base branch would have used for a run."""

from __future__ import annotations

from typing import Any

import pytest

from kindgate.errors import SettingsError, SloError
from kindgate.github.recompute_reports import base_objectives
from kindgate.github.suite_settings import Suite
from kindgate.report.base_objectives import BaseObjectives
from kindgate.slo.slo_file import parse_document

SLO = "thresholds: {http_req_duration: [p(95)<200]}\n"
SIZED = SLO + "bursts: {count: 7, rate: 50, duration: 3s}\n"


def _base_objectives(files: dict[str, str], directory: str = "e2e", arguments: str = "") -> BaseObjectives | None:
    return base_objectives(lambda path: files.get(path, ""), Suite(directory, arguments), "main")


def _plan(found: BaseObjectives | None) -> tuple[Any, ...]:
    assert found is not None
    return found.bursts, found.rate, found.seconds, found.quick, found.compares, found.inconclusive


@pytest.mark.parametrize(
    ("directory", "files"),
    [
        (".", {"tests/e2e/slo.yaml": SLO}),
        ("e2e", {"e2e/pytest.ini": "[pytest]\nslo_file = slo.yaml\n", "e2e/slo.yaml": SLO}),
        ("./services/a", {"services/a/pytest.ini": "[pytest]\nslo_file = ../slo.yaml\n", "services/slo.yaml": SLO}),
        ("e2e", {"e2e/pyproject.toml": '[tool.pytest.ini_options]\nslo_file = "own.yaml"\n', "e2e/own.yaml": SLO}),
        ("e2e", {"e2e/pytest.ini": "[pytest]\naddopts = -q --slo-file own.yaml\n", "e2e/own.yaml": SLO}),
    ],
)
def test_the_objectives_file_of_the_base_settings_is_read(directory: str, files: dict[str, str]) -> None:
    """The file is found by default, in any pytest configuration file or in addopts; paths are relative to the suite's folder."""
    found = _base_objectives(files, directory)
    assert found is not None
    assert [str(one) for one in found.objectives.thresholds] == [str(one) for one in parse_document(SLO).thresholds]
    assert found.branch == "main"


def test_the_plan_comes_from_the_base() -> None:
    """The objectives file takes precedence over the workflow's arguments, these over the settings, and the settings over the defaults."""
    named = "[pytest]\nslo_file = slo.yaml\n"
    assert _plan(_base_objectives({"e2e/pytest.ini": named, "e2e/slo.yaml": SLO})) == (25, 300.0, 2.0, False, False, "warn")
    settings = f"{named}slo_bursts = 9\nload_rate = 40\nslo_base = origin/main\nslo_inconclusive = fail\n"
    settings += "addopts = --load-duration=500ms --slo-quick\n"
    files = {"e2e/pytest.ini": settings, "e2e/slo.yaml": SLO}
    assert _plan(_base_objectives(files)) == (9, 40.0, 0.5, True, True, "fail")
    assert _plan(_base_objectives(files, arguments="-x --slo-bursts 11 --load-rate=60")) == (11, 60.0, 0.5, True, True, "fail")
    assert _plan(_base_objectives(files | {"e2e/slo.yaml": SIZED}, arguments="--slo-bursts 11")) == (7, 50.0, 3.0, True, True, "fail")


@pytest.mark.parametrize(
    "files",
    [{}, {"e2e/pytest.ini": "[pytest]\nslo_file = /etc/passwd\n"}, {"e2e/pytest.ini": "[pytest]\nslo_file = ../../x\n", "../x": SLO}],
)
def test_a_base_without_an_objectives_file_requires_none(files: dict[str, str]) -> None:
    """A base without an objectives file requires none, and files outside the repository are not read."""
    assert _base_objectives(files) is None


def test_an_unreadable_base_is_an_error() -> None:
    """An unreadable base is an error, distinct from a base without objectives."""
    with pytest.raises(SloError):
        _base_objectives({"e2e/tests/e2e/slo.yaml": "thresholds: {http_req_duration: [fast]}"})
    with pytest.raises(SettingsError):
        _base_objectives({"e2e/pytest.ini": "[pytest]\nslo_bursts = many\n"})
    with pytest.raises(SettingsError, match="arguments"):
        _base_objectives({}, arguments="'")


WORKLOAD = "{load: {rate: 80}, routes: [{name: search, path: /s, weight: 3}, {name: checkout, path: /c}]}"


@pytest.mark.parametrize(
    "files",
    [{"e2e/slo.yaml": f"{SLO}workload: {WORKLOAD}"}, {"e2e/slo.yaml": f"{SLO}workload: load.yaml", "e2e/load.yaml": WORKLOAD}],
    ids=["in the objectives file", "in a file of its own"],
)
def test_the_bases_workload_is_the_load_to_judge_by(files: dict[str, str]) -> None:
    """Its rate replaces that of the settings, and each route has its share of the requests of a burst."""
    found = _base_objectives({"e2e/pytest.ini": "[pytest]\nslo_file = slo.yaml\n", **files})

    assert found is not None
    assert found.load is not None
    assert (found.rate, found.seconds) == (80.0, 2.0)
    assert {one.tags["route"]: one.count for one in found.load.requests} == {"search": 120, "checkout": 40}


@pytest.mark.parametrize("workload", ["gone.yaml", "../../x.yaml", "{routes: nothing}"])
def test_a_base_whose_workload_cannot_be_read_is_an_error(workload: str) -> None:
    """Without its routes, a run could leave out the one that regressed."""
    with pytest.raises(SloError):
        _base_objectives({"e2e/pytest.ini": "[pytest]\nslo_file = slo.yaml\n", "e2e/slo.yaml": f"{SLO}workload: {workload}"})
