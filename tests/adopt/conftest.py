"""Tests that install kindgate elsewhere and judge another repository: minutes long, run only by `make adopt`."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Collect nothing here unless the folder is named, and never the other repository's own tests."""
    named = any((config.invocation_params.dir / argument.partition("::")[0]).resolve().is_relative_to(HERE) for argument in config.args)
    return True if not named or collection_path.is_relative_to(HERE / "shop") else None
