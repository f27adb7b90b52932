"""What is known about a run's load before anything is created: the duration of a comparison, and objectives that it cannot decide."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kindgate.errors import CommandNotFound, SloError
from kindgate.load.k6_script import InspectedScript
from kindgate.load.program import K6Script
from kindgate.pipeline.run_objectives import (
    BETWEEN_BURSTS,
    SloFile,
    capacity_notes,
    capacity_seconds,
    closed_loop_notes,
    comparison_seconds,
    load_workload,
    read_slo_file,
    refuse_rates_of_program,
    refuse_too_small_plan,
)
from kindgate.settings import LoadSettings, Settings, SloSettings
from kindgate.slo.grammar import parse_marker
from kindgate.slo.objectives import BurstSizes, Objectives
from kindgate.workload.burst_plan import LoadedWorkload
from kindgate.workload.data_files import WorkloadData
from kindgate.workload.model import K6Load, LocustLoad

SETTINGS = Settings(load=LoadSettings(duration=2.0 - BETWEEN_BURSTS, warmup=1.0), slo=SloSettings(bursts=30, base="main"))
"""A burst every two seconds, after a warm-up of one second."""


def expected(sizes: BurstSizes | None = None, settings: Settings = SETTINGS) -> tuple[float, float]:
    """Return both bounds, rounded because floating-point sums are inexact."""
    least, most = comparison_seconds(Objectives(bursts=sizes or BurstSizes()), settings)
    return round(least, 6), round(most, 6)


def test_the_confirmation_round_is_counted() -> None:
    """The range is one to three looks plus a round as long as a look, each with its warm-up."""
    assert expected() == (2 * 61, 4 * 61)


def test_a_confirmation_round_has_at_least_twenty_bursts() -> None:
    """The SLO file's sizes take precedence over the options."""
    assert expected(BurstSizes(count=5, duration=1.0 - BETWEEN_BURSTS)) == (6 + 21, 3 * 6 + 21)


def test_abba_takes_four_times_as_long() -> None:
    """Four bursts yield one pair of figures."""
    assert expected(settings=replace(SETTINGS, slo=replace(SETTINGS.slo, compare="abba"))) == (2 * 241, 4 * 241)


@pytest.mark.parametrize(("how", "seconds"), [("duet", 3.0), ("abba", 9.0)])
def test_a_quick_look_takes_one_pair(how: str, seconds: float) -> None:
    """A quick look decides nothing, so no round follows."""
    slo = replace(SETTINGS.slo, quick=True, compare=how)  # type: ignore[arg-type]  # one of its words
    assert expected(settings=replace(SETTINGS, slo=slo)) == (seconds, seconds)


TWO_CAPACITIES = Objectives(parse_marker(("med<300", "capacity: value>100", "capacity: value>200")))


@pytest.mark.parametrize(
    ("quick", "seconds"), [(False, (2 * (61 + 3 * 3), 2 * (3 * 61 + 9 * 3))), (True, (2 * (3 + 3 * 3), 2 * (3 + 9 * 3)))]
)
def test_the_duration_of_each_capacity_has_looks_and_a_search(*, quick: bool, seconds: tuple[float, float]) -> None:
    """One to three looks, or a burst that decides nothing, and three to nine bursts with a warm-up each."""
    settings = replace(SETTINGS, slo=replace(SETTINGS.slo, quick=quick))

    assert capacity_seconds(TWO_CAPACITIES, settings) == pytest.approx(seconds)


def test_the_duration_of_capacities_is_noted_if_there_are_any() -> None:
    """Users wait for it, or set a time limit."""
    (note,) = capacity_notes(TWO_CAPACITIES, SETTINGS)

    assert "2 capacities takes 2 min 20 s to 7 min 0 s of load" in note
    assert capacity_notes(Objectives(parse_marker(("med<300",))), SETTINGS) == ()


WORKLOAD = """
workload:
  routes:
    - {name: search, path: /search, weight: 9}
    - {name: checkout, method: POST, path: /checkout}
"""


def _refuse(folder: Path, objectives: str, **slo: Any) -> None:
    """Check an SLO file with two routes, of which checkout gets 30 of 300 requests in a burst."""
    (folder / "slo.yaml").write_text(objectives + WORKLOAD)
    settings = Settings(root=folder, load=LoadSettings(rate=150, duration=2), slo=SloSettings(file=Path("slo.yaml"), base="main", **slo))
    refuse_too_small_plan(read_slo_file(settings), settings)


@pytest.mark.parametrize(
    ("objectives", "problem"),
    [
        ("thresholds: {'http_req_duration{route:chekout}': [p(95)<200]}", r"slo\.yaml:1:\d+: .* no planned request has these tags"),
        ("thresholds: {'http_req_duration{route:checkout}': [p(99.99)<200]}", "2,250 requests are planned"),
        ("compare: {each: route, p(95): {max_regression: 15%}}", r"\{route:checkout\}.* with 15 requests of each version"),
        ("compare: {each: journey, p(95): {max_regression: 15%}}", "nothing that is sent has a tag journey"),
    ],
)
def test_an_objective_that_the_workload_cannot_decide_is_refused_before_anything_is_created(
    tmp_path: Path, objectives: str, problem: str
) -> None:
    """The routes and their shares are known from the file alone."""
    with pytest.raises(SloError, match=problem):
        _refuse(tmp_path, objectives)


