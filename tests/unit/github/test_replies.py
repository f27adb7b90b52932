"""Times in GitHub's replies."""

from __future__ import annotations

import pytest

from kindgate.github.replies import moment


@pytest.mark.parametrize("text", ["2026-09-20T10:00:00Z", "2026-09-20T10:00:00", "2026-09-20T12:00:00+02:00"])
def test_a_time_without_a_zone_is_in_utc(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own time zone plays no role."""
    monkeypatch.setenv("TZ", "America/New_York")

    assert moment(text) == 1789898400.0
