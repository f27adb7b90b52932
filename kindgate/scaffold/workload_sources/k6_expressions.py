"""Evaluate expressions of a k6 script without running it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from tree_sitter import Node

from kindgate.redaction.secret_names import is_secret_name
from kindgate.scaffold.workload_sources.javascript import field, literal_text, named, text_of, unescaped
from kindgate.scaffold.workload_sources.k6_values import (
    Extracted,
    Function,
    NotConstant,
    RandomBelow,
    Reference,
    Response,
    Scope,
    Value,
    joined,
)
from kindgate.scaffold.workload_sources.naming import Names, identifier
from kindgate.workload.model import CountedNumber, DataSource, EnvironmentValue, RandomChoice, RandomNumber, RandomUuid

_FUNCTIONS = frozenset({"arrow_function", "function_expression", "function_declaration", "function", "method_definition"})
_SECRET_ENDINGS = ("_KEY", "_PASS", "_AUTH", "_PIN")


class Expressions:
    """Evaluates expressions; `data` holds the values that a workload has to provide for them."""

    def __init__(self, names: Names, call: Callable[[Node, Scope], Value]) -> None:
        self.data: dict[str, DataSource] = {}
        self._names = names
        self._call = call
        self._environment: dict[str, Reference] = {}

    def value(self, node: Node | None, scope: Scope) -> Value:
        """The value of an expression; raises `NotConstant` with the reason why it has none."""
        if node is None:
            return None
        reader = self._readers.get(node.type)
        if reader is not None:
            return reader(self, node, scope)
        if node.type in _FUNCTIONS:
            return Function(node, scope)
        raise NotConstant(f"`{_shortened(text_of(node))}` is not constant")

    def environment(self, variable: str) -> Reference:
        """The placeholder of an environment variable of the script."""
        if variable not in self._environment:
            name = self._names.unique(identifier(variable))
            self._environment[variable] = Reference(name, variable)
            is_secret = is_secret_name(variable) or variable.upper().endswith(_SECRET_ENDINGS)
            self.data[name] = EnvironmentValue(name, variable, secret=is_secret)
        return self._environment[variable]

    def provided(self, wanted: str, create: Callable[[str], DataSource]) -> Reference:
        """A placeholder for a value that the workload generates; equal ones are shared."""
        for name, source in self.data.items():
            if source == create(name):
                return Reference(name)
        name = self._names.unique(wanted)
        self.data[name] = create(name)
        return Reference(name)

    def _string(self, node: Node, _: Scope) -> Value:
        return literal_text(node)

    def _template(self, node: Node, scope: Scope) -> Value:
        found: Value = ""
        for child in node.children:
            if child.type == "template_substitution":
                found = joined(found, self._numbered(self.value(next(named(child), None), scope)))
            elif child.type in {"string_fragment", "escape_sequence"}:
                found = joined(found, unescaped(text_of(child)))
        return found

    def _number(self, node: Node, _: Scope) -> Value:
        text = text_of(node).replace("_", "")
        try:
            return int(text, 0) if re.fullmatch(r"0[xXbBoO][0-9A-Fa-f]+|\d+", text) else float(text)
        except ValueError as error:
            raise NotConstant(f"the number {text} is not read") from error

    def _identifier(self, node: Node, scope: Scope) -> Value:
        name = text_of(node)
        if name in {"__VU", "__ITER"} and not scope.holds(name):
            return self.provided("counter", CountedNumber)
        return None if name == "undefined" else scope.find(name)

    def _object(self, node: Node, scope: Scope) -> Value:
        found: dict[str, Value] = {}
        for child in named(node):
            if child.type == "pair":
                found[self._key(field(child, "key"), scope)] = self.attempt(field(child, "value"), scope)
            elif child.type == "shorthand_property_identifier":
                found[text_of(child)] = self.attempt(child, scope)
            elif child.type == "method_definition":
                found[text_of(field(child, "name"))] = Function(child, scope)
            elif child.type == "spread_element":
                spread = self.value(next(named(child), None), scope)
                if not isinstance(spread, Mapping):
                    raise NotConstant(f"`{_shortened(text_of(child))}` is not constant")
                found |= spread
        return found

    def attempt(self, node: Node | None, scope: Scope) -> Value:
        """The value, or the reason why there is none (`NotConstant`): it matters only where the value is used."""
        try:
            return self.value(node, scope)
        except NotConstant as error:
            return error

    def _key(self, node: Node | None, scope: Scope) -> str:
        if node is not None and node.type == "string":
            return literal_text(node)
        if node is not None and node.type == "computed_property_name":
            found = self.value(next(named(node), None), scope)
            if not isinstance(found, str):
                raise NotConstant(f"the key `{_shortened(text_of(node))}` is not constant")
            return found
        return text_of(node)

    def _array(self, node: Node, scope: Scope) -> Value:
        return [self.value(child, scope) for child in named(node)]

    def _binary(self, node: Node, scope: Scope) -> Value:
        operator = text_of(field(node, "operator"))
        left_node, right_node = field(node, "left"), field(node, "right")
        if operator in {"||", "??"}:
            return self._alternative(left_node, right_node, scope)
        left, right = self.value(left_node, scope), self.value(right_node, scope)
        if operator == "+":
            return self._sum(left, right)
        if operator == "*" and isinstance(left, RandomBelow) and isinstance(right, int | float):
            return RandomBelow(left.limit * right)
        if isinstance(left, int | float) and isinstance(right, int | float):
            try:
                return {"-": left - right, "*": left * right}.get(operator) if operator != "/" else left / right
            except ZeroDivisionError as error:
                raise NotConstant("a division by zero") from error
        raise NotConstant(f"`{_shortened(text_of(node))}` is not constant")

    def _sum(self, left: Value, right: Value) -> Value:
        if isinstance(left, RandomBelow) and left.whole and isinstance(right, int):
            return self.random_number(right, right + math.ceil(left.limit) - 1)
        return joined(self._numbered(left), self._numbered(right))

    def _numbered(self, value: Value) -> Value:
        """A placeholder for a random integer, any other value itself."""
        return self.random_number(0, math.ceil(value.limit) - 1) if isinstance(value, RandomBelow) and value.whole else value

    def _alternative(self, left_node: Node | None, right_node: Node | None, scope: Scope) -> Value:
        """`a || b`: the default of an environment variable, because a workload without that variable is usable at once."""
        left = self.attempt(left_node, scope)
        if isinstance(left, Reference) and left.variable:
            right = self.attempt(right_node, scope)
            is_secret = isinstance(source := self.data.get(left.name), EnvironmentValue) and source.secret
            if isinstance(right, NotConstant) or is_secret:
                return left
            self._forget(left)
            return right
        if isinstance(left, NotConstant):
            raise left
        return left or self.value(right_node, scope)

    def _forget(self, reference: Reference) -> None:
        """Remove an environment variable whose default is used instead."""
        self._environment.pop(reference.variable, None)
        self.data.pop(reference.name, None)

    def _unary(self, node: Node, scope: Scope) -> Value:
        found = self.value(field(node, "argument"), scope)
        if text_of(field(node, "operator")) == "-" and isinstance(found, int | float):
            return -found
        raise NotConstant(f"`{_shortened(text_of(node))}` is not constant")

    def _member(self, node: Node, scope: Scope) -> Value:
        name = text_of(field(node, "property"))
        owner_node = field(node, "object")
        if text_of(owner_node) == "__ENV":
            return self.environment(name)
        return _resolved(self._of(self.value(owner_node, scope), name, node))

    def _subscript(self, node: Node, scope: Scope) -> Value:
        if text_of(field(node, "object")) == "__ENV":
            key = self.value(field(node, "index"), scope)
            return self.environment(str(key))
        owner, key = self.value(field(node, "object"), scope), self.value(field(node, "index"), scope)
        if isinstance(owner, list) and isinstance(key, RandomBelow):
            return self.choice(owner, node)
        if isinstance(owner, list) and isinstance(key, int) and -1 < key < len(owner):
            return owner[key]
        return _resolved(self._of(owner, str(key), node))

    def choice(self, values: list[Value], node: Node) -> Reference:
        """A placeholder for one of the values at random; raises `NotConstant` for values that are not scalars."""
        if not values or not all(isinstance(value, str | int | float | bool) for value in values):
            raise NotConstant(f"`{_shortened(text_of(node))}` chooses among objects or unknown values")
        owner = field(node, "object") or next(named(field(node, "arguments")), None)
        wanted = identifier(text_of(owner)) if owner is not None and owner.type == "identifier" else "choice"
        return self.provided(wanted, lambda name: RandomChoice(name, tuple(values)))

    def random_number(self, low: int, high: int) -> Reference:
        """A placeholder for a random integer, both ends included."""
        return self.provided("number", lambda name: RandomNumber(name, low, high))

    def uuid(self) -> Reference:
        """A placeholder for a new UUID."""
        return self.provided("uuid", RandomUuid)

    @staticmethod
    def _of(owner: Value, name: str, node: Node) -> Value:
        if isinstance(owner, Mapping) and name in owner:
            return owner[name]
        if isinstance(owner, list | str) and name == "length":
            return len(owner)
        if isinstance(owner, Extracted) and owner.source == "json":
            return replace(owner, path=(*owner.path, name))
        if isinstance(owner, Response):
            if name == "headers":
                return Extracted(owner, "header")
            if name == "body":
                return Extracted(owner, "json")
        if isinstance(owner, Extracted) and not owner.path:
            return replace(owner, path=(name,))
        raise NotConstant(f"`{_shortened(text_of(node))}` is not constant")

    def _parenthesized(self, node: Node, scope: Scope) -> Value:
        return self.value(next(named(node), None), scope)

    def _call_value(self, node: Node, scope: Scope) -> Value:
        return self._call(node, scope)

    def _constant(self, node: Node, _: Scope) -> Value:
        return {"true": True, "false": False}.get(node.type)

    _readers: Mapping[str, Callable[[Expressions, Node, Scope], Value]] = {
        "string": _string,
        "template_string": _template,
        "number": _number,
        "identifier": _identifier,
        "shorthand_property_identifier": _identifier,
        "object": _object,
        "array": _array,
        "binary_expression": _binary,
        "unary_expression": _unary,
        "member_expression": _member,
        "subscript_expression": _subscript,
        "parenthesized_expression": _parenthesized,
        "await_expression": _parenthesized,
        "call_expression": _call_value,
        "new_expression": _call_value,
        "true": _constant,
        "false": _constant,
        "null": _constant,
        "undefined": _constant,
    }


def _resolved(value: Value) -> Value:
    if isinstance(value, NotConstant):
        raise value
    return value


def _shortened(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 60 else f"{flat[:59]}…"
