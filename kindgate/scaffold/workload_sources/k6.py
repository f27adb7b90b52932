"""A workload from a k6 script, read without running it: requests with constant arguments, journeys, checks and thresholds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote, unquote_plus

from kindgate.duration import duration_seconds
from kindgate.load.expectation import Extraction
from kindgate.scaffold.workload_sources.activation import placeholder_names
from kindgate.scaffold.workload_sources.imported import DropList, Imported
from kindgate.scaffold.workload_sources.javascript import parse
from kindgate.scaffold.workload_sources.k6_options import ScriptOptions, read_options
from kindgate.scaffold.workload_sources.k6_requests import Sent
from kindgate.scaffold.workload_sources.k6_script import Script
from kindgate.scaffold.workload_sources.k6_values import NotConstant, Reference, Stringified, Text, Value, as_text, json_of
from kindgate.scaffold.workload_sources.naming import Names, label, route_name
from kindgate.scaffold.workload_sources.privacy import Scrubber, private_reason
from kindgate.scaffold.workload_sources.selection import Selection
from kindgate.scaffold.workload_sources.source_text import SourceText
from kindgate.workload.document_requests import RESERVED_TAGS
from kindgate.workload.model import (
    GROUP,
    ExpectedResponse,
    FormBody,
    Json,
    JsonBody,
    RequestBody,
    TextBody,
    Workload,
    WorkloadJourney,
    WorkloadRoute,
    WorkloadStep,
)
from kindgate.workload.placeholders import escaped

_PATH_CHARACTERS = "/%:@!$&'()*+,;=~?[]"
_NOT_KEPT = frozenset({"content-length", "host", "connection", "accept-encoding", "user-agent"})
_NAME_TAG = "name"
_SHOWN = 5
"""Maximum number of problems in an error."""


class CannotSend(Exception):
    """A request that a workload cannot describe."""


def import_k6(source: SourceText, selection: Selection) -> Imported:
    """Read a k6 script: `http` calls with constant arguments in the functions that k6 runs.

    Raises `SloError` with line and column for a file that is not JavaScript, and for one without a request that can be read.
    """
    script = Script(parse(source))
    options = read_options(script.globals.names.get("options"))
    reader = _Reader(script, selection)
    shared: Value = None
    if "setup" in script.exports:
        sent, shared = script.requests_of("setup")
        reader.setup = list(reader.written(sent))
    run = [name for name, _ in options.weights if name in script.exports] or [name for name in ("default",) if name in script.exports]
    for name in run:
        sent, _ = script.requests_of(name, shared)
        reader.add_function(name, sent, dict(options.weights).get(name, 0.0))
    if "teardown" in script.exports:
        sent, _ = script.requests_of("teardown", shared)
        reader.teardown = list(reader.written(sent))
    if not reader.routes and not reader.journeys:
        problem = "no request of the script can be read" if run else "the script exports no default function"
        found = "; ".join(f"line {line}: {text}" for line, text in sorted(script.problems)[:_SHOWN])
        first = min((line for line, _ in script.problems), default=1)
        raise source.at(first).error(problem, 0, 1, next_step=found)
    return reader.result(options)


class _Reader:
    """Turns the requests of a script into routes and journeys."""

    def __init__(self, script: Script, selection: Selection) -> None:
        self.routes: list[WorkloadRoute] = []
        self.journeys: list[WorkloadJourney] = []
        self.setup: list[tuple[WorkloadRoute, Sent]] = []
        self.teardown: list[tuple[WorkloadRoute, Sent]] = []
        self._script = script
        self._selection = selection
        self._names = Names()
        self._drops = DropList()
        self._scrubber = Scrubber(script.names, self._drops, recorded=False)
        self._host = selection.host

    def add_function(self, name: str, sent: list[Sent], rate: float) -> None:
        """Add the requests of one function: a journey if there are several, otherwise a route."""
        steps = list(self.written(sent))
        weight = max(1, round(rate))
        if len(steps) == 1:
            self._shared(steps[0][0], weight)
        elif steps:
            written = tuple(self._step(route, one) for route, one in steps)
            self.journeys.append(WorkloadJourney(self._names.unique("iteration" if name == "default" else name), written, weight))

    def result(self, options: ScriptOptions) -> Imported:
        """The workload of the script."""
        for line, text in sorted(self._script.problems):
            self._drops.add(f"line {line}", text)
        for name, reason in options.left_out:
            self._drops.add(f"options.{name}", reason)
        setup, teardown = (tuple(map(self._alone, requests)) for requests in (self.setup, self.teardown))
        used = {reference for route in (*self.routes, *setup, *teardown) for reference in placeholder_names(route)}
        data = [one for name, one in self._script.calls.expressions.data.items() if name in used]
        workload = Workload(
            routes=tuple(self.routes),
            journeys=tuple(self.journeys),
            data=(*data, *self._scrubber.data.values()),
            setup=setup,
            teardown=teardown,
        )
        return Imported(workload, dropped=self._drops.result(), thresholds=options.thresholds, rate=options.rate)

    def _alone(self, request: tuple[WorkloadRoute, Sent]) -> WorkloadRoute:
        """A request of setup or teardown, with the values that any function of the script uses of its response."""
        route, sent = request
        return replace(route, name=self._names.unique(route.name), extract=_extracts(sent))

    def _shared(self, route: WorkloadRoute, weight: int = 1) -> str:
        """The name of a route; equal requests share one."""
        known = next((one for one in self.routes if replace(one, name="", weight=1) == replace(route, name="")), None)
        if known is None:
            known = replace(route, name=self._names.unique(route.name), weight=weight)
            self.routes.append(known)
        return known.name

    def _step(self, route: WorkloadRoute, sent: Sent) -> WorkloadStep:
        return WorkloadStep(self._shared(route), _extracts(sent), round(sent.think, 3))

    def written(self, sent: list[Sent]) -> Iterator[tuple[WorkloadRoute, Sent]]:
        """The routes of requests that a workload can describe."""
        for one in sent:
            try:
                yield self._route(one), one
            except (CannotSend, NotConstant) as error:
                self._drops.add(f"line {one.line}", str(error))

    def _route(self, sent: Sent) -> WorkloadRoute:
        path = self._path(sent.url)
        if not self._selection.includes(path):
            raise CannotSend("not matched by --include")
        options = sent.options if isinstance(sent.options, Mapping) else {}
        headers = self._headers(options.get("headers"))
        body, is_json = self._body(sent.body)
        if is_json:
            headers = [(name, value) for name, value in headers if (name.lower(), value) != ("content-type", "application/json")]
        tags = {str(key): _plain_text(value) for key, value in _map(options.get("tags")).items()}
        for key in RESERVED_TAGS & set(tags) - {_NAME_TAG}:
            del tags[key]
            self._drops.add(f"line {sent.line}", f"the tag {key} is set by kindgate")
        name = tags.pop(_NAME_TAG, "") or route_name(sent.method, re.sub(r"[{}]", "", path))
        if sent.group:
            tags[GROUP] = sent.group
        if options.get("cookies"):
            self._drops.add(f"line {sent.line}", "cookies are left out: log in within the journey")
        timeout = options.get("timeout")
        required = sent.required
        return WorkloadRoute(
            name=label(self._scrubber.text("", name)) or route_name(sent.method, path),
            path=path,
            method=sent.method,
            headers=tuple(headers),
            body=body,
            expect=ExpectedResponse(
                statuses=required.statuses, contains=escaped(required.contains), json=_json_requirements(required.json)
            ),
            timeout=_timeout(timeout),
            tags=tuple(sorted((label(key), text) for key, value in tags.items() if (text := label(self._scrubber.text(key, value))))),
        )

    def _path(self, url: Text) -> str:
        """The path of a request to the application's host; an environment variable at the start is its address."""
        parts = list(url.parts)
        if parts and isinstance(parts[0], Reference):
            parts = parts[1:]
            if not parts or not isinstance(parts[0], str) or not parts[0].startswith("/"):
                raise CannotSend("its address is not constant")
        else:
            parts = self._without_host(parts)
        text = ""
        for part in parts:
            text += self._url_text(part) if isinstance(part, str) else f"{{{part.name}}}"
        return text

    def _without_host(self, parts: list[str | Reference]) -> list[str | Reference]:
        first = parts[0] if parts else ""
        match = re.match(r"(https?)://([^/?#]*)", first) if isinstance(first, str) else None
        if match is None or not isinstance(first, str):
            raise CannotSend("its address has no constant host")
        if len(parts) > 1 and match.end() == len(first):
            raise CannotSend("its host is not constant")
        credentials, _, host = match[2].rpartition("@")
        if credentials:
            self._drops.add("credentials in an address", "left out: add an Authorization header with a secret")
        self._host = self._host or host
        if host != self._host:
            raise CannotSend(f"sent to another host, {host}")
        rest = first[match.end() :].partition("#")[0]
        return [rest if rest.startswith("/") else f"/{rest}", *parts[1:]]

    def _url_text(self, text: str) -> str:
        """A constant part of an address, its query's values checked for secrets."""
        path, mark, query = text.partition("?")
        pairs = [self._query_pair(pair) for pair in query.split("&")] if mark else []
        return quote(path, safe=_PATH_CHARACTERS) + (mark + "&".join(pairs) if mark else "")

    def _query_pair(self, pair: str) -> str:
        name, mark, value = pair.partition("=")
        decoded = unquote_plus(value)
        text = self._scrubber.text(unquote_plus(name), decoded)
        written = value if text == escaped(decoded) else text if text.startswith("{") else quote(text, safe="")
        return quote(name, safe=_PATH_CHARACTERS) + mark + (quote(written, safe=_PATH_CHARACTERS) if written is value else written)

    def _headers(self, value: Value) -> list[tuple[str, str]]:
        headers = value if isinstance(value, Mapping) else {}
        found = []
        for name, one in headers.items():
            if str(name).lower() not in _NOT_KEPT:
                found.append((self._scrubber.field(str(name)), self._workload_text(str(name), one)))
        return found

    def _body(self, value: Value) -> tuple[RequestBody | None, bool]:
        """The body, and whether it is JSON: `JSON.stringify` of a value, fields of a form, or a text."""
        if value is None:
            return None, False
        if isinstance(value, Stringified):
            return JsonBody(json_of(value.value, self._workload_text)), True
        if isinstance(value, Mapping):
            return FormBody(
                tuple((self._scrubber.field(str(name)), self._workload_text(str(name), one)) for name, one in value.items())
            ), False
        text = as_text(value)
        constant = "".join(part for part in text.parts if isinstance(part, str))
        document = _json_document(constant) if len(text.parts) == 1 else None
        if document is not None:
            written: Json = self._scrubber.json(document)
            return JsonBody(written), True
        if private_reason("", constant, recorded=False):
            raise CannotSend("its body contains a secret or personal data")
        return TextBody(self._workload_text("", value)), False

    def _workload_text(self, name: str, value: Value) -> str:
        """A text with its references as placeholders; constant parts are checked for secrets."""
        text = as_text(value)
        if all(isinstance(part, str) for part in text.parts):
            return self._scrubber.text(name, "".join(part for part in text.parts if isinstance(part, str)))
        parts = []
        for part in text.parts:
            if isinstance(part, Reference):
                parts.append(f"{{{part.name}}}")
            else:
                if private_reason("", part, recorded=False):
                    return self._scrubber.secret(name or "secret")
                parts.append(escaped(part))
        return "".join(parts)


def _extracts(sent: Sent) -> tuple[Extraction, ...]:
    return tuple(Extraction(name, source, expression) for (source, expression), name in sent.response.extract.items())


def _json_document(text: str) -> Any:  # noqa: ANN401  # a JSON value
    """The object or list that a text is as JSON; None for another text."""
    try:
        found = json.loads(text) if text.lstrip().startswith(("{", "[")) else None
    except (ValueError, RecursionError):
        return None
    return found


def _json_requirements(values: tuple[tuple[str, Any], ...]) -> tuple[tuple[str, Json], ...]:
    return tuple((path, escaped(value) if isinstance(value, str) else value) for path, value in values)


def _timeout(value: Value) -> float | None:
    """k6's timeout in seconds: a number is in milliseconds."""
    if isinstance(value, int | float) and value > 0:
        return value / 1000
    return duration_seconds(value) if isinstance(value, str) else None


def _map(value: Value) -> Mapping[str, Value]:
    return value if isinstance(value, Mapping) else {}


def _plain_text(value: Value) -> str:
    """A constant tag; empty for another one."""
    return value if isinstance(value, str) else str(value) if isinstance(value, int | float) else ""
