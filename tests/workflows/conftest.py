"""Tests that run every workflow command in a clean clone: minutes long, run only by `make workflows`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.player.environment import ROOT, provide_python
from tests.player.github import PlayedGitHub
from tests.player.hub import Hub
from tests.unit.github.standin import StandIn, serving
from tests.workflows.shop import Prepare, Shop

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


@pytest.fixture(name="played_python", scope="session")
def _played_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python folder that setup-python provides in a played run, with kindgate as in this checkout."""
    return provide_python(tmp_path_factory.mktemp("python"))


@pytest.fixture(name="prepared")
def _prepared(played_python: Path, tmp_path: Path) -> Iterator[Prepare]:
    """Create a fresh repository and run `kindgate init` in it, with these arguments; its machines see `given`."""
    with serving(PlayedGitHub()) as github:

        def prepare(*arguments: str, **given: str) -> Shop:
            shop = Shop(Hub(tmp_path / "hub", github, played_python, {"acme/kindgate": ROOT}, given))
            shop.prepare(played_python.parent / "template", *arguments)
            return shop

        yield prepare
        assert github.refused == [], "a job asked for what its token may not do"
