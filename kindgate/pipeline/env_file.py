"""Variables in a file such as `.env`, parsed as Docker Compose does (compose-go, `dotenv/parser.go`, `template/template.go`).

`NAME=value` or `NAME: value`, with or without `export`; a bare name takes its value from the environment. Single quotes
keep everything, double quotes process escapes, both can span lines; outside quotes ` #` begins a comment. Except in
single quotes, `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME:+other}` and `${NAME:?error}` are replaced.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from kindgate.errors import SettingsError
from kindgate.slo.grammar import SPACE

_INLINE = SPACE.replace("\n", "")
_EXPORT = re.compile(r"export(?=[\t\n\f\r ])[\t\v\f\r \x85\xa0]*")
_NAME_SIGNS = frozenset("_.-[]")
_ESCAPE = re.compile(r'\\(?:[abcfnrtv$"\\]|0[0-9]{0,3})')
_ESCAPED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", '"': '"', "\\": "\\", "$": "$$"}
_NAME = "[_A-Za-z][_A-Za-z0-9]*"
_REFERENCE = re.compile(rf"\$(?:(?P<escaped>\$)|(?P<named>{_NAME})|\{{(?:(?P<braced>{_NAME}(?::?[-+?].*)?)\}})?)")
_BRACED = re.compile(rf"(?P<name>{_NAME})(?:(?P<rule>:?[-+?])(?P<word>.*))?", re.DOTALL)


def env_values(text: str, environment: Mapping[str, str], source: str) -> dict[str, str]:
    """Parse the variables in `text`; references use `environment` first, then earlier lines.

    Raises `SettingsError` that names `source` and the line, but never shows a value.
    """
    return _Reader(text.removeprefix("\ufeff"), environment, source).values()


@dataclass
class _Reader:
    """A text and the read position in it."""

    text: str
    environment: Mapping[str, str]
    source: str
    position: int = 0
    found: dict[str, str] = field(default_factory=dict)

    def values(self) -> dict[str, str]:
        """All variables; a later line overrides an earlier one."""
        while self._at_statement():
            begin = self.position
            name, has_value = self._name()
            if has_value:
                self.found[name] = self._value(name, begin)
            elif name in self.environment:
                self.found[name] = self.environment[name]
        return self.found

    def _at_statement(self) -> bool:
        """Advance to the next statement; return False at the end."""
        while self.position < len(self.text):
            if self.text[self.position] == "#":
                self.position = self._line_end()
            elif self.text[self.position] in SPACE:
                self.position += 1
            else:
                return True
        return False

    def _name(self) -> tuple[str, bool]:
        """Read the statement's name; return it and whether a value follows."""
        begin = self.position
        exported = _EXPORT.match(self.text, begin)
        start = self.position = exported.end() if exported else begin
        while self.position < len(self.text) and self.text[self.position] not in "=:\n":
            sign = self.text[self.position]
            if sign not in _INLINE and sign not in _NAME_SIGNS and not sign.isalnum():
                raise self._error(begin, f"{sign!r} is not allowed in a variable name", "use NAME=value, with multi-line values in quotes")
            self.position += 1
        name = self.text[start : self.position].rstrip(SPACE)
        if " " in name:
            raise self._error(begin, "a name must not contain spaces", "use NAME=value")
        has_value = self.text[self.position : self.position + 1] in {"=", ":"}
        self.position += 1
        return name, has_value

    def _value(self, name: str, begin: int) -> str:
        while self.text[self.position : self.position + 1] and self.text[self.position] in _INLINE:
            self.position += 1
        quote = self.text[self.position : self.position + 1]
        if quote in {"'", '"'}:
            value = self._quoted(quote, name, begin)
            return value if quote == "'" else self._expanded(_ESCAPE.sub(_unescaped, value), name, begin)
        end = self._line_end()
        value, self.position = self.text[self.position : end].partition(" #")[0].rstrip(SPACE), end
        return self._expanded(value, name, begin)

    def _quoted(self, quote: str, name: str, begin: int) -> str:
        """The text between the quotes; only the escape of the quote itself is processed."""
        closed = re.compile(rf"{quote}((?:\\.|[^\\{quote}])*){quote}", re.DOTALL).match(self.text, self.position)
        if closed is None:
            raise self._error(begin, f"the opening quote of the value of {name} is not closed", f"close it with {quote}")
        self.position = closed.end()
        return closed[1].replace("\\" + quote, quote) if quote == "'" else _without_escaped_quotes(closed[1])

    def _line_end(self) -> int:
        end = self.text.find("\n", self.position)
        return len(self.text) if end < 0 else end

    def _expanded(self, value: str, name: str, begin: int) -> str:
        """The value with its references replaced; an unset variable becomes an empty string."""

        def replaced(found: re.Match[str]) -> str:
            if found["escaped"]:
                return "$"
            if found["named"]:
                return self._known(found["named"]) or ""
            if found["braced"] is None:
                raise self._error(begin, f"invalid ${{...}} in the value of {name}", "use $$ for a dollar sign, or single quotes")
            reference = found[0]
            close = _closing(reference)
            inner, rest = (reference[2:close], reference[close + 1 :]) if close >= 0 else (reference[2:-1], "")
            return self._braced(inner, name, begin) + self._expanded(rest, name, begin)

        return _REFERENCE.sub(replaced, value)

    def _braced(self, inner: str, name: str, begin: int) -> str:
        parts = _BRACED.fullmatch(inner)
        if parts is None:  # a brace in the word closed it early
            raise self._error(begin, f"invalid ${{...}} in the value of {name}", "use $$ for a dollar sign, or single quotes")
        known, rule, word = self._known(parts["name"]), parts["rule"] or "", parts["word"] or ""
        usable = bool(known) if rule.startswith(":") else known is not None
        if rule.endswith("?") and not usable:
            reason = self._expanded(word, name, begin)
            raise self._error(begin, f"{name} requires {parts['name']}" + (f": {reason}" if reason else ""), f"set {parts['name']}")
        if (rule.endswith("-") and not usable) or (rule.endswith("+") and usable):
            return self._expanded(word, name, begin)
        return known or ""

    def _known(self, name: str) -> str | None:
        return self.environment.get(name, self.found.get(name))

    def _error(self, begin: int, message: str, next_step: str) -> SettingsError:
        line = self.text.count("\n", 0, begin) + 1
        return SettingsError(f"{self.source}, line {line}: {message}", next_step=next_step)


def _without_escaped_quotes(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: '"' if found[1] == '"' else found[0], text, flags=re.DOTALL)


def _unescaped(found: re.Match[str]) -> str:
    r"""The meaning of an escape; `\c` and a number that is not octal have none and stay."""
    sign = found[0][1:]
    if not sign.startswith("0"):
        return _ESCAPED.get(sign, found[0])
    digits = sign[1:]
    if re.fullmatch("[0-3][0-7]{2}", digits):
        return chr(int(digits, 8))
    return f"\\{digits}"


def _closing(text: str) -> int:
    """Index of the brace that closes the first one; like Compose, ignores the character after an opening brace. -1 if none does."""
    depth, position = 0, 0
    while position < len(text):
        if text[position] == "}":
            depth -= 1
            if depth == 0:
                return position
        if text[position] == "{":
            depth += 1
            position += 1
        position += 1
    return -1
