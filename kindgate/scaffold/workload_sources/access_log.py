"""A workload from an access log: routes with weights, ids as placeholders with the values that were seen."""

from __future__ import annotations

import gzip
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import reduce
from pathlib import Path

from kindgate.errors import SettingsError, SloError
from kindgate.scaffold.workload_sources.imported import DropList, Imported
from kindgate.scaffold.workload_sources.log_lines import LoggedRequest, read_line
from kindgate.scaffold.workload_sources.naming import Names, route_name
from kindgate.scaffold.workload_sources.noise import is_robot, is_static
from kindgate.scaffold.workload_sources.path_shapes import PrivatePath
from kindgate.scaffold.workload_sources.selection import MAX_ROUTES, SAFE_METHODS, Selection
from kindgate.scaffold.workload_sources.traffic import DATA_FOLDER, Traffic, TrafficRoute, csv_text
from kindgate.source_location import Source
from kindgate.workload.model import DataSource, FileRows, Workload, WorkloadRoute

_TOTAL_WEIGHT = 1000
"""Sum of the weights, roughly: a route below a thousandth of the requests is dropped."""

_LONGEST_LINE = 64 * 1024
_UNREADABLE = 0.5
"""Maximum share of lines without a known format; above it, the file is another kind of log."""


def import_access_log(path: Path, selection: Selection) -> Imported:
    """Read an access log: nginx' and Apache's common or combined format, or JSON lines; `.gz` is decompressed.

    Raises `SettingsError` for a file that cannot be read, and `SloError` with a line for one that is no access log.
    """
    reader = _Reader(selection)
    first_unreadable: Source | None = None
    for number, line in enumerate(_lines(path), 1):
        request = read_line(line)
        if request is not None:
            reader.add(request)
        elif line.strip():
            reader.unreadable += 1
            first_unreadable = first_unreadable or Source(line[:200], str(path), number, 1, line[:200])
    total = reader.requests + reader.unreadable
    if first_unreadable is not None and reader.unreadable > total * _UNREADABLE:
        raise first_unreadable.error(
            f"{reader.unreadable} of {total} lines are not in a known format",
            0,
            1,
            next_step="use the common or combined format of nginx and Apache, or JSON lines with method, path and status",
        )
    if not total:
        raise SloError(f"{path}: the file has no lines", next_step="name a log with requests")
    return reader.result(path)


class _Reader:
    """Counts requests, and what is dropped."""

    def __init__(self, selection: Selection) -> None:
        self.unreadable = 0
        self.requests = 0
        self._selection = selection
        self._traffic = Traffic()
        self._drops = DropList()
        self._seconds: Counter[int] = Counter()

    def add(self, request: LoggedRequest) -> None:
        """Add a request, or record why it is not in the workload."""
        self.requests += 1
        reason = self._refusal(request)
        if not reason:
            try:
                self._traffic.add(request.method, request.target, request.client)
            except PrivatePath as error:
                reason = str(error)
        if reason:
            self._drops.add("requests", reason)
        elif request.time is not None:
            self._seconds[int(request.time)] += 1

    def result(self, path: Path) -> Imported:
        """The workload of the requests so far."""
        if self.unreadable:
            self._drops.add("lines", "not in a known format", self.unreadable)
        if self._traffic.overflow:
            self._drops.add("requests", "too many different paths", self._traffic.overflow)
        seen = self._traffic.routes()
        usable = [route for route in seen if not self._refused(route)]
        total = sum(route.count for route in usable)
        routes: list[WorkloadRoute] = []
        data: list[DataSource] = []
        files: dict[str, str] = {}
        names, data_names = Names(), Names()
        for route in usable:
            share = route.count / total
            if share * _TOTAL_WEIGHT < 1 or len(routes) >= MAX_ROUTES:
                reason = "less than 0.1 % of the requests" if share * _TOTAL_WEIGHT < 1 else f"more than {MAX_ROUTES} routes"
                self._drops.add(f"{route.method} {route.shape.text}", reason, route.count)
                continue
            name = names.unique(route_name(route.method, route.shape.text))
            rows = data_names.unique(route.shape.resource)
            if route.columns:
                file = f"{DATA_FOLDER}/{rows}.csv"
                files[file] = csv_text(route.columns, route.rows)
                data.append(FileRows(rows, file, "csv"))
            for key, reason in route.left_out:
                self._drops.add(f"query parameter {key} of {route.method} {route.shape.text}", reason)
            routes.append(WorkloadRoute(name, route.path(rows), route.method, weight=max(1, round(share * _TOTAL_WEIGHT))))
        if not routes:
            found = "; ".join(f"{one.what}: {one.reason} ({one.count})" for one in self._drops.result()[:5])
            raise SloError(f"{path}: no request can become a route", last_state=found, next_step="name a log with requests that succeeded")
        has_unsafe = any(one.method not in SAFE_METHODS for one in routes)
        return Imported(
            Workload(tuple(_with_small_weights(routes)), data=tuple(data)),
            files,
            dropped=self._drops.result(),
            notes=("bodies are not in an access log: add them to routes that send one",) if has_unsafe else (),
            rate=self._busiest_rate(),
        )

    def _refusal(self, request: LoggedRequest) -> str:
        """Why a request is not in the workload; empty if it is."""
        bare = request.target.partition("?")[0]
        other_host = self._selection.host and request.host and request.host != self._selection.host
        reasons = (
            (is_robot(request.agent), "sent by a robot or a health check"),
            (is_static(bare), "a static file"),
            (request.method in {"OPTIONS", "TRACE", "CONNECT"}, f"{request.method} has no load of its own"),
            (not 200 <= request.status < 400, f"answered with {request.status}"),
            (other_host, f"sent to another host, {request.host}"),
            (not self._selection.includes(bare), "not matched by --include"),
        )
        return next((reason for applies, reason in reasons if applies), "")

    def _refused(self, route: TrafficRoute) -> bool:
        reason = ""
        if route.columns and not route.rows:
            reason = "none of its values may be written"
        elif self._traffic.has_several_clients and route.clients < 2:
            reason = "sent by one client only, so it may be about a person"
        if reason:
            self._drops.add(f"{route.method} {route.shape.text}" if route.clients > 1 else "requests", reason, route.count)
        return bool(reason)

    def _busiest_rate(self) -> float | None:
        """Requests per second in the busiest minute; None for a log of less than a minute."""
        minutes: Counter[int] = Counter()
        for second, count in self._seconds.items():
            minutes[second // 60] += count
        return round(max(minutes.values()) / 60, 2) if len(minutes) > 1 else None


def _with_small_weights(routes: list[WorkloadRoute]) -> Iterator[WorkloadRoute]:
    """The routes with their weights divided by the greatest common divisor."""
    divisor = reduce(math.gcd, (route.weight for route in routes))
    return (replace(route, weight=route.weight // divisor) for route in routes)


def _lines(path: Path) -> Iterator[str]:
    """The lines of a log; bytes that are not UTF-8 are escaped, and a line is cut at `_LONGEST_LINE`."""
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            while data := file.readline(_LONGEST_LINE):
                yield re.sub(r"[\r\n]+$", "", data.decode(errors="backslashreplace"))
    except (OSError, EOFError) as error:
        raise SettingsError(f"--from-access-log {path}: {error}", next_step="name a file that this user can read") from error
