"""The outcomes in docs/how-to-workload-sources.md are those of the recordings and scripts that it names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kindgate.errors import SloError
from kindgate.scaffold.workload_sources.har_entries import read_entries
from kindgate.scaffold.workload_sources.importing import SourceKind
from kindgate.scaffold.workload_sources.source_text import read_source
from tests.tools.pages import DOCS
from tests.unit.scaffold.workload_sources.imports import UNSAFE, imported

HERE = Path(__file__).parent
ROWS = {
    match[1]: match[2]
    for match in re.finditer(r"^\| `([\w-]+)`: [^|]*\|(.*)\|$", (DOCS / "how-to-workload-sources.md").read_text(), re.MULTILINE)
}


def cells(name: str) -> list[str]:
    """The outcome of a recording or script on the page."""
    return [cell.strip() for cell in ROWS[name].split("|")]


@pytest.mark.parametrize("file", sorted((HERE / "har").glob("*.har")), ids=lambda file: file.stem)
def test_the_outcomes_of_recordings_are_documented(file: Path) -> None:
    """Requests, steps of the journey, and dropped requests."""
    result = imported(SourceKind.HAR, file, UNSAFE)

    requests, steps, dropped = cells(file.stem)
    count = sum(one.count for one in result.dropped if one.what == "requests")
    assert int(requests) == len(read_entries(read_source(str(file), "")))
    assert [int(steps)] == [len(one.steps) for one in result.workload.journeys]
    assert sum(map(int, re.findall(r"\d+", dropped))) == count == int(requests) - int(steps)


@pytest.mark.parametrize("file", sorted((HERE / "k6").glob("*.js")), ids=lambda file: file.stem)
def test_the_outcomes_of_scripts_are_documented(file: Path) -> None:
    """Routes, journeys and what is listed; or the refusal."""
    routes, journeys, listed = cells(file.stem)
    if routes == "refused":
        with pytest.raises(SloError) as caught:
            imported(SourceKind.K6, file, UNSAFE)
        assert caught.value.next_step.count("line ") == int(listed)
        return
    result = imported(SourceKind.K6, file, UNSAFE)
    assert (len(result.workload.routes), len(result.workload.journeys), len(result.dropped)) == (int(routes), int(journeys), int(listed))
