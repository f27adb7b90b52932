"""A plugin of nested runs and their workers, which send bursts too: no verdict depends on the machine."""

from __future__ import annotations

import pytest

from tests.unit.quiet_machine import use_quiet_machine


def pytest_configure(config: pytest.Config) -> None:
    """Use a quiet machine until the run ends."""
    monkeypatch = pytest.MonkeyPatch()
    use_quiet_machine(monkeypatch)
    config.add_cleanup(monkeypatch.undo)
