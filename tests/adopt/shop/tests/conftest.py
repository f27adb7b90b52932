"""The suite's own fixtures, one of them autouse."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test in a separate folder."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def tax() -> int:
    """The tax rate in percent."""
    return 19
