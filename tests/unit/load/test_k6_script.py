"""k6 scripts as load. k6 itself is not part of the tests' machine: what k6 prints is read from its documented forms."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kindgate.errors import CommandNotFound, LoadError
from kindgate.load.generator_pool import GeneratorPool, run_burst, warm_up
from kindgate.load.k6_script import inspect_script, read_inspection, script_plan
from kindgate.load.plan import BurstPlan, ClosedLoop, Route
from kindgate.load.program import K6Script, LocustUsers, Program

TARGET = Route("http://127.0.0.1:8080", "shop.localhost")


def _inspected(*executors: str, **options: object) -> str:
    scenarios = {f"scenario{number}": {"executor": executor, "exec": "default"} for number, executor in enumerate(executors)}
    return json.dumps({"paused": None, "scenarios": scenarios, "totalDuration": "1m30s", "maxVUs": 25, **options})


@pytest.mark.parametrize(
    ("executors", "open_loop"),
    [
        (("constant-arrival-rate",), True),
        (("constant-arrival-rate", "ramping-arrival-rate"), True),
        (("constant-vus",), False),
        (("constant-arrival-rate", "ramping-vus"), False),
        (("shared-iterations",), False),
        ((), False),
    ],
)
def test_only_arrival_rates_are_an_open_loop(executors: tuple[str, ...], open_loop: bool) -> None:  # noqa: FBT001  # an expected value
    """One scenario of VUs that wait is enough to make it a closed loop."""
    assert read_inspection(Path("load.js"), _inspected(*executors)).program.open_loop is open_loop


def test_the_duration_the_vus_and_the_thresholds_are_the_scripts_own() -> None:
    """As k6 computes them from all scenarios."""
    thresholds = {"http_req_duration": ["p(95)<200"], "checks": [{"threshold": "rate>0.99", "abortOnFail": True}]}
    inspected = read_inspection(Path("load.js"), _inspected("constant-vus", thresholds=thresholds))
    assert inspected.thresholds == ("http_req_duration: p(95)<200", "checks: rate>0.99")
    plan = script_plan(inspected, TARGET)
    assert plan.loop == ClosedLoop(25, 90.0)
    assert plan.routes == (TARGET,)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"maxVUs": 1, "totalDuration": "soon"}', '{"scenarios": [], "maxVUs": "x"}'])
def test_another_output_is_an_error(text: str) -> None:
    """The error names the script."""
    with pytest.raises(LoadError, match=r"load\.js"):
        read_inspection(Path("load.js"), text)


def test_without_k6_the_error_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 11, as for any program that is not on PATH, and what to do without k6."""
    monkeypatch.setenv("PATH", str(tmp_path))
    script = tmp_path / "load.js"
    script.write_text("export default function () {}\n")
    for use in (
        lambda: inspect_script(script),
        lambda: run_burst(script_plan(read_inspection(script, _inspected("constant-vus")), TARGET)),
    ):
        with pytest.raises(CommandNotFound, match="k6 is not on PATH") as caught:
            use()
        assert caught.value.exit_code == 11
        assert "install k6" in caught.value.next_step
        assert "--from-k6" in caught.value.next_step


@pytest.mark.parametrize("program", [K6Script("/load.js", open_loop=True), LocustUsers("/users.py", 2.0, 3)])
def test_a_plan_with_a_program_is_read_back(program: Program) -> None:
    """Plans are stored with results."""
    plan = BurstPlan((TARGET,), ClosedLoop(2, 5.0), program=program)
    assert BurstPlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


def test_a_script_is_not_run_to_warm_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would run in full: nothing is started, so k6 is not needed."""
    monkeypatch.setenv("PATH", str(tmp_path))
    plan = script_plan(read_inspection(tmp_path / "load.js", _inspected("constant-vus")), TARGET)
    with GeneratorPool() as pool:
        assert not warm_up(plan, 2.0, pool).interrupted


def test_a_missing_script_is_an_error(tmp_path: Path) -> None:
    """Before k6 is looked for."""
    with pytest.raises(LoadError, match="file not found"):
        inspect_script(tmp_path / "nowhere.js")
