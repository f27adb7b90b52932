"""Export of response times for other tools: each request as CSV or JSON lines, and all of them as an HdrHistogram.

The HdrHistogram interchange format (V2) is read by other load tools and viewers.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from typing import Final, TextIO

from hdrh.histogram import HdrHistogram

from kindgate.histogram import Histogram
from kindgate.load.plan import BurstPlan
from kindgate.load.raw_samples import CODES, LATE, OK, SIZE_UNIT, Column, Rows

FIELDS: Final = (
    "route", "host", "arm", "journey", "intended_us", "sent_us", "done_us", "cap_wait_us", "waiting_us", "outcome", "status", "bytes",
)  # fmt: skip
"""Times are microseconds after the burst's start; `sent_us` is empty for requests never sent."""

_HIGHEST: Final = 3_600_000_000
"""An hour in microseconds: longer than any timeout."""

_DIGITS: Final = 3


def raw_samples(plan: BurstPlan, rows: Rows) -> Iterator[tuple[object, ...]]:
    """The values of `FIELDS` for each request, in the order of intended times."""
    outcomes = {OK: "ok", LATE: "late", **{code: kind.value for kind, code in CODES.items()}}
    for row in rows[rows[:, Column.INTENDED].argsort(kind="stable")].tolist():
        route = plan.routes[row[Column.ROUTE]]
        size, status = divmod(row[Column.STATUS_AND_SIZE], SIZE_UNIT)
        sent = row[Column.SENT]
        yield (
            route.label,
            route.host,
            route.arm,
            route.journey,
            row[Column.INTENDED] / 1000,
            None if sent < 0 else sent / 1000,
            row[Column.DONE] / 1000,
            row[Column.CAP_WAIT] / 1000,
            row[Column.WAITING],
            outcomes[row[Column.OUTCOME]],
            status,
            size,
        )


def write_csv(plan: BurstPlan, rows: Rows, file: TextIO) -> None:
    """A header, then one line per request."""
    writer = csv.writer(file)
    writer.writerow(FIELDS)
    writer.writerows(raw_samples(plan, rows))


def write_json_lines(plan: BurstPlan, rows: Rows, file: TextIO) -> None:
    """One JSON object per line and request."""
    file.writelines(json.dumps(dict(zip(FIELDS, sample, strict=True))) + "\n" for sample in raw_samples(plan, rows))


def hdr_text(histogram: Histogram) -> str:
    """The samples, in microseconds with three significant digits, as base64 of the compressed V2 encoding."""
    exported = HdrHistogram(1, _HIGHEST, _DIGITS)
    for value, count in zip(histogram.values.tolist(), histogram.counts.tolist(), strict=True):
        exported.record_value(min(value, _HIGHEST), count)
    return str(exported.encode().decode("ascii"))
