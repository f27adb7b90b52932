"""Long-running work reports that it is alive."""

from __future__ import annotations

import threading

import pytest

from kindgate.host.heartbeat import heartbeat, minutes


def beats(job: str, count: int, *, expected: float = 0.0) -> list[str]:
    """Return the lines reported by a job that ends after `count` of them."""
    said: list[str] = []
    enough = threading.Event()

    def report(line: str) -> None:
        said.append(line)
        if len(said) >= count:
            enough.set()

    with heartbeat(report, job, expected=expected, interval=0.001):
        assert enough.wait(30)
    return said


def test_ongoing_work_is_reported_repeatedly() -> None:
    """Work without output looks like a program that hangs, so progress is reported repeatedly."""
    said = beats("kube: compiling", 4)
    assert said[0] == "kube: compiling"
    assert all(line.startswith("kube: compiling, ") for line in said[1:-1])
    assert said[-1].startswith("kube: compiling: done in ")


def test_the_remaining_time_is_estimated_if_the_duration_is_known() -> None:
    """The estimate of the remaining time lets the user decide whether to wait."""
    said = beats("kube: compiling", 3, expected=600)
    assert "usually 10 min" in said[0]
    assert "about 10 min left" in said[1]


def test_overdue_work_has_no_estimate() -> None:
    """Work that exceeds its usual time has no estimate."""
    said = beats("kube: compiling", 3, expected=1e-9)
    assert "left" not in said[1]


def test_failed_work_is_not_reported_as_done() -> None:
    """Failed work is not reported as done; the error has the details."""
    said: list[str] = []
    with pytest.raises(ValueError, match="broken"), heartbeat(said.append, "kube: compiling"):
        raise ValueError("broken")
    assert said == ["kube: compiling"]


@pytest.mark.parametrize(("seconds", "shown"), [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min"), (60, "1 min"), (450, "7 min 30 s")])
def test_long_durations_are_shown_in_minutes(seconds: float, shown: str) -> None:
    """Durations of a minute or more are shown in minutes."""
    assert minutes(seconds) == shown
