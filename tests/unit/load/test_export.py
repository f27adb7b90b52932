"""Raw samples as CSV and JSON lines, and the HdrHistogram format."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st

from kindgate.histogram import Histogram
from kindgate.load.export import FIELDS, hdr_text, write_csv, write_json_lines
from tests.unit.load.mixed_burst import PLAN, ROWS


def test_raw_samples_have_a_line_per_request_in_order() -> None:
    """CSV and JSON lines hold the same data; an unsent request has no send time."""
    table, lines = io.StringIO(), io.StringIO()
    write_csv(PLAN, ROWS, table)
    write_json_lines(PLAN, ROWS, lines)
    records = list(csv.DictReader(table.getvalue().splitlines()))
    objects = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert tuple(records[0]) == FIELDS
    assert [record["outcome"] for record in records] == ["ok", "ok", "http", "dns", "unsent"]
    assert [float(record["intended_us"]) for record in records] == [0, 100_000, 200_000, 300_000, 400_000]
    assert [item["sent_us"] for item in objects] == [2000, 100_000, 200_000, 300_000, None]
    assert [(item["status"], item["bytes"]) for item in objects] == [(200, 7), (200, 7), (503, 9), (0, 0), (0, 0)]


@given(samples=st.lists(st.integers(1, 3_000_000), min_size=1, max_size=50))
def test_hdr_histogram_reads_the_export(samples: list[int]) -> None:
    """Every sample is kept to three significant digits."""
    decoded = HdrHistogram.decode(hdr_text(Histogram.of(samples)))
    assert decoded.get_total_count() == len(samples)
    assert decoded.get_max_value() == pytest.approx(max(samples), rel=2e-3, abs=1)
