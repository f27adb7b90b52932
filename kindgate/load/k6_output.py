"""k6's JSON output (`k6 run --out json=FILE`) as the result of a burst. Pure.

Each line is a metric's definition or one sample (`"type":"Point"`). A request has one sample for each of its metrics, in a
row, `http_reqs` first; all carry its tags and the time of its end.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from kindgate.errors import LoadError, clipped
from kindgate.histogram import Histogram
from kindgate.load.journey_series import JourneySeries
from kindgate.load.plan import BurstPlan
from kindgate.load.recorded_requests import RecordedRequests, Tags, with_known_names
from kindgate.load.result import BurstResult, FailureKind, Health, Series
from kindgate.model import Window

_USED: Final = frozenset(
    {"http_reqs", "http_req_duration", "http_req_blocked", "http_req_waiting", "http_req_failed"}
    | {"checks", "iterations", "iteration_duration", "dropped_iterations"}
)
_METRIC: Final = re.compile(r'"metric":\s?"([^"]*)"')
_KEPT_TAGS: Final = ("group", "scenario")
_DEFAULTS: Final = frozenset({"", "default"})
"""Values of tags that say nothing: the root group, and the only scenario of a script without scenarios."""

_TIMEOUTS: Final = frozenset({1050, 1211})
_REFUSED: Final = frozenset({1210, 1212})
_BY_RANGE: Final = {11: FailureKind.DNS, 12: FailureKind.RESET, 13: FailureKind.TLS, 16: FailureKind.RESET}
"""k6's error codes by hundreds (k6 docs, "Error codes")."""


@dataclass
class _Request:
    """The samples of one request so far; times in milliseconds, `ended` in seconds since the epoch."""

    ended: float
    tags: Mapping[str, str]
    values: dict[str, float] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """From the wait for a connection to the last byte; k6's own duration begins when there is a connection."""
        return (self.values.get("http_req_blocked", 0.0) + self.values.get("http_req_duration", 0.0)) / 1000

    @property
    def failure(self) -> FailureKind | None:
        status = _integer(self.tags.get("status"))
        failed = self.values.get("http_req_failed")
        if not (failed if failed is not None else status == 0 or status >= 400):
            return None
        return FailureKind.HTTP if status else _kind(_integer(self.tags.get("error_code")))


@dataclass
class _Iterations:
    """The iterations of one scenario; durations in microseconds."""

    durations: list[int] = field(default_factory=list)
    dropped: int = 0


def k6_result(plan: BurstPlan, lines: Iterable[str], health: Health, *, interrupted: bool = False, unfinished: int = 0) -> BurstResult:
    """The result of a script's run from the lines of its JSON output; `unfinished` iterations were cut off at the end.

    Each of those had a request without an answer, for which k6 has no sample: it counts as `unanswered`. Checks have a series
    for each of them, because k6 does not say which request they are about. Raises `LoadError` for output that is not k6's, and
    if no request was sent.
    """
    reader = _Reader(plan)
    for line in lines:
        reader.read(line)
    return reader.result(health, interrupted=interrupted, unfinished=unfinished)


