"""Requests that another program has sent and timed, as the result of a burst."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final, TypeAlias

import numpy as np

from kindgate.errors import LoadError
from kindgate.histogram import Histogram
from kindgate.load.aggregate import burst_result
from kindgate.load.expectation import Expectation
from kindgate.load.plan import BurstPlan, Route
from kindgate.load.raw_samples import CODES, OK, ROW, SIZE_UNIT, Column, Recorder
from kindgate.load.result import BurstResult, FailureKind, Health, Series
from kindgate.load.schedule import NANOS

NAMES_LIMIT: Final = 500
"""Maximum number of differently named requests; a report holds no more."""

NAME_LENGTH: Final = 300

_NOT_IN_METHODS: Final = re.compile(r"[^!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]+")

Tags: TypeAlias = tuple[tuple[str, str], ...]

_ANY_STATUS: Final = Expectation(statuses=((100, 599),))
"""Marks requests whose responses the program checks; the outcomes are its own."""


class RecordedRequests:
    """Collects the requests of one process, grouped by name, method and tags.

    A program that sends no request before the response to the one before has no intended times: requests count from the
    moment they are sent.
    """

    def __init__(self) -> None:
        self._routes: dict[tuple[str, str, Tags], int] = {}
        self._checked: set[int] = set()
        self._recorder = Recorder()
        self._lags: list[int] = []

    def __len__(self) -> int:
        """Number of requests."""
        return len(self._recorder)

    def add(
        self,
        name: str,
        method: str,
        sent: float,
        seconds: float,
        *,
        failure: FailureKind | None = None,
        status: int = 0,
        size: int = 0,
        waiting: float | None = None,
        checked: bool = False,
        lag: float | None = None,
        tags: Tags = (),
    ) -> None:
        """Add a request sent at `sent` (seconds since the epoch) that took `seconds`.

        `waiting` is the time in seconds to the first byte of the response (None: unknown), `checked` whether the program
        checks the responses to requests of this name. `lag` is the delay of the process in seconds, None if it is unknown.
        """
        key = (_CONTROL.sub(" ", name).strip()[:NAME_LENGTH] or "/", _NOT_IN_METHODS.sub("-", method).strip("-") or "GET", tags)
        route = self._routes.setdefault(key, len(self._routes))
        if checked:
            self._checked.add(route)
        start = round(sent * NANOS)
        self._recorder.data += ROW(
            route,
            start,
            start,
            start + max(0, round(seconds * NANOS)),
            0,
            round((seconds if waiting is None else waiting) * 1e6),
            OK if failure is None else CODES[failure],
            max(0, size) * SIZE_UNIT + (status if 0 < status < SIZE_UNIT else 0),
        )
        if lag is not None:
            self._lags.append(max(0, round(lag * 1e6)))

    def result(self, plan: BurstPlan, started: float, health: Health, *, interrupted: bool = False) -> BurstResult:
        """The result of a burst that began at `started` (seconds since the epoch); the plan then has the names as its routes."""
        target = plan.routes[0]
        routes = tuple(
            Route(
                target.url,
                target.host,
                method,
                name=name,
                arm=target.arm,
                expect=_ANY_STATUS if index in self._checked else None,
                tags=tags,
            )
            for (name, method, tags), index in self._routes.items()
        )
        named = replace(plan, routes=routes or plan.routes)
        rows = self._recorder.rows().copy()
        for column in (Column.INTENDED, Column.SENT, Column.DONE):
            rows[:, column] = np.maximum(rows[:, column] - round(started * NANOS), 0)
        result = burst_result(named, rows, started=started, health=health, interrupted=interrupted)
        if not routes:
            result = replace(result, series=())
        return replace(result, loop_lag=Histogram.of(self._lags))


def with_known_names(plan: BurstPlan, result: BurstResult) -> BurstResult:
    """`result` with the routes of all its parts in its plan, which is `plan` otherwise.

    Raises `LoadError` if nothing was sent, and for more names than a report can hold.
    """
    if not result.scheduled:
        raise LoadError("no request was sent", next_step="check that the program sends requests within the duration of the burst")
    if len(result.series) > NAMES_LIMIT:
        names = ", ".join(series.route for series in result.series[:3])
        raise LoadError(
            f"the requests have more than {NAMES_LIMIT} different names",
            last_state=f"the first ones: {names}",
            next_step='give requests that differ only in an id one name, as in Locust\'s client.get("/item/7", name="/item/[id]")',
        )
    target = plan.routes[0]
    routes = tuple(_named_route(target, series) for series in result.series if series.scheduled)
    return replace(result, plan=replace(plan, routes=routes))


def _named_route(target: Route, series: Series) -> Route:
    return Route(target.url, target.host, series.method, name=series.route, arm=target.arm, tags=series.tags)
