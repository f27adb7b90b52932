"""GitHub's expressions, `${{ ... }}`, as far as our workflows use them, for tests that evaluate conditions.

Grammar and comparisons follow docs.github.com, "Evaluate expressions in workflows and actions". Unsupported syntax is
an error, so no condition is evaluated only in part.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][\w-]*)|(?P<sign>==|!=|<=|>=|&&|\|\||[!()\[\].,<>*]))"
)
_WORDS = {"true": True, "false": False, "null": None}


@dataclass(frozen=True)
class Contexts:
    """The data available to an expression: the contexts by name, the job's status so far, and a hash function for files.

    `skipped` is for job conditions: a job that this one needs was skipped, so `success()` is false.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    failed: bool = False
    cancelled: bool = False
    skipped: bool = False
    hash_files: Callable[..., str] = lambda *patterns: "0" * 64 if patterns else ""

    @property
    def functions(self) -> Mapping[str, Callable[..., Any]]:
        """GitHub's functions by lower-case name."""
        return {
            "always": lambda: True,
            "cancelled": lambda: self.cancelled,
            "failure": lambda: self.failed and not self.cancelled,
            "success": lambda: not (self.failed or self.cancelled or self.skipped),
            "contains": _contains,
            "endswith": lambda text, end: text_of(text).lower().endswith(text_of(end).lower()),
            "format": _format,
            "join": lambda items, separator=",": text_of(separator).join(text_of(item) for item in items),
            "startswith": lambda text, start: text_of(text).lower().startswith(text_of(start).lower()),
            "fromjson": json.loads,
            "tojson": lambda value: json.dumps(value, indent=2),
            "hashfiles": self.hash_files,
        }


def evaluate(expression: str, contexts: Contexts) -> Any:
    """The value of an expression, with or without its braces; raises `ValueError` for unsupported syntax."""
    text = expression.strip()
    if text.startswith("${{"):
        text = text.removeprefix("${{").removesuffix("}}")
    parser = _Parser(_tokens(text), contexts)
    value = parser.alternatives()
    if parser.tokens:
        raise ValueError(f"{expression}: not understood from {parser.tokens[0]!r}")
    return value


def condition(expression: object, contexts: Contexts) -> bool:
    """Whether a job or step runs; without a status function, `success()` is required too."""
    if expression is None:
        return bool(evaluate("success()", contexts))
    asks_status = re.search(r"\b(always|cancelled|failure|success)\(", str(expression))
    return _truth(evaluate(str(expression), contexts)) and (bool(asks_status) or bool(evaluate("success()", contexts)))


def interpolate(text: str, contexts: Contexts) -> str:
    """The text with every expression replaced by its value."""
    return re.sub(r"\$\{\{(.*?)\}\}", lambda found: text_of(evaluate(found[1], contexts)), text, flags=re.DOTALL)


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    place = 0
    while text[place:].strip():
        found = _TOKEN.match(text, place)
        if found is None or found.lastgroup is None:
            raise ValueError(f"{text}: not understood from {text[place:]!r}")
        tokens.append((found.lastgroup, found[found.lastgroup]))
        place = found.end()
    return tokens