def test_versions_that_take_turns_get_all_requests_of_their_bursts(tmp_path: Path) -> None:
    """With ABBA, checkout has twice as many requests of each version in a burst."""
    _refuse(tmp_path, "compare: {each: route, p(95): {max_regression: 15%}}", compare="abba")


def test_a_capacity_is_planned_at_its_own_rate(tmp_path: Path) -> None:
    """A rate at which a burst has too few checkouts is refused, although the planned one has enough."""
    objectives = 'thresholds: {"http_req_duration{route:checkout}": ["p(90)<200"], capacity: ["value>%d"]}'
    _refuse(tmp_path, objectives % 100, bursts=10)
    with pytest.raises(SloError, match="requests are planned"):
        _refuse(tmp_path, objectives % 10, bursts=10)


LOCUSTFILE = (
    "from locust import HttpUser, task\n\n\nclass Visitor(HttpUser):\n    @task\n    def browse(self):\n        self.client.get('/')\n"
)
LOCUST_WORKLOAD = """
workload:
  locust: {file: users.py, users: 5}
"""


def _slo_file(folder: Path, objectives: str, locustfile: str = LOCUSTFILE, **slo: Any) -> tuple[SloFile, Settings]:
    (folder / "slo.yaml").write_text(objectives + LOCUST_WORKLOAD)
    (folder / "users.py").write_text(locustfile)
    settings = Settings(root=folder, slo=SloSettings(file=Path("slo.yaml"), **slo))
    return read_slo_file(settings), settings


def test_objectives_on_the_requests_of_a_locustfile_are_accepted(tmp_path: Path) -> None:
    """The names and the number of its requests are not known before they are sent."""
    slo_file, settings = _slo_file(tmp_path, "thresholds: {'http_req_failed{route:/item/[id]}': [rate<0.000001]}")

    refuse_too_small_plan(slo_file, settings)
    refuse_rates_of_program(slo_file, settings)
    loaded = load_workload(slo_file.workload, {})

    assert loaded is not None
    assert loaded.workload.locust == LocustLoad("users.py", 5)


@pytest.mark.parametrize(
    ("locustfile", "problem", "seen"),
    [
        ("import a_module_that_is_nowhere\n", "Locust cannot load the file", "ModuleNotFoundError"),
        ("class Visitor(:\n", "invalid syntax", "class Visitor(:"),
    ],
)
def test_a_locustfile_that_defines_no_users_is_an_error_at_its_name(tmp_path: Path, locustfile: str, problem: str, seen: str) -> None:
    """With Locust's own words, before anything is created."""
    slo_file, _ = _slo_file(tmp_path, "", locustfile)

    with pytest.raises(SloError, match=problem) as caught:
        load_workload(slo_file.workload, {})

    assert caught.value.message.startswith("slo.yaml:3:18: ")
    assert "^" in caught.value.last_state
    assert seen in caught.value.last_state


@pytest.mark.parametrize(
    ("objectives", "base", "problem"),
    [
        ("compare: {p(95): {max_regression: 10%}}", "main", "locust: cannot be sent to two versions alike"),
        ('thresholds: {http_req_failed: ["rate<0.01"], capacity: ["value>100"]}', None, "there is no capacity"),
    ],
)
def test_nothing_that_needs_a_rate_is_judged_under_the_users_of_a_locustfile(
    tmp_path: Path, objectives: str, base: str | None, problem: str
) -> None:
    """They send at their own pace, to one version."""
    slo_file, settings = _slo_file(tmp_path, objectives, base=base)

    with pytest.raises(SloError, match=rf"slo\.yaml:3:11: .*{problem}"):
        refuse_rates_of_program(slo_file, settings)


def test_a_k6_script_needs_k6_before_anything_is_created(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names k6, and its exit code is that of a missing program."""
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "load.js").write_text("export default function () {}\n")
    (tmp_path / "slo.yaml").write_text("workload: {k6: {file: load.js}}")
    slo_file = read_slo_file(Settings(root=tmp_path, slo=SloSettings(file=Path("slo.yaml"))))

    with pytest.raises(CommandNotFound, match="k6 is not on PATH"):
        load_workload(slo_file.workload, {})


def test_a_note_says_which_objectives_cannot_pass_under_users_who_wait(tmp_path: Path) -> None:
    """Those on times; before a run that takes minutes."""
    slo_file, _ = _slo_file(tmp_path, 'thresholds: {http_req_failed: ["rate<0.01"], http_req_duration: ["p(95)<200"]}')
    assert slo_file.workload is not None
    locust = LoadedWorkload(slo_file.workload, WorkloadData())
    k6 = replace(locust, workload=replace(slo_file.workload, locust=None, k6=K6Load("load.js")))
    scripts = [InspectedScript(K6Script("load.js", open_loop=open_loop), 5, 3.0, ()) for open_loop in (True, False)]

    notes = [closed_loop_notes(one, slo_file.objectives) for one in (locust, *(replace(k6, script=script) for script in scripts), None)]

    assert [len(lines) for lines in notes] == [1, 0, 1, 0]
    assert "http_req_duration: p(95)<200" in notes[0][0]
    assert "http_req_failed" not in notes[0][0]
    assert closed_loop_notes(locust, Objectives()) == ()
