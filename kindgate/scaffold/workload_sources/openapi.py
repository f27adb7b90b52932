"""A workload from an OpenAPI document: one route per operation, filled from examples, defaults and enumerations."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from kindgate.scaffold.workload_sources.imported import DropList, Imported
from kindgate.scaffold.workload_sources.naming import Names, label, parameter_name, route_name
from kindgate.scaffold.workload_sources.openapi_operations import BodyForm, Operation, Parameter, Security, operations, version_of
from kindgate.scaffold.workload_sources.privacy import Scrubber, private_reason
from kindgate.scaffold.workload_sources.references import UnreadableReference, document_root
from kindgate.scaffold.workload_sources.schema_samples import Sampler, SampleTooLarge
from kindgate.scaffold.workload_sources.selection import MAX_ROUTES, SAFE_METHODS, Selection
from kindgate.scaffold.workload_sources.source_text import SourceText
from kindgate.workload.model import (
    GROUP,
    DataSource,
    ExpectedResponse,
    FormBody,
    Json,
    JsonBody,
    RandomChoice,
    RequestBody,
    TextBody,
    Workload,
    WorkloadRoute,
)
from kindgate.workload.placeholders import escaped

_JSON = re.compile(r"application/(?:[\w.+-]+\+)?json\b|\*/\*|application/\*")
_FORM = re.compile(r"application/x-www-form-urlencoded")
_TEXT = re.compile(r"(?!multipart/)")
_PARAMETER = re.compile(r"\{([^{}]+)\}")
_GUESSES = 30
"""Maximum number of guessed values that are listed."""

_NOT_SENT = frozenset({"accept", "content-type", "authorization", "host", "content-length", "connection", "transfer-encoding"})
"""Header parameters that OpenAPI ignores, or that HTTP computes."""


class CannotSend(Exception):
    """An operation whose request a workload cannot describe."""


def import_openapi(source: SourceText, selection: Selection) -> Imported:
    """Read the operations of an OpenAPI 3.0, OpenAPI 3.1 or Swagger 2.0 document.

    Raises `SloError` with line and column for a document that is not one, and for one without any usable operation.
    """
    value = source.value()
    root = document_root(source, value)
    version = version_of(source, root)
    reader = _Reader(selection)
    for one in operations(root, version):
        if isinstance(one, Operation):
            reader.add(one)
        else:
            reader.drops.add(one[0], str(one[1]))
    if not reader.routes:
        dropped = ", ".join(f"{one.reason} ({one.count})" for one in reader.drops.result()[:3])
        raise source.error(f"no operation can be imported{': ' if dropped else ''}{dropped}", ("paths",))
    return reader.result()


class _Reader:
    """Collects routes, their data, and what is dropped."""

    def __init__(self, selection: Selection) -> None:
        self.routes: list[WorkloadRoute] = []
        self.drops = DropList()
        self._selection = selection
        self._sampler = Sampler()
        self._names = Names()
        self._route_names = Names()
        self._scrubber = Scrubber(self._names, self.drops, recorded=False, accounts=False)
        self._data: dict[tuple[str, str], DataSource] = {}
        self._guesses: dict[str, None] = {}

    def add(self, operation: Operation) -> None:
        """Add the operation's route, or record why it has none."""
        title = f"{operation.method} {operation.path}"
        reason = self._refusal(operation)
        if reason:
            self.drops.add(title, reason)
            return
        try:
            route = self._route(operation)
        except (CannotSend, UnreadableReference, SampleTooLarge) as error:
            self.drops.add(title, str(error))
            return
        self.routes.append(route)

    def result(self) -> Imported:
        """The workload, and the account of the document."""
        notes = []
        if self._guesses:
            more = f" and {len(self._guesses) - _GUESSES} more" if len(self._guesses) > _GUESSES else ""
            notes.append(f"values without an example in the document, to be edited: {', '.join(list(self._guesses)[:_GUESSES])}{more}")
        workload = Workload(routes=tuple(self.routes), data=(*self._data.values(), *self._scrubber.data.values()))
        return Imported(workload, dropped=self.drops.result(), notes=tuple(notes))

    def _refusal(self, operation: Operation) -> str:
        if not self._selection.includes(operation.path):
            return "not matched by --include"
        if operation.method in {"OPTIONS", "TRACE"}:
            return "a method without load of its own"
        if operation.deprecated:
            return "deprecated"
        is_safe = operation.method in SAFE_METHODS
        if sum((one.method in SAFE_METHODS) == is_safe or self._selection.unsafe for one in self.routes) >= MAX_ROUTES:
            return f"more than {MAX_ROUTES} routes: choose others with --include"
        return ""

    def _route(self, operation: Operation) -> WorkloadRoute:
        headers = [
            (one.name, self._value(one, operation))
            for one in operation.parameters
            if one.place == "header" and one.required and one.name.lower() not in _NOT_SENT
        ]
        cookies = [f"{one.name}={self._value(one, operation)}" for one in operation.parameters if one.place == "cookie" and one.required]
        query = [pair for one in operation.parameters if one.place == "query" and one.required for pair in self._query(one, operation)]
        for security in operation.security:
            self._add_credentials(security, headers, query, cookies)
        body, body_headers = self._body(operation)
        if cookies:
            headers.append(("Cookie", "; ".join(cookies)))
        path = self._path(operation)
        return WorkloadRoute(
            name=self._route_names.unique(_usable_name(operation.name) or route_name(operation.method, operation.path)),
            path=path + ("?" + "&".join(query) if query else ""),
            method=operation.method,
            headers=(*headers, *body_headers),
            body=body,
            expect=ExpectedResponse(statuses=tuple((status, status) for status in operation.statuses)),
            tags=((GROUP, label(operation.tag)),) if label(operation.tag) else (),
        )

    def _path(self, operation: Operation) -> str:
        """The path with its parameters as placeholders, whose values a person edits in one place."""
        described = {one.name: one for one in operation.parameters if one.place == "path"}

        def placeholder(match: re.Match[str]) -> str:
            parameter = described.get(match[1])
            if parameter is None:
                raise CannotSend(f"the path parameter {match[1]!r} is not described")
            segments = [one for one in operation.path[: operation.path.find(match[0])].split("/") if one and "{" not in one]
            return self._placeholder(parameter_name(match[1], segments[-1] if segments else ""), self._choices(parameter))

        parts = re.split(r"(\{[^{}]+\})", operation.path)
        return "".join(
            _PARAMETER.sub(placeholder, part) if part.startswith("{") else quote(part, safe="/%:@!$&'()*+,;=~") for part in parts
        )

    def _choices(self, parameter: Parameter) -> tuple[tuple[Any, ...], bool]:
        """Values of a parameter, and whether they are a guess."""
        values = parameter.examples or self._sampler.documented(parameter.schema)
        if not values:
            return (self._sampler.sample(parameter.schema),), bool(self._sampler.guessed)
        return tuple(dict.fromkeys(_scalar(value, parameter.separator) for value in values)), False

    def _placeholder(self, name: str, choices: tuple[tuple[Any, ...], bool]) -> str:
        """A placeholder for one of the values; parameters with the same name and values share one."""
        values, guessed = choices
        clean = tuple(_scalar(self._scrubber.json(value, name)) for value in values)
        key = (name, json.dumps(clean))
        if key not in self._data:
            own = self._names.unique(name)
            self._data[key] = RandomChoice(own, clean)
            if guessed:
                self._guesses[own] = None
        return f"{{{self._data[key].name}}}"

    def _value(self, parameter: Parameter, operation: Operation) -> str:
        """The text of a header or cookie."""
        values, guessed = self._choices(parameter)
        if guessed:
            self._guesses[f"{parameter.name} of {operation.method} {operation.path}"] = None
        return self._scrubber.text(parameter.name, _text(values[0], parameter.separator))

    def _query(self, parameter: Parameter, operation: Operation) -> Iterator[str]:
        """The required query parameter: once, or once per element of a list."""
        values = parameter.examples or self._sampler.documented(parameter.schema)
        value = values[0] if values else self._sampler.sample(parameter.schema)
        if not values and self._sampler.guessed:
            self._guesses[f"{parameter.name} of {operation.method} {operation.path}"] = None
        elements = value if isinstance(value, list) and parameter.explode else [value]
        for element in elements:
            text = self._scrubber.text(parameter.name, _text(element, parameter.separator))
            is_placeholder = text in {f"{{{one.name}}}" for one in self._scrubber.data.values()}
            yield f"{quote(parameter.name, safe='[]')}={text if is_placeholder else quote(text, safe='')}"

    def _add_credentials(self, security: Security, headers: list[tuple[str, str]], query: list[str], cookies: list[str]) -> None:
        if security.place == "unknown":
            raise CannotSend(f"the security scheme {security.scheme!r} cannot be sent in a header, query or cookie")
        value = self._scrubber.secret(security.scheme)
        if security.place == "query":
            query.append(f"{quote(security.name, safe='')}={value}")
        elif security.place == "cookie":
            cookies.append(f"{security.name}={value}")
        else:
            scheme = {"basic": "Basic ", "bearer": "Bearer "}.get(security.place, "")
            headers.append((security.name, scheme + value))

    def _body(self, operation: Operation) -> tuple[RequestBody | None, tuple[tuple[str, str], ...]]:
        """The request's body, and the header that names its type where the body alone does not."""
        if not operation.bodies:
            return None, ()
        for accepts, read in ((_JSON, self._json_body), (_FORM, self._form_body), (_TEXT, self._text_body)):
            for form in operation.bodies:
                if accepts.match(form.media_type.lower()):
                    body = read(form, operation)
                    is_plain = form.media_type.lower().startswith(
                        ("application/json", "application/x-www-form-urlencoded", "*", "application/*")
                    )
                    return body, () if is_plain else (("Content-Type", form.media_type),)
        raise CannotSend(f"its body is {operation.bodies[0].media_type}, which a workload cannot describe")

    def _json_body(self, form: BodyForm, operation: Operation) -> RequestBody:
        return JsonBody(self._scrubber.json(self._sampled(form, operation)))

    def _form_body(self, form: BodyForm, operation: Operation) -> RequestBody:
        value = self._sampled(form, operation)
        if not isinstance(value, Mapping):
            raise CannotSend("its form is not an object")
        return FormBody(tuple((self._scrubber.field(key), self._scrubber.text(key, _text(item))) for key, item in value.items()))

    def _text_body(self, form: BodyForm, _: Operation) -> RequestBody:
        examples = form.examples or self._sampler.documented(form.schema)
        if not examples or not isinstance(examples[0], str):
            raise CannotSend(f"its body is {form.media_type}, for which the document has no example")
        if private_reason("", examples[0], recorded=False):
            raise CannotSend("the example of its body contains a secret or personal data")
        return TextBody(escaped(examples[0]))

    def _sampled(self, form: BodyForm, operation: Operation) -> Json:
        """The first example of a body, otherwise a value for its schema."""
        if form.examples:
            copied: Json = Sampler().copied(form.examples[0])
            return copied
        value: Json = self._sampler.sample(form.schema)
        if self._sampler.guessed:
            self._guesses[f"body of {operation.method} {operation.path}"] = None
        return value


def _usable_name(name: str) -> str:
    """An operation's id as a route's name; empty if it is none."""
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:60]


def _scalar(value: Any, separator: str = ",") -> str | int | float | bool:  # noqa: ANN401  # a JSON value
    """A value as one scalar."""
    return value if isinstance(value, str | int | float) else _text(value, separator)


def _text(value: Any, separator: str = ",") -> str:  # noqa: ANN401  # a JSON value
    """A value as the text of a parameter; the elements of a list are joined by `separator`."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return separator.join(_text(item) for item in value)
    return json.dumps(value, ensure_ascii=False)
