"""Durations do not depend on changes to the system clock."""

from __future__ import annotations

import time

import pytest

from kindgate.pipeline.phases import PhaseLog


def test_a_clock_set_back_gives_no_negative_duration(monkeypatch: pytest.MonkeyPatch) -> None:
    """A negative duration would make the report invalid."""
    log = PhaseLog(str, time.time())
    real = time.time
    with log.phase("work"):
        monkeypatch.setattr(time, "time", lambda: real() - 172_800)

    assert 0 <= log.seconds < 60
    assert 0 <= log.phases[0].seconds < 60
