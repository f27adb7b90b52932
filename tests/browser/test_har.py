"""Recordings that this machine's browser makes are imported as the ones in the repository are."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindgate.scaffold.workload_sources.importing import ImportRequest, SourceKind, import_workload
from kindgate.scaffold.workload_sources.selection import Selection
from kindgate.workload.model import Workload
from tests.browser.record_har import RECORDINGS, record

pytestmark = pytest.mark.browser

KEPT = Path(__file__).parents[1] / "unit/scaffold/workload_sources/har"


def imported(folder: Path, name: str) -> Workload:
    """The workload of a recording, with unsafe requests."""
    return import_workload(ImportRequest(SourceKind.HAR, str(folder / f"{name}.har"), Selection(unsafe=True))).workload


def test_new_recordings_have_the_routes_and_steps_of_the_kept_ones(tmp_path: Path) -> None:
    """The unit tests use the kept ones, which must not differ from what a browser writes today."""
    record(tmp_path)

    for name in RECORDINGS:
        new, kept = imported(tmp_path, name), imported(KEPT, name)
        assert new.routes == kept.routes
        assert [[step.route for step in one.steps] for one in new.journeys] == [[step.route for step in one.steps] for one in kept.journeys]
        assert "canary" not in str(new)
