"""Every hostile upload is rejected quickly and with little memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kindgate.github.artifact import parse_report
from tests.unit.github.hostile_inputs import CASES, TEST, burst, listed, report

SECONDS, MEGABYTES = 2.0, 200


@pytest.fixture(scope="module", name="costs")
def _costs() -> dict[str, dict[str, Any]]:
    """Return the cost of each input."""
    program = [sys.executable, "-m", "tests.unit.github.hostile_inputs"]
    # through a shell, because a process counts its parent's peak memory as its own
    process = subprocess.run(["sh", "-c", '"$@"; exit $?', "sh", *program], capture_output=True, cwd=Path(__file__).parents[3], check=True)
    costs: dict[str, dict[str, Any]] = json.loads(process.stdout)
    return costs


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_input_is_refused_quickly(costs: dict[str, dict[str, Any]], name: str) -> None:
    """Each is rejected within two seconds of CPU time and 200 MB, with a one-line message."""
    cost = costs[name]
    assert cost["refused"]
    assert cost["seconds"] < SECONDS
    assert cost["megabytes"] < MEGABYTES
    assert cost["message_length"] < 1000


def test_the_base_of_the_hostile_inputs_is_accepted() -> None:
    """Without its hostile part, each input is accepted."""
    assert parse_report(report(), "leg").exit_code == 0
    assert len(parse_report(listed("tests", TEST, 3), "leg").tests) == 3
    assert len(parse_report(listed("bursts", burst(), 3), "leg").bursts) == 3
