"""Mask values by their names: `DB_PASSWORD=x`, `"api_key": "x y"`, `--token x`, also with escaped quotes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kindgate.diagnostics.known_values import SHORTEST
from kindgate.diagnostics.secret_names import LOWERED, MASK, NAME

_LONGEST = 2000
"""Maximum length of a value in characters, which bounds backtracking."""

_NAME = re.compile(NAME)
_VERDICT = re.compile(r"(?<![\w-])PASS: ")
"""`PASS: p(95) of ...` and `PASS: TestName` are outcomes, not passwords."""

_NO_VALUE = rf"(?!(?:true|false|null|none|nil|undefined)\b|{re.escape(MASK)}|\$[{{(]|\*{{3}})"
_QUOTED = (
    rf"""(?:"(?P<double>{_NO_VALUE}(?:[^"\\\n]|\\.){{{SHORTEST},{_LONGEST}}})"|'(?P<single>{_NO_VALUE}(?:[^'\\\n]|\\.){{{SHORTEST},{_LONGEST}}})'"""
    rf"""|(?P<open>\\{{1,15}}["'])(?P<inner>{_NO_VALUE}[^\n]{{{SHORTEST},{_LONGEST}}}?)(?<!\\)(?P=open))"""
)
_BARE = rf"""(?P<bare>{_NO_VALUE}[^\s"'`,;&}}\])<>\\]{{{SHORTEST},{_LONGEST}}})"""
_END_QUOTE = r"""\\{0,15}["']"""
_ASSIGNED = re.compile(
    rf"""(?:{_END_QUOTE})?\]?[ \t]{{0,20}}(?::=|=>|={{1,3}}|:)[ \t]{{0,20}}[@bf]?(?:{_QUOTED}|(?:{_END_QUOTE})?{_BARE})""", re.IGNORECASE
)
_VARIABLE = re.compile(rf"""{_END_QUOTE},\s{{0,40}}{_END_QUOTE}value{_END_QUOTE}:[ \t]{{0,20}}{_QUOTED}""", re.IGNORECASE)
_OPTION_START = re.compile(r"(?:^|[^\w-])--?[\w-]{0,40}\Z")
_OPTION_REACH = 50
_OPTION_VALUE = re.compile(rf"[ \t]{{1,20}}(?:{_QUOTED}|(?!-){_BARE})", re.IGNORECASE)
_LISTED_VALUE = re.compile(rf"{_END_QUOTE},\s{{0,40}}{_QUOTED}", re.IGNORECASE)
_GROUPS = ("double", "single", "inner", "bare")


def without_named_values(text: str) -> str:
    """Return the text with every value masked that follows a secret's name."""
    pieces: list[str] = []
    read = 0
    for start, end in _spans(text):
        if start >= read:
            pieces += (text[read:start], MASK)
            read = end
    return "".join((*pieces, text[read:])) if pieces else text


def _spans(text: str) -> Iterator[tuple[int, int]]:
    for name in _NAME.finditer(text.translate(LOWERED)):
        found = _value_after(text, name.start(), name.end())
        if found is not None:
            yield found.span(next(group for group in _GROUPS if found.groupdict().get(group) is not None))


def _value_after(text: str, start: int, end: int) -> re.Match[str] | None:
    """Return the value of the name at `start` to `end`; None if no value follows."""
    if _VERDICT.match(text, start):
        return None
    found = _ASSIGNED.match(text, end) or _VARIABLE.match(text, end)
    if found is None and _OPTION_START.search(text, max(0, start - _OPTION_REACH), start):
        found = _OPTION_VALUE.match(text, end) or _LISTED_VALUE.match(text, end)
    return found
