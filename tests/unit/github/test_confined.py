"""Work on untrusted data stops at its limits, and its result is data."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindgate.errors import PublishRefused
from kindgate.github.artifact import parse_report
from kindgate.github.confined import Limits, confined, within_limits
from kindgate.model import Window
from kindgate.report.run_report import RunReport
from tests.unit.github.confined_tasks import (
    allocate_memory,
    breaks,
    compromise_reader,
    environment,
    kill_itself,
    return_function,
    return_much,
    use_cpu_time,
    wait_forever,
)

QUICK = Limits(cpu=1, seconds=120.0, memory=512 << 20, answer=1 << 20)


def test_a_report_is_returned_unchanged(failing: RunReport) -> None:
    """A report read in the confined process equals one read directly."""
    assert confined(parse_report, failing.model_dump_json().encode(), "leg") == failing


def test_an_error_is_returned_unchanged() -> None:
    """An error keeps its location and its next step."""
    with pytest.raises(PublishRefused, match=r"leg: report.json is not a report of this version: it is not a JSON object") as caught:
        confined(parse_report, b"{", "leg")
    assert "same version" in caught.value.next_step


@pytest.mark.parametrize(
    ("task", "why"),
    [
        (allocate_memory, "more than 512 MB"),
        (use_cpu_time, "more than 1 s of processor time"),
        (return_much, "more than 1048576 bytes"),
        (return_function, "no readable result"),
        (breaks, "ZeroDivisionError: by a stranger"),
        (kill_itself, "was terminated by SIGABRT"),
    ],
)
def test_a_failing_task_is_refused_with_its_cause(task: object, why: str) -> None:
    """A failure is one line, and nothing else reaches the posting process."""
    with pytest.raises(PublishRefused, match=why):
        within_limits(QUICK, task)  # type: ignore[arg-type]  # a table of functions


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "mkdir"),
        ("kindgate.github.confined", "os.mkdir"),
        ("kindgate.github.confined", "subprocess.Popen"),
        ("kindgate.github.confined", "tempfile.TemporaryDirectory"),
        ("kindgate.host.command", "Path"),
        ("kindgate.github.confined", "_environment"),
        ("kindgate.github.confined", "_Answer"),
        ("kindgate.load.locustfile", "Master"),
    ],
)
def test_a_compromised_reader_runs_nothing_in_the_posting_process(module: str, name: str, tmp_path: Path) -> None:
    """The answer can name only kindgate's data types: not functions, other classes, or anything that a module imports."""
    marker = tmp_path / "made"
    argument: object = ["touch", str(marker)] if name == "subprocess.Popen" else str(marker)

    with pytest.raises(PublishRefused, match="no readable result"):
        within_limits(QUICK, compromise_reader, module, name, argument)
    assert not marker.exists()


def test_a_compromised_reader_can_return_data() -> None:
    """The pickles of the test above are valid: one of a data type is read."""
    assert within_limits(QUICK, compromise_reader, "kindgate.model", "Window", 1.0, 2.0) == Window(1.0, 2.0)


def test_a_waiting_task_is_terminated() -> None:
    """A task that only sleeps runs into the time limit too."""
    with pytest.raises(PublishRefused, match="more than 1 s"):
        within_limits(Limits(seconds=1.0), wait_forever)


def test_the_reader_has_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the posting process has the token; the reader does not."""
    monkeypatch.setenv("GITHUB_TOKEN", "t0ken")
    assert not {name for name in confined(environment) if "TOKEN" in name or name.startswith("GITHUB_")}
