"""The calls of a k6 script: requests, the script's own functions, and the library functions that a workload can express."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tree_sitter import Node

from kindgate.scaffold.workload_sources.javascript import field, named, text_of
from kindgate.scaffold.workload_sources.k6_expressions import Expressions
from kindgate.scaffold.workload_sources.k6_modules import Modules
from kindgate.scaffold.workload_sources.k6_requests import Recorder
from kindgate.scaffold.workload_sources.k6_values import (
    Extracted,
    Function,
    NotConstant,
    RandomBelow,
    Response,
    Scope,
    Stringified,
    Text,
    Value,
    as_text,
    floor,
    parsed,
)
from kindgate.scaffold.workload_sources.naming import Names

LOOPS = 50
"""Maximum number of elements of a constant list that a loop is followed for."""


class Calls:
    """Evaluates calls. `apply` follows a function of the script; `problem` reports what cannot be read, at a node's line."""

    def __init__(self, names: Names, apply: Callable[[Function, list[Value]], Value], problem: Callable[[Node, str], None]) -> None:
        self.modules = Modules()
        self.expressions = Expressions(names, self._call)
        self.recorder = Recorder(names, self.expressions, problem)
        self._apply = apply

    def _call(self, node: Node, scope: Scope) -> Value:
        """The value of a call; a request is recorded."""
        callee = field(node, "function") or field(node, "constructor")
        arguments = field(node, "arguments")
        origin = self.modules.origin(callee)
        if origin.startswith(("k6/http#", "http#")):
            return self.recorder.http(node, origin.partition("#")[2], arguments, scope)
        special = self._specials.get(origin)
        if special is not None:
            return special(self, node, list(named(arguments)), scope)
        return self._other_call(node, callee, arguments, scope)

    def _other_call(self, node: Node, callee: Node | None, arguments: Node | None, scope: Scope) -> Value:
        """A call of the script's own function, or of a method of a response or text."""
        if callee is not None and callee.type == "member_expression":
            owner = self.expressions.value(field(callee, "object"), scope)
            return self._method(node, owner, text_of(field(callee, "property")), list(named(arguments)), scope)
        function = self.expressions.value(callee, scope)
        if not isinstance(function, Function):
            raise NotConstant(f"`{text_of(callee)[:60]}` is not a function of the script")
        return self._apply(function, [self.expressions.attempt(one, scope) for one in named(arguments)])

    def _method(self, node: Node, owner: Value, name: str, arguments: list[Node], scope: Scope) -> Value:
        values = [self.expressions.attempt(one, scope) for one in arguments]
        if isinstance(owner, Response) and name == "json":
            path = values[0] if values else ""
            if not isinstance(path, str):
                raise NotConstant("the path of json() is not constant")
            return Extracted(owner, "json", tuple(part for part in path.split(".") if part))
        if isinstance(owner, Mapping) and isinstance(owner.get(name), Function):
            return self._apply(owner[name], values)
        if name == "toString" and isinstance(owner, str | int | float | Text):
            return as_text(owner) if isinstance(owner, Text) else str(owner)
        if name == "forEach" and isinstance(owner, list) and values and isinstance(values[0], Function):
            for value in owner[:LOOPS]:
                self._apply(values[0], [value])
            return None
        raise NotConstant(f"`{text_of(node)[:60]}` is not constant")

    def _in_group(self, _: Node, arguments: list[Node], scope: Scope) -> Value:
        name, function = (*(self.expressions.attempt(one, scope) for one in arguments), None, None)[:2]
        if not isinstance(function, Function):
            raise NotConstant("a group without a function")
        self.recorder.groups.append(name if isinstance(name, str) else "group")
        try:
            return self._apply(function, [])
        finally:
            self.recorder.groups.pop()

    def _parse(self, _: Node, arguments: list[Node], scope: Scope) -> Value:
        return parsed(self.expressions.value(arguments[0] if arguments else None, scope))

    def _stringify(self, _: Node, arguments: list[Node], scope: Scope) -> Value:
        return Stringified(self.expressions.value(arguments[0] if arguments else None, scope))

    def _random(self, _: Node, __: list[Node], ___: Scope) -> Value:
        return RandomBelow(1)

    def _floor(self, _: Node, arguments: list[Node], scope: Scope) -> Value:
        return floor(self.expressions.value(arguments[0] if arguments else None, scope))

    def _random_item(self, node: Node, arguments: list[Node], scope: Scope) -> Value:
        values = self.expressions.value(arguments[0] if arguments else None, scope)
        if not isinstance(values, list):
            raise NotConstant("randomItem of a list that is not constant")
        return self.expressions.choice(values, node)

    def _random_between(self, _: Node, arguments: list[Node], scope: Scope) -> Value:
        low, high = (*(self.expressions.value(one, scope) for one in arguments), None, None)[:2]
        if not isinstance(low, int) or not isinstance(high, int) or low > high:
            raise NotConstant("randomIntBetween of values that are not constant")
        return self.expressions.random_number(low, high)

    def _uuid(self, _: Node, __: list[Node], ___: Scope) -> Value:
        return self.expressions.uuid()

    def _nothing(self, _: Node, __: list[Node], ___: Scope) -> Value:
        return None

    _specials: Mapping[str, Callable[[Calls, Node, list[Node], Scope], Value]] = {
        "k6#sleep": lambda self, *call: self.recorder.sleep(*call),
        "k6#group": _in_group,
        "k6#check": lambda self, *call: self.recorder.check(*call),
        "k6#fail": _nothing,
        "console#log": _nothing,
        "console#error": _nothing,
        "JSON#parse": _parse,
        "JSON#stringify": _stringify,
        "Math#random": _random,
        "Math#floor": _floor,
        "utils#randomItem": _random_item,
        "utils#randomIntBetween": _random_between,
        "utils#uuidv4": _uuid,
    }