class _Reader:
    def __init__(self, plan: BurstPlan) -> None:
        self._plan = plan
        self._requests: list[_Request] = []
        self._checks: dict[tuple[str, Tags], list[int]] = {}
        self._iterations: dict[str, _Iterations] = {}

    def read(self, line: str) -> None:
        found = _METRIC.search(line)
        if found is None or found[1] not in _USED:  # quicker than parsing: most samples are about connections and data
            return
        try:
            sample = json.loads(line)
            if sample["type"] != "Point":
                return
            data = sample["data"]
            self._point(sample["metric"], float(data["value"]), _time(data["time"]), data["tags"] or {})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise LoadError("k6's output is not understood", last_state=clipped(line, 500)) from error

    def _point(self, metric: str, value: float, at: float, tags: Mapping[str, str]) -> None:
        scenario = self._iterations.setdefault(tags.get("scenario") or "default", _Iterations()) if "iteration" in metric else None
        if metric == "http_reqs":
            self._requests.append(_Request(at, tags))
        elif metric == "checks":
            passed = self._checks.setdefault((tags.get("check", "check"), _kept(tags)), [0, 0])
            passed[0 if value else 1] += 1
        elif scenario is not None:
            if metric == "iteration_duration":
                scenario.durations.append(round(value * 1000))
            elif metric == "dropped_iterations":
                scenario.dropped += round(value)
        elif not self._requests or (self._requests[-1].ended, self._requests[-1].tags) != (at, tags):
            raise ValueError(f"{metric} of no request")
        else:
            self._requests[-1].values[metric] = value

    def result(self, health: Health, *, interrupted: bool, unfinished: int) -> BurstResult:
        requests = RecordedRequests()
        ends = [request.ended for request in self._requests]
        started = min((request.ended - request.seconds for request in self._requests), default=0.0)
        for request in self._requests:
            status = _integer(request.tags.get("status"))
            requests.add(
                self._name(request.tags),
                request.tags.get("method", "GET"),
                request.ended - request.seconds,
                request.seconds,
                failure=request.failure,
                status=status,
                waiting=request.values.get("http_req_waiting", 0.0) / 1000,
                tags=_kept(request.tags),
            )
        for _ in range(unfinished):
            requests.add("unfinished iterations", "GET", max(ends, default=0.0), 0.0, failure=FailureKind.UNANSWERED)
        result = with_known_names(self._plan, requests.result(self._plan, started, health, interrupted=interrupted))
        last = max((request.ended - request.seconds for request in self._requests), default=started)
        return replace(
            result,
            window=Window(started, max(ends, default=started)),
            seconds=max(last - started, 1e-3),
            series=(*result.series, *self._check_series()),
            journeys=tuple(self._journeys(unfinished)),
        )

    def _name(self, tags: Mapping[str, str]) -> str:
        """The name of a request; of a plain URL of the application, only its path and query."""
        name = tags.get("name") or tags.get("url") or "/"
        parts = urlsplit(name) if name.startswith(("http://", "https://")) else None
        target = self._plan.routes[0]
        known = {urlsplit(f"//{target.host}").hostname, urlsplit(target.url).hostname} - {None}
        if parts is None or parts.hostname not in known:
            return name
        return f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"

    def _check_series(self) -> Iterator[Series]:
        arm = self._plan.routes[0].arm
        for (name, tags), (passed, failed) in self._checks.items():
            check: Tags = (("check", name), *tags)
            yield Series(f"check: {name}"[:300], "", arm, "", checks_passed=passed, checks_failed=failed, tags=check)

    def _journeys(self, unfinished: int) -> Iterator[JourneySeries]:
        """The iterations of each scenario; those that were cut off belong to the first, because k6 only counts them."""
        if unfinished and not self._iterations:
            self._iterations["default"] = _Iterations()
        for name, iterations in self._iterations.items():
            completed = len(iterations.durations)
            yield JourneySeries(
                journey=name,
                arm=self._plan.routes[0].arm,
                tags=(("scenario", name),),
                scheduled=completed + unfinished + iterations.dropped,
                started=completed + unfinished,
                completed=completed,
                failed=unfinished,
                duration=Histogram.of(iterations.durations),
            )
            unfinished = 0


def _kept(tags: Mapping[str, str]) -> Tags:
    return tuple((key, tags[key]) for key in _KEPT_TAGS if tags.get(key, "") not in _DEFAULTS)


def _kind(code: int) -> FailureKind:
    """The kind of a request without a response, by k6's error code."""
    if code in _TIMEOUTS:
        return FailureKind.TIMEOUT
    if code in _REFUSED:
        return FailureKind.CONNECT
    return _BY_RANGE.get(code // 100, FailureKind.RESET)


def _integer(text: Any) -> int:  # noqa: ANN401  # whatever JSON holds
    return int(text) if isinstance(text, str) and text.isdigit() else 0


def _time(text: str) -> float:
    """Seconds since the epoch of a time in RFC 3339."""
    return datetime.fromisoformat(text).timestamp()
