"""Record the requests of a k6 script: the functions of k6/http, pauses, groups and checks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from tree_sitter import Node

from kindgate.scaffold.workload_sources.javascript import line_of, named
from kindgate.scaffold.workload_sources.k6_checks import Requirement, requirements
from kindgate.scaffold.workload_sources.k6_expressions import Expressions
from kindgate.scaffold.workload_sources.k6_values import NotConstant, RandomBelow, Response, Scope, Text, Value, as_text
from kindgate.scaffold.workload_sources.naming import Names

_METHODS = {"get": "GET", "head": "HEAD", "post": "POST", "put": "PUT", "patch": "PATCH", "del": "DELETE", "options": "OPTIONS"}
_WITHOUT_BODY = frozenset({"get", "head"})


@dataclass
class Sent:
    """A request of the script. `think` is the pause before it in seconds."""

    method: str
    url: Text
    body: Value
    options: Value
    line: int
    think: float
    group: str
    response: Response
    required: Requirement = field(default_factory=Requirement)


class Recorder:
    """The requests so far, and the pause and groups of the next one. `problem` reports what cannot be read, at a node's line."""

    def __init__(self, names: Names, expressions: Expressions, problem: Callable[[Node, str], None]) -> None:
        self.sent: list[Sent] = []
        self.groups: list[str] = []
        self._names = names
        self._expressions = expressions
        self._problem = problem
        self._pause = 0.0

    def restart(self) -> None:
        """Begin with another function."""
        self.sent, self.groups, self._pause = [], [], 0.0

    def http(self, node: Node, name: str, arguments: Node | None, scope: Scope) -> Value:
        """Record the request or requests of a function of k6/http."""
        if name == "url" and arguments is not None and arguments.type == "template_string":
            return self._expressions.value(arguments, scope)
        nodes = list(named(arguments))
        if name == "batch":
            return self._batch(node, nodes, scope)
        if name not in {*_METHODS, "request", "asyncRequest"}:
            raise NotConstant(f"http.{name} is not read")
        with self.reported(node, f"http.{name}: "):
            if name in _METHODS:
                method, rest = _METHODS[name], nodes
            else:
                found = self._expressions.value(nodes[0] if nodes else None, scope)
                if not isinstance(found, str):
                    raise NotConstant("its method is not constant")
                method, rest = found.upper(), nodes[1:]
            url = self._expressions.value(rest[0] if rest else None, scope)
            following = [self._expressions.attempt(one, scope) for one in rest[1:]]
            body, options = (None, *following, None)[:2] if name in _WITHOUT_BODY else (*following, None, None)[:2]
            return self._send(node, method, url, body, options)
        return NotConstant("the response of a request that is not in the workload")

    def _batch(self, node: Node, nodes: list[Node], scope: Scope) -> Value:
        """The requests of http.batch: texts, `[method, url, body, params]` or objects, in a list or an object."""
        with self.reported(node, "http.batch: "):
            requests = self._expressions.value(nodes[0] if nodes else None, scope)
            members = list(requests.values()) if isinstance(requests, Mapping) else requests
            if not isinstance(members, list):
                raise NotConstant("its requests are not constant")
            responses = [self._batched(node, one) for one in members]
            return dict(zip(requests, responses, strict=True)) if isinstance(requests, Mapping) else responses
        return None

    def _batched(self, node: Node, one: Value) -> Value:
        if isinstance(one, list):
            method, url, body, options = (*one, None, None, None, None)[:4]
        elif isinstance(one, Mapping):
            method, url, body, options = (one.get(key) for key in ("method", "url", "body", "params"))
        else:
            method, url, body, options = "GET", one, None, None
        if not isinstance(method, str):
            raise NotConstant("a method is not constant")
        return self._send(node, method.upper(), url, body, options)

    def _send(self, node: Node, method: str, url: Value, body: Value, options: Value) -> Response:
        for value in (url, body, options):
            if isinstance(value, NotConstant):
                raise value
        response = Response(self._names)
        self.sent.append(Sent(method, as_text(url), body, options, line_of(node), self._pause, "::".join(self.groups), response))
        self._pause = 0.0
        return response

    def sleep(self, _: Node, arguments: list[Node], scope: Scope) -> Value:
        """Add to the pause before the next request; of a random pause, the average."""
        found = self._expressions.attempt(arguments[0] if arguments else None, scope)
        if isinstance(found, RandomBelow):
            found = found.limit / 2
        if isinstance(found, int | float):
            self._pause += found
        return None

    def check(self, node: Node, arguments: list[Node], scope: Scope) -> Value:
        """Add the requirements of a check to the request whose response it looks at."""
        response, checks = (*(self._expressions.attempt(one, scope) for one in arguments), None, None)[:2]
        sent = next((one for one in reversed(self.sent) if one.response is response), None)
        if sent is None or not isinstance(checks, Mapping):
            self._problem(node, "a check of a value that is not a response")
            return None
        found, unread = requirements(checks)
        sent.required = sent.required.with_more(found)
        for name, function in unread:
            self._problem(function or node, f"the check {name!r} is not read")
        return None

    @contextmanager
    def reported(self, node: Node, prefix: str = "") -> Iterator[None]:
        """Record a value that is not constant as a problem at the node's line."""
        try:
            yield
        except NotConstant as error:
            self._problem(node, f"{prefix}{error}")
