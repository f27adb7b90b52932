"""Convert the engine's results to the judge's input: the packages load and slo do not know each other."""

from __future__ import annotations

from kindgate.load.result import BurstResult, Series
from kindgate.slo import sample


def burst_sample(result: BurstResult) -> sample.BurstSample:
    """The figures of one burst as input for the judge; no number changes."""
    return sample.BurstSample(
        started=result.window.start,
        seconds=result.seconds,
        series=tuple(_series(series) for series in result.series),
        send_lag=result.send_lag,
        health=sample.Health(
            loop_lag=result.loop_lag,
            scheduled=result.scheduled,
            punctual=result.scheduled - result.late,
            cpu_share=result.health.cpu_share,
            steal=result.health.steal,
            foreign=result.health.foreign,
            pressure=result.health.pressure,
            missing=result.missing,
        ),
    )


def _series(series: Series) -> sample.Series:
    tags = {"host": series.host, "route": series.route, "arm": series.arm, "method": series.method}
    return sample.Series(
        tags={key: value for key, value in tags.items() if value},
        scheduled=series.scheduled,
        sent=series.sent,
        response=series.response,
        failed_response=series.failed_response,
        waiting=series.waiting,
        service=series.service,
        failed={kind.value: count for kind, count in series.failed.items()},
        checks_passed=series.checks_passed,
        checks_failed=series.checks_failed,
        redirects=series.redirects,
    )
