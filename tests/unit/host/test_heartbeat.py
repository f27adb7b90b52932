"""Long-running work reports that it is alive."""

from __future__ import annotations

import threading

import pytest

from kindgate.host.heartbeat import heartbeat, minutes


def beats(job: str, count: int, *, expected: float = 0.0) -> list[str]:
    """Return the lines reported by a job that ends after `count` of them."""
    messages: list[str] = []
    enough = threading.Event()

    def report(line: str) -> None:
        messages.append(line)
        if len(messages) >= count:
            enough.set()

    with heartbeat(report, job, expected=expected, interval=0.001):
        assert enough.wait(30)
    return messages


def test_ongoing_work_is_reported_repeatedly() -> None:
    """Work without output looks like a program that hangs, so progress is reported repeatedly."""
    messages = beats("kube: compiling", 4)
    assert messages[0] == "kube: compiling"
    assert all(line.startswith("kube: compiling, ") for line in messages[1:-1])
    assert messages[-1].startswith("kube: compiling: done in ")


def test_the_remaining_time_is_estimated_if_the_duration_is_known() -> None:
    """The estimate of the remaining time lets the user decide whether to wait."""
    messages = beats("kube: compiling", 3, expected=600)
    assert "usually 10 min" in messages[0]
    assert "about 10 min left" in messages[1]


def test_overdue_work_has_no_estimate() -> None:
    """Work that exceeds its usual time has no estimate."""
    messages = beats("kube: compiling", 3, expected=1e-9)
    assert "left" not in messages[1]


def test_failed_work_is_not_reported_as_done() -> None:
    """Failed work is not reported as done; the error has the details."""
    messages: list[str] = []
    with pytest.raises(ValueError, match="broken"), heartbeat(messages.append, "kube: compiling"):
        raise ValueError("broken")
    assert messages == ["kube: compiling"]


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min"), (60, "1 min"), (450, "7 min 30 s")])
def test_long_durations_are_shown_in_minutes(seconds: float, text: str) -> None:
    """Durations of a minute or more are shown in minutes."""
    assert minutes(seconds) == text
