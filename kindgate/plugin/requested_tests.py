"""The one table of what runs: a test that needs a cluster runs only in a run that requests it.

| run | other tests | main suite | scenario also marked `e2e` | scenario |
|---|---|---|---|---|
| `pytest`, `pytest tests`, `-m "not slow"`, `-k "not slow"` | runs | | | |
| `-m e2e`, `pytest tests/e2e`, a generated suite | | runs | runs | |
| `-m rollout`, `pytest tests/e2e/scenarios` | | | runs | runs |
| the path of a file, a node id, `-k NAME`, and `--lf` for tests that failed | runs | runs | runs | runs |

A folder requests the first kind of tests that it holds: `tests` holds others, `tests/e2e` the main suite.
An expression requests what it selects by a marker of kindgate, or by a name: neither `not slow` nor `not chaos` requests a test.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from kindgate.plugin.generated_suite import runs_generated_suite
from kindgate.plugin.markers import TRAITS, cluster_markers, markers_among, scenarios_of
from kindgate.plugin.selected_names import selected_names

DESELECTED_BY_DEFAULT = pytest.StashKey[bool]()
"""Marks a test that this run did not request, in the test's stash."""


def deselect_unrequested(config: pytest.Config, collected: Sequence[pytest.Item], items: list[pytest.Item]) -> None:
    """Deselect tests that need a cluster and that this run does not request; `collected` are all tests before any selection."""
    names = cluster_markers(config)
    candidates = [item for item in items if markers_among(item, names)]
    if not candidates:
        return
    named = _NamedPaths(config, collected)
    failed = _failed_before(config)
    markers = selected_names(config.option.markexpr).selecting & (names | TRAITS)
    by_name = _selects_by_name(config)
    deselected = [
        item for item in candidates if not (by_name or item.nodeid in failed or markers_among(item, markers) or named.request(item))
    ]
    if deselected:
        for item in deselected:
            item.stash[DESELECTED_BY_DEFAULT] = True
        config.hook.pytest_deselected(items=deselected)
        items[:] = [item for item in items if DESELECTED_BY_DEFAULT not in item.stash]


def wants_cluster(config: pytest.Config) -> bool:
    """Whether the suite or the marker expression requests tests that need a cluster, so reports are written by default."""
    names = selected_names(config.option.markexpr)
    return bool(names.selecting & cluster_markers(config)) or (runs_generated_suite(config) and "e2e" not in names.excluding)


def counts_as_deselected(config: pytest.Config, item: pytest.Item) -> bool:
    """Whether a test that needs a cluster, and that some filter deselected, is one that the run requested."""
    if DESELECTED_BY_DEFAULT in item.stash:
        return False
    own = markers_among(item, cluster_markers(config))
    markers = selected_names(config.option.markexpr)
    if markers.selecting & cluster_markers(config):
        return bool(markers.selecting & own)
    named = config.args_source is pytest.Config.ArgsSource.ARGS or runs_generated_suite(config)
    return "e2e" in own - markers.excluding and (named or _selects_by_name(config))


def _selects_by_name(config: pytest.Config) -> bool:
    """Whether -k selects tests by a name that they have, rather than only by names that they lack."""
    return bool(selected_names(config.option.keyword).selecting)


class _NamedPaths:
    """What the paths of a command line request; `collected` decides the kind of a folder."""

    def __init__(self, config: pytest.Config, collected: Sequence[pytest.Item]) -> None:
        self._names = cluster_markers(config)
        self._scenarios = scenarios_of(config)
        self._main: list[Path] = [config.rootpath] if runs_generated_suite(config) else []
        self._all: list[Path] = []
        self._tests: list[tuple[Path, str]] = []
        if config.args_source is pytest.Config.ArgsSource.ARGS:
            for argument in config.args:
                path, _, test = argument.partition("::")
                self._add((config.invocation_params.dir / path).resolve(), test, collected)

    def _add(self, path: Path, test: str, collected: Sequence[pytest.Item]) -> None:
        if test:
            self._tests.append((path, test))
            return
        if path.is_file():
            self._all.append(path)
            return
        markers = [markers_among(item, self._names) for item in collected if item.path.is_relative_to(path)]
        if not all(markers):
            return
        (self._all if all(each & self._scenarios for each in markers) else self._main).append(path)

    def request(self, item: pytest.Item) -> bool:
        """Whether a path requests a test that needs a cluster."""
        paths = [*self._all, *(self._main if item.get_closest_marker("e2e") else ())]
        name = item.nodeid.partition("::")[2]
        return any(item.path.is_relative_to(path) for path in paths) or any(
            item.path == path and (name == test or name.startswith((f"{test}::", f"{test}["))) for path, test in self._tests
        )


def _failed_before(config: pytest.Config) -> frozenset[str]:
    """Node ids of the tests that --lf selects; empty without it."""
    cache = getattr(config, "cache", None)
    if cache is None or not config.getoption("lf", default=False):
        return frozenset()
    return frozenset(cache.get("cache/lastfailed", {}))
