"""Tests that type what the workflows type, in a clean clone: minutes long, run by `make workflows` alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.github.standin import StandIn, serving

HERE = Path(__file__).parent


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Collect nothing here unless the folder is named."""
    del collection_path
    named = any((config.invocation_params.dir / argument.partition("::")[0]).resolve().is_relative_to(HERE) for argument in config.args)
    return None if named else True


@pytest.fixture
def github() -> Iterator[StandIn]:
    """A stand-in for GitHub with one open pull request, #17, and no comments."""
    with serving(StandIn()) as standin:
        yield standin
