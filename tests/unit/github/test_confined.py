"""Work on a stranger's data ends at its limits, and its answer is data."""

from __future__ import annotations

import pytest

from kindgate.errors import PublishRefused
from kindgate.github.artifact import parse_report
from kindgate.github.confined import Limits, confined, within_limits
from kindgate.report.run import RunReport
from tests.unit.github.confined_tasks import (
    answers_much,
    answers_with_a_function,
    breaks,
    dies,
    environment,
    takes_memory,
    takes_time,
    waits,
)

QUICK = Limits(cpu=1, seconds=120.0, memory=512 << 20, answer=1 << 20)


def test_a_report_comes_back_as_it_was_read(failing: RunReport) -> None:
    """Reading elsewhere is reading."""
    assert confined(parse_report, failing.model_dump_json().encode(), "leg") == failing


def test_an_error_comes_back_as_it_was_raised() -> None:
    """With the place and the next step."""
    with pytest.raises(PublishRefused, match=r"leg: report.json is not a report of this version: it is not a JSON object") as caught:
        confined(parse_report, b"{", "leg")
    assert "same version" in caught.value.next_step


@pytest.mark.parametrize(
    ("task", "why"),
    [
        (takes_memory, "more than 512 MB"),
        (takes_time, "more than 1 s of processor time"),
        (answers_much, "more than 1048576 bytes"),
        (answers_with_a_function, "no readable result"),
        (breaks, "ZeroDivisionError: by a stranger"),
        (dies, "was terminated by SIGABRT"),
    ],
)
def test_what_goes_wrong_is_refused_with_its_cause(task: object, why: str) -> None:
    """One line each, and nothing of it reaches the process that posts."""
    with pytest.raises(PublishRefused, match=why):
        within_limits(QUICK, task)  # type: ignore[arg-type]  # a table of functions


def test_what_waits_is_left_behind() -> None:
    """Time passes also where no work is done."""
    with pytest.raises(PublishRefused, match="more than 1 s"):
        within_limits(Limits(seconds=1.0), waits)


def test_the_reader_has_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """What posts needs one; what reads does not."""
    monkeypatch.setenv("GITHUB_TOKEN", "t0ken")
    assert not {name for name in confined(environment) if "TOKEN" in name or name.startswith("GITHUB_")}
