"""Convert the engine's results to the judge's input: the packages load and slo do not know each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kindgate.load.journey import Journey
from kindgate.load.journey_series import JourneySeries
from kindgate.load.plan import BurstPlan, Route
from kindgate.load.result import BurstResult, Series
from kindgate.slo import sample


def burst_sample(result: BurstResult) -> sample.BurstSample:
    """The figures of one burst as input for the judge; no number changes.

    Redirects that a route expects are no redirects to the judge: they are the application's own answers.
    """
    expected = _expected_statuses(result.plan)
    return sample.BurstSample(
        started=result.window.start,
        seconds=result.seconds,
        series=tuple(_series(series, expected) for series in result.series),
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
        journeys=tuple(map(_journey, result.journeys)),
        usage=tuple(
            sample.WorkloadUsage(_named({"workload": usage.workload, "arm": usage.arm}), usage.cpu_seconds, usage.memory)
            for usage in result.usage[: sample.SERIES_LIMIT]
        ),
        closed_loop=result.closed_loop,
    )


def route_tags(route: Route) -> dict[str, str]:
    """The tags by which objectives select the requests of a route."""
    return _request_tags(route.label, route)


def journey_tags(journey: Journey) -> dict[str, str]:
    """The tags by which objectives select the runs of a journey."""
    return _journey_tags(journey.name, journey)


def _request_tags(name: str, source: Route | Series) -> dict[str, str]:
    own = {"host": source.host, "route": name, "arm": source.arm, "method": source.method, "journey": source.journey}
    return _named({**dict(source.tags), **own})


def _journey_tags(name: str, source: Journey | JourneySeries) -> dict[str, str]:
    return _named({**dict(source.tags), "journey": name, "arm": source.arm})


def _named(tags: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in tags.items() if value}


def _expected_statuses(plan: BurstPlan) -> dict[str, tuple[tuple[int, int], ...]]:
    """The statuses that each route's author expects, by the tags of its series."""
    return {_key(route_tags(route)): route.expect.statuses for route in plan.routes if route.expect is not None}


def _key(tags: Mapping[str, str]) -> str:
    return repr(sorted(tags.items()))


def _redirects(series: Series, expected: Sequence[tuple[int, int]]) -> int:
    """Number of redirects that the route's author did not expect: they show that something other than the application answered."""
    redirects = ((status, count) for status, count in series.status.items() if 300 <= status < 400)
    return sum(count for status, count in redirects if not any(low <= status <= high for low, high in expected))


def _journey(journey: JourneySeries) -> sample.JourneySeries:
    return sample.JourneySeries(
        tags=_journey_tags(journey.journey, journey),
        scheduled=journey.scheduled,
        started=journey.started,
        completed=journey.completed,
        failed=journey.failed,
        duration=journey.duration,
    )


def _series(series: Series, expected: Mapping[str, tuple[tuple[int, int], ...]]) -> sample.Series:
    tags = _request_tags(series.route, series)
    return sample.Series(
        tags=tags,
        scheduled=series.scheduled,
        sent=series.sent,
        response=series.response,
        failed_response=series.failed_response,
        waiting=series.waiting,
        service=series.service,
        failed={kind.value: count for kind, count in series.failed.items()},
        checks_passed=series.checks_passed,
        checks_failed=series.checks_failed,
        redirects=_redirects(series, expected.get(_key(tags), ())),
    )
