"""Turn a run's report.json into test data: `python -m tests.tools.keep_report artifacts/report.json tests/browser/reports/passing.json`.

All figures stay, but only the slowest bursts keep their chart series, so a browser renders three of each chart.
"""

from __future__ import annotations

import sys
from pathlib import Path

from kindgate.report.burst_records import Burst
from kindgate.report.run_report import RunReport

DRAWN = 3


def reduced(report: RunReport) -> RunReport:
    """The report with series for its `DRAWN` slowest bursts only."""
    slowest = sorted(report.bursts, key=lambda burst: burst.overall.p99 or 0.0, reverse=True)[:DRAWN]
    return report.model_copy(update={"bursts": tuple(burst if burst in slowest else _without_series(burst) for burst in report.bursts)})


def _without_series(burst: Burst) -> Burst:
    lag = burst.send_lag and burst.send_lag.model_copy(update={"distribution": None})
    return burst.model_copy(update={"timeline": None, "distribution": None, "send_lag": lag})


def main(source: str, target: str) -> None:
    """Read, reduce and write."""
    report = RunReport.model_validate_json(Path(source).read_bytes())
    Path(target).write_text(reduced(report).model_dump_json(indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:3])
