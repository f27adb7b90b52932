"""The selection of charts on a page."""

from __future__ import annotations

import pytest

from kindgate.report.page_charts import page_charts_of
from kindgate.report.run_report import RunReport


@pytest.fixture
def small(passing: RunReport) -> RunReport:
    """Two bursts and one workload."""
    window = passing.resources[0].model_copy(update={"workloads": passing.resources[0].workloads[:1]})
    return passing.model_copy(update={"bursts": passing.bursts[:2], "resources": (window,)})


def test_a_burst_has_latency_distribution_and_throughput_charts(small: RunReport) -> None:
    """Each burst gets four charts, and two more compare bursts."""
    drawn = page_charts_of(small)
    assert [chart.title.partition(" in ")[0].partition(" during ")[0] for chart in drawn.bursts[0].charts] == [
        "Response time",
        "Distribution of response times",
        "Throughput and failures",
        "Send lag",
    ]
    assert [chart.title for chart in drawn.overview] == ["Response time per burst", "Send lag per burst"]


def test_only_response_time_limits_are_drawn(small: RunReport) -> None:
    """A failure rate is not drawn on an axis of milliseconds."""
    small = small.model_copy(update={"bursts": small.bursts[:1], "resources": ()})
    with_limits, without = page_charts_of(small), page_charts_of(small.model_copy(update={"objectives": small.objectives[1:]}))
    assert "var(--limit)" in with_limits.bursts[0].charts[0].svg
    assert "var(--limit)" not in without.bursts[0].charts[0].svg


def test_workload_charts_shade_periods_of_load(small: RunReport) -> None:
    """Each burst in the window gets a shaded area; without bursts the whole window is shaded."""
    wide = small.model_copy(
        update={"resources": (small.resources[0].model_copy(update={"started": small.bursts[0].started, "seconds": 30.0}),)}
    )
    shades = [
        page_charts_of(report).workloads[0].charts[0].svg.count("var(--shade)") for report in (wide, wide.model_copy(update={"bursts": ()}))
    ]
    assert shades == [2, 1]


def test_every_chart_has_a_data_table(small: RunReport) -> None:
    """Every chart has a table with one row per step, burst or sample, for readers who cannot see it."""
    drawn = page_charts_of(small)
    all_charts = [*drawn.overview, *(chart for burst in drawn.bursts for chart in burst.charts), *drawn.workloads[0].charts]
    assert len(all_charts) == 2 + 2 * 4 + 2
    assert all(len(row) == len(chart.rows.columns) for chart in all_charts for row in chart.rows.cells)
    latency, distribution, throughput, lag = drawn.bursts[0].charts
    assert latency.rows.cells[1] == ("0.1", "5", "10", "20", "30")
    assert distribution.rows.cells[0][2] == "44"
    assert throughput.rows.cells[0] == ("0", "300", "0")
    assert lag.rows.columns == ("from µs", "to µs", "requests")
    assert len(drawn.workloads[0].charts[0].rows.cells) == 8
    assert len(drawn.overview[0].rows.cells) == 2


def test_legends_use_the_colors_of_the_page(small: RunReport) -> None:
    """Bands are translucent areas, limits are dashed, and the limits' values are listed."""
    keys = {key.name: (key.colour, key.shape, key.opacity) for key in page_charts_of(small).bursts[0].charts[0].keys}
    assert keys == {
        "p90 to p99": ("series-1", "area", 0.18),
        "p50 to p90": ("series-1", "area", 0.38),
        "p50": ("series-1", "line", 1.0),
        "slowest": ("series-2", "line", 1.0),
        "limit 50 ms": ("limit", "dashes", 1.0),
    }


def test_a_run_without_measurements_has_no_charts(setup_failed: RunReport) -> None:
    """A run without measurements gets no empty charts."""
    drawn = page_charts_of(setup_failed)
    assert (drawn.overview, drawn.bursts, drawn.workloads) == ((), (), ())


def test_a_run_with_only_failed_requests_has_charts(small: RunReport) -> None:
    """An outage has no response times: the latency axes stay empty and the failures are drawn."""
    silent = []
    for burst in small.bursts:
        assert burst.timeline is not None
        nothing = (None,) * len(burst.timeline.sent)
        timeline = burst.timeline.model_copy(
            update={"p50": nothing, "p90": nothing, "p99": nothing, "max": nothing, "failed": burst.timeline.sent}
        )
        figures = burst.overall.model_copy(update=dict.fromkeys(("avg", "p50", "p90", "p95", "p99", "max")))
        silent.append(burst.model_copy(update={"timeline": timeline, "distribution": None, "overall": figures, "send_lag": None}))
    outage = small.model_copy(update={"bursts": tuple(silent), "objectives": ()})

    drawn = page_charts_of(outage)

    assert [len(each.charts) for each in drawn.bursts] == [2, 2]
    assert [chart.title for chart in drawn.overview] == ["Response time per burst"]
