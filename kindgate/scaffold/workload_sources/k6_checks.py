"""The checks of a k6 script that a workload can express: a status, a text in the body, a value in the JSON body."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tree_sitter import Node

from kindgate.scaffold.workload_sources.javascript import field, literal_text, named, text_of
from kindgate.scaffold.workload_sources.k6_values import Function

_EQUAL = frozenset({"==", "==="})


@dataclass(frozen=True)
class Requirement:
    """What a response must be: one of `statuses` (inclusive ranges), containing `contains`, with `json` values at dotted paths."""

    statuses: tuple[tuple[int, int], ...] = ()
    contains: str = ""
    json: tuple[tuple[str, Any], ...] = ()

    def with_more(self, other: Requirement) -> Requirement:
        """Both requirements; of two texts or status lists, the first one."""
        return Requirement(self.statuses or other.statuses, self.contains or other.contains, (*self.json, *other.json))


class _Unread(Exception):
    """A check that a workload cannot express."""


def requirements(checks: Mapping[str, object]) -> tuple[Requirement, tuple[tuple[str, Node | None], ...]]:
    """The requirements of k6's `check`, and the name and function of each one that cannot be expressed."""
    found, unread = Requirement(), list[tuple[str, Node | None]]()
    for name, function in checks.items():
        node = function.node if isinstance(function, Function) else None
        try:
            found = found.with_more(_requirement(node))
        except _Unread:
            unread.append((name, node))
    return found, tuple(unread)


def _requirement(function: Node | None) -> Requirement:
    if function is None:
        raise _Unread
    parameter = field(function, "parameter") or next(named(field(function, "parameters")), None)
    body = field(function, "body")
    if body is not None and body.type == "statement_block":
        statements = list(named(body))
        if len(statements) != 1 or statements[0].type != "return_statement":
            raise _Unread
        body = next(named(statements[0]), None)
    result = Requirement()
    for condition in _conjuncts(body):
        result = _merged(result, _condition(condition, text_of(parameter)))
    return result


def _merged(left: Requirement, right: Requirement) -> Requirement:
    """Both; two limits of a status become one range."""
    if left.statuses and right.statuses:
        low, high = max(left.statuses[0][0], right.statuses[0][0]), min(left.statuses[0][1], right.statuses[0][1])
        if low > high:
            raise _Unread
        return Requirement(((low, high),), left.contains or right.contains, (*left.json, *right.json))
    return left.with_more(right)


def _conjuncts(node: Node | None) -> Iterator[Node]:
    """The conditions joined by `&&`."""
    while node is not None and node.type == "parenthesized_expression":
        node = next(named(node), None)
    if node is None:
        raise _Unread
    if node.type == "binary_expression" and text_of(field(node, "operator")) == "&&":
        yield from _conjuncts(field(node, "left"))
        yield from _conjuncts(field(node, "right"))
    else:
        yield node


def _condition(node: Node, response: str) -> Requirement:
    if node.type == "call_expression":
        return Requirement(contains=_contained(node, response))
    if node.type != "binary_expression":
        raise _Unread
    operator, left, right = text_of(field(node, "operator")), field(node, "left"), field(node, "right")
    if left is None or right is None:
        raise _Unread
    subject = text_of(left)
    if subject == f"{response}.status" and right.type == "number" and text_of(right).isdigit():
        code = int(text_of(right))
        ranges = {"==": (code, code), "===": (code, code), ">=": (code, 599), "<": (100, code - 1), "<=": (100, code), ">": (code + 1, 599)}
        if operator in ranges:
            return Requirement((ranges[operator],))
    path = _json_path(left, response)
    if operator in _EQUAL and path:
        return Requirement(json=((path, _scalar(right)),))
    raise _Unread


def _contained(node: Node, response: str) -> str:
    """The text of `r.body.includes('text')`."""
    callee, arguments = field(node, "function"), list(named(field(node, "arguments")))
    if text_of(callee) != f"{response}.body.includes" or len(arguments) != 1 or arguments[0].type != "string":
        raise _Unread
    return literal_text(arguments[0])


def _json_path(node: Node, response: str) -> str:
    """The path of `r.json('a.b')` or `r.json().a.b`; empty for another expression."""
    names: list[str] = []
    current: Node | None = node
    while current is not None and current.type == "member_expression":
        names.insert(0, text_of(field(current, "property")))
        current = field(current, "object")
    if current is None or current.type != "call_expression" or text_of(field(current, "function")) != f"{response}.json":
        return ""
    arguments = list(named(field(current, "arguments")))
    if arguments and arguments[0].type != "string":
        return ""
    return ".".join([*(literal_text(one) for one in arguments), *names])


def _scalar(node: Node) -> Any:  # noqa: ANN401  # a JSON value
    constants = {"true": True, "false": False, "null": None}
    if node.type in constants:
        return constants[node.type]
    if node.type == "string":
        return literal_text(node)
    if node.type == "number" and text_of(node).isdigit():
        return int(text_of(node))
    raise _Unread