class _Parser:
    """Recursive-descent evaluator; both operands of an operator are always parsed."""

    def __init__(self, tokens: list[tuple[str, str]], contexts: Contexts) -> None:
        self.tokens = tokens
        self._contexts = contexts

    def alternatives(self) -> Any:
        value = self._all()
        while self._take("||"):
            other = self._all()
            value = value if _truth(value) else other
        return value

    def _all(self) -> Any:
        value = self._comparison()
        while self._take("&&"):
            other = self._comparison()
            value = other if _truth(value) else value
        return value

    def _comparison(self) -> Any:
        value = self._negation()
        for sign in ("==", "!="):
            if self._take(sign):
                return _equal(value, self._negation()) is (sign == "==")
        for sign, holds in (("<=", operator.le), (">=", operator.ge), ("<", operator.lt), (">", operator.gt)):
            if self._take(sign):
                return holds(_number(value), _number(self._negation()))
        return value

    def _negation(self) -> Any:
        return not _truth(self._negation()) if self._take("!") else self._path()

    def _path(self) -> Any:
        value = self._simple()
        while True:
            if self._take("."):
                key: Any = "*" if self._take("*") else self._next("name")
            elif self._take("["):
                key = "*" if self._take("*") else self.alternatives()
                self._expect("]")
            else:
                return value
            value = _member(value, key)

    def _simple(self) -> Any:
        if self._take("("):
            value = self.alternatives()
            self._expect(")")
            return value
        kind, text = self.tokens.pop(0) if self.tokens else ("end", "the end")
        if kind == "text":
            return text[1:-1].replace("''", "'")
        if kind == "number":
            return float(text)
        if kind == "name" and self._take("("):
            return self._contexts.functions[text.lower()](*self._arguments())
        if kind == "name" and text in _WORDS:
            return _WORDS[text]
        if kind == "name" and text in self._contexts.values:
            return self._contexts.values[text]
        raise ValueError(f"{text!r} is not known here")

    def _arguments(self) -> list[Any]:
        given: list[Any] = []
        while not self._take(")"):
            given.append(self.alternatives())
            self._take(",")
        return given

    def _take(self, sign: str) -> bool:
        if self.tokens and self.tokens[0] == ("sign", sign):
            self.tokens.pop(0)
            return True
        return False

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            raise ValueError(f"{sign!r} is missing before {self.tokens[:1]}")

    def _next(self, kind: str) -> str:
        found, text = self.tokens.pop(0) if self.tokens else ("end", "")
        if found != kind:
            raise ValueError(f"a {kind} is missing before {text!r}")
        return text


class _Filtered(list[Any]):
    """The result of `.*`: a following name is looked up in each item."""


def _member(value: object, key: object) -> Any:
    if key == "*":
        items = list(value.values()) if isinstance(value, Mapping) else value if isinstance(value, list) else []
        return _Filtered(items)
    if isinstance(value, _Filtered):
        return _Filtered(item[key] for item in value if isinstance(item, Mapping) and key in item)
    if isinstance(value, list):
        return value[int(key)] if isinstance(key, (int, float)) and 0 <= key < len(value) else None
    return value.get(key) if isinstance(value, Mapping) else None


def _truth(value: object) -> bool:
    """Truthiness; objects and lists are true even when empty."""
    return value not in (None, False, 0, "") if not isinstance(value, (Mapping, list)) else True


def text_of(value: object) -> str:
    """A value as text: whole numbers without a decimal point, objects by their kind."""
    if value is None or isinstance(value, (bool, str)):
        return "" if value is None else str(value).lower() if isinstance(value, bool) else value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "Object" if isinstance(value, Mapping) else "Array" if isinstance(value, list) else str(value)


def _format(template: str, *values: object) -> str:
    return re.sub(r"\{\{|\}\}|\{(\d+)\}", lambda part: text_of(values[int(part[1])]) if part[1] else part[0][0], template)


def _contains(where: object, item: object) -> bool:
    if isinstance(where, list):
        return any(_equal(one, item) for one in where)
    return text_of(item).lower() in text_of(where).lower()


def _equal(left: object, right: object) -> bool:
    """Equality: text ignores case; values of different types compare as numbers."""
    if isinstance(left, str) and isinstance(right, str):
        return left.lower() == right.lower()
    if type(left) is type(right):
        return left == right
    return _number(left) == _number(right)


def _number(value: object) -> float:
    if isinstance(value, str):
        try:
            return float(value) if value.strip() else 0.0
        except ValueError:
            return float("nan")
    if isinstance(value, (bool, int, float)):
        return float(value)
    return 0.0 if value is None else float("nan")
