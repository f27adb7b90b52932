"""A workload from a browser's recording (HAR): routes with weights, and one journey per page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from kindgate.scaffold.workload_sources.har_entries import RecordedRequest, read_entries
from kindgate.scaffold.workload_sources.har_journeys import MAX_STEPS, Step, journey_steps
from kindgate.scaffold.workload_sources.har_requests import body_refusal, written_body, written_headers
from kindgate.scaffold.workload_sources.imported import DropList, Imported
from kindgate.scaffold.workload_sources.naming import Names, route_name
from kindgate.scaffold.workload_sources.noise import is_static
from kindgate.scaffold.workload_sources.path_shapes import PathShape, PrivatePath, shape_of
from kindgate.scaffold.workload_sources.privacy import Scrubber
from kindgate.scaffold.workload_sources.selection import MAX_ROUTES, Selection
from kindgate.scaffold.workload_sources.source_text import SourceText
from kindgate.scaffold.workload_sources.traffic import DATA_FOLDER, Traffic, TrafficRoute, csv_text
from kindgate.workload.model import (
    DataSource,
    FileRows,
    Workload,
    WorkloadJourney,
    WorkloadRoute,
    WorkloadStep,
)

_STATIC_RESOURCES = frozenset({"stylesheet", "script", "image", "font", "media", "manifest", "texttrack"})
_STATIC_TYPES = ("image/", "font/", "audio/", "video/", "text/css", "text/javascript", "application/javascript", "application/wasm")
_KEPT_HEADERS = frozenset({"accept", "x-requested-with"})
_ACCEPTED_BY_ALL = frozenset({"*/*", ""})

Key = tuple[str, PathShape]


def import_har(source: SourceText, selection: Selection) -> Imported:
    """Read a HAR file. Raises `SloError` with line and column for a file that is none, or that has no usable request."""
    entries = read_entries(source)
    host = selection.host or _main_host(entries)
    reader = _Reader(selection, host)
    for entry in entries:
        reader.add(entry)
    if not reader.kept:
        found = ", ".join(f"{one.reason} ({one.count})" for one in reader.drops.result()[:4])
        raise source.error(f"no request can be imported{': ' if found else ''}{found}", ("log", "entries"))
    return reader.result()


def _main_host(entries: Sequence[RecordedRequest]) -> str:
    """The host of the first page, otherwise the most frequent one."""
    page = next((one.host for one in entries if one.resource == "document" or one.media_type == "text/html"), "")
    hosts = Counter(one.host for one in entries)
    return page or (hosts.most_common(1)[0][0] if hosts else "")


class _Reader:
    """Collects the requests of one host, and what is dropped."""

    def __init__(self, selection: Selection, host: str) -> None:
        self.kept: list[tuple[RecordedRequest, Key, tuple[str, ...]]] = []
        self.drops = DropList()
        self._selection = selection
        self._host = host
        self._traffic = Traffic()
        self._first: dict[Key, RecordedRequest] = {}
        self._data_names = Names()
        self._rows_names: dict[Key, str] = {}
        self._rows_needed: set[Key] = set()
        self._scrubber = Scrubber(self._data_names, self.drops, recorded=True)

    def add(self, entry: RecordedRequest) -> None:
        """Add a request, or record why it is dropped."""
        reason = self._refusal(entry) or body_refusal(entry)
        if not reason:
            try:
                shape, values = shape_of(entry.target.partition("?")[0])
                key = (entry.method, shape)
                self._first.setdefault(key, entry)
                self._traffic.add(entry.method, entry.target)
                self.kept.append((entry, key, values))
            except PrivatePath as error:
                reason = str(error)
        if reason:
            self.drops.add("requests", reason)

    def result(self) -> Imported:
        """The workload of the requests so far."""
        seen = self._traffic.routes(merge_words=False)
        for route in seen[MAX_ROUTES:]:
            self.drops.add(
                f"{route.method} {route.shape.text}", f"more than {MAX_ROUTES} routes: choose others with --include", route.count
            )
        by_key = {(route.method, route.shape): route for route in seen[:MAX_ROUTES]}
        names = Names()
        labels = {key: names.unique(route_name(key[0], key[1].text)) for key in by_key}
        pages = self._pages(by_key)
        occurrences = Counter(key for _, key, _ in self.kept)
        inline = Counter(key for page in pages for step, key in page if step.is_bound)
        only_inline = {key for key, count in inline.items() if count == occurrences[key]}
        journeys = [self._journey(page, by_key, labels, names, only_inline) for page in pages]
        data, files = list[DataSource](), dict[str, str]()
        routes = list[WorkloadRoute]()
        for key, route in by_key.items():
            rows = self._rows_name(key)
            if key not in only_inline:
                routes.append(self._route(self._first[key], labels[key], route.path(rows), route.count))
            if route.columns and (key not in only_inline or key in self._rows_needed):
                files[f"{DATA_FOLDER}/{rows}.csv"] = csv_text(route.columns, route.rows)
                data.append(FileRows(rows, f"{DATA_FOLDER}/{rows}.csv", "csv"))
            for name, reason in route.left_out:
                self.drops.add(f"query parameter {name} of {route.method} {route.shape.text}", reason)
        self._note_credentials(sum(bool(step.authorization) for page in pages for step, _ in page))
        workload = Workload(tuple(routes), tuple(journeys), data=(*data, *self._scrubber.data.values()))
        return Imported(workload, files, dropped=self.drops.result())

    def _pages(self, by_key: Mapping[Key, TrafficRoute]) -> list[list[tuple[Step, Key]]]:
        """The steps of each page with several requests."""
        pages: dict[str, list[tuple[RecordedRequest, Key, tuple[str, ...]]]] = {}
        for one in self.kept:
            if one[1] in by_key:
                pages.setdefault(one[0].page, []).append(one)
        found = []
        for page in pages.values():
            if len(page) > 1:
                steps = journey_steps([one for one, _, _ in page], [values for _, _, values in page], self._data_names)
                found.append([(step, key) for step, (_, key, _) in zip(steps, page, strict=False)])
            if len(page) > MAX_STEPS:
                self.drops.add("steps", f"a journey has at most {MAX_STEPS}", len(page) - MAX_STEPS)
        return found

    def _journey(
        self,
        page: Sequence[tuple[Step, Key]],
        by_key: Mapping[Key, TrafficRoute],
        labels: Mapping[Key, str],
        names: Names,
        only_inline: set[Key],
    ) -> WorkloadJourney:
        """A journey; a step with values of earlier answers has a request of its own."""
        steps: list[WorkloadStep] = []
        used: set[Key] = set()
        for step, key in page:
            if not step.is_bound:
                steps.append(WorkloadStep(labels[key], tuple(step.extract), step.think))
                continue
            is_free = key in only_inline and key not in used
            used.add(key)
            own = self._bound_request(step, key, by_key[key], labels[key] if is_free else names.unique(f"{labels[key]}-step"))
            steps.append(WorkloadStep(replace(own, extract=tuple(step.extract)), think=step.think))
        return WorkloadJourney(names.unique("visit"), tuple(steps))

    def _bound_request(self, step: Step, key: Key, route: TrafficRoute, name: str) -> WorkloadRoute:
        placeholders = {index: f"{{{value}}}" for index, value in step.known.items()}
        if route.needs_rows(placeholders):
            self._rows_needed.add(key)
        own = self._route(step.request, name, route.path(self._rows_name(key), placeholders), 1, step.bound)
        return replace(own, headers=(*own.headers, ("Authorization", step.authorization))) if step.authorization else own

    def _rows_name(self, key: Key) -> str:
        """The name of the data of a route."""
        if key not in self._rows_names:
            self._rows_names[key] = self._data_names.unique(key[1].resource)
        return self._rows_names[key]

    def _route(
        self, entry: RecordedRequest, name: str, path: str, weight: int, bound: Mapping[tuple[str, str], str] = MappingProxyType({})
    ) -> WorkloadRoute:
        headers, body = written_headers(entry, self._scrubber), written_body(entry, self._scrubber, bound)
        return WorkloadRoute(name, path, entry.method, headers=headers, body=body, weight=weight)

    def _refusal(self, entry: RecordedRequest) -> str:
        """Why a request is not in the workload; empty if it is."""
        bare = entry.target.partition("?")[0]
        has_static_type = entry.resource in _STATIC_RESOURCES or entry.media_type.startswith(_STATIC_TYPES)
        reasons = (
            (entry.scheme not in {"http", "https"}, f"not an HTTP request ({entry.scheme}:)"),
            (entry.host != self._host, f"sent to another host, {entry.host}"),
            (has_static_type or is_static(bare), "a static file"),
            (entry.resource == "websocket" or entry.status == 101, "a WebSocket"),
            (entry.method in {"OPTIONS", "TRACE", "CONNECT"}, f"{entry.method} has no load of its own"),
            (not entry.status, "not answered"),
            (not 200 <= entry.status < 400, f"answered with {entry.status}"),
            (not self._selection.includes(bare), "not matched by --include"),
        )
        return next((reason for applies, reason in reasons if applies), "")

    def _note_credentials(self, bound: int) -> None:
        """Record headers that are left out; `bound` requests have a token of an earlier answer instead."""
        names = Counter(name.lower() for entry, _, _ in self.kept for name in dict(entry.headers))
        names["authorization"] -= bound
        for name in ("authorization", "cookie"):
            if names[name] > 0:
                self.drops.add(f"{name} headers", "left out: log in within the journey, or add a secret", names[name])
