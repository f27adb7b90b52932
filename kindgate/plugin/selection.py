"""Counts of collected and deselected e2e tests, and whether the run requested any.

Under xdist only workers collect: each counts, and the controller takes the highest numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

import pytest

from kindgate.plugin.markers import cluster_markers, markers_among
from kindgate.plugin.requested_tests import counts_as_deselected, wants_cluster
from kindgate.plugin.session_state import E2E

OUTPUT = "kindgate_selection"
"""Key of xdist's workeroutput."""


@dataclass
class Selection:
    """Number of e2e tests to run, e2e tests that a filter deselected, and other tests."""

    selected: int = 0
    deselected: int = 0
    others: int = 0

    def merge(self, counts: Mapping[str, int]) -> None:
        """Take a worker's higher counts; all workers of a run collect the same tests."""
        self.selected = max(self.selected, counts["selected"])
        self.deselected = max(self.deselected, counts["deselected"])
        self.others = max(self.others, counts["others"])


SELECTION = pytest.StashKey[Selection]()


def selection_of(config: pytest.Config) -> Selection:
    """The counts of this process so far."""
    return config.stash.setdefault(SELECTION, Selection())


def is_e2e(item: pytest.Item) -> bool:
    """Whether a test needs a cluster."""
    return bool(markers_among(item, cluster_markers(item.config)))


def count_deselected(config: pytest.Config, items: Iterable[pytest.Item]) -> None:
    """Count tests that a filter deselects; e2e tests that the run did not request do not count as deselected."""
    selection = selection_of(config)
    for item in items:
        if not is_e2e(item):
            selection.others += 1
        elif counts_as_deselected(config, item):
            selection.deselected += 1


def count_selected(config: pytest.Config, items: Iterable[pytest.Item]) -> None:
    """Count the tests to run, and mark the reports of e2e tests with the keyword `E2E`."""
    selection = selection_of(config)
    for item in items:
        if is_e2e(item):
            item.keywords[E2E] = True
            selection.selected += 1
        else:
            selection.others += 1


def for_controller(config: pytest.Config) -> dict[str, int]:
    """The counts as plain data, for a worker's output."""
    return asdict(selection_of(config))


def e2e_requested(config: pytest.Config) -> bool:
    """Whether the run requested e2e tests: by a marker, as a generated suite, or by a path or filter that matches only e2e tests."""
    selection = selection_of(config)
    return wants_cluster(config) or selection.selected > 0 or (selection.deselected > 0 and not selection.others)
