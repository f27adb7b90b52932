"""The fixed and the variable parts of the paths that a server was requested with."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from kindgate.redaction.personal_data import personal_format
from kindgate.redaction.secret_names import is_secret_name
from kindgate.scaffold.workload_sources.naming import identifier, singular
from kindgate.scaffold.workload_sources.privacy import secret_reason

_UUID = re.compile(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")
_DATE = re.compile(r"(?:19|20)\d\d-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01])(?:T[\d:.]+Z?)?)?")
_ULID = re.compile(r"(?=.*\d)[0-9A-HJKMNP-TV-Z]{26}")
_HASH = re.compile(r"(?=.*\d)(?=.*[A-Fa-f])(?:[0-9a-f]{7,}|[0-9A-F]{7,})")
_SHORT_HASH = 16
"""Minimum digits of a hash outside of commits: shorter ones are words or codes."""

_COMMITS = frozenset({"commit", "commits", "sha", "blob", "tree", "compare", "rev", "revision"})
_NUMBER = re.compile(r"-?\d+")
_PREFIXED = re.compile(r"[A-Za-z]+[_-](?:\d{3,}(?:[_-]\d+)*|[0-9a-f]{12,})|\d{3,}-[A-Za-z][\w-]*")
_ENDING = re.compile(r"(?P<core>.+?)(?P<ending>\.(?:json|xml|html?|txt|csv|pdf|atom|rss))")

_ONE_TIME_LENGTH = 12
"""Minimum characters of a one-time value that is not recognized by its format."""

_LITERAL_NUMBERS_AFTER = frozenset({"api", "rest", "version", "v"})
"""Segments before a number that is a version, not an id."""

_PEOPLE = re.compile(
    r"@.*|(?:user|member|customer|profile|account|author|client|employee|patient|student|contact|owner|subscriber|follower|person)s?|people|u|~"
    r"|by-email|by-name"
)
"""Segments before the name of a person."""

_NOT_A_NAME = re.compile(
    r"me|self|current|new|all|list|search|count|login|logout|signin|signout|signup|register|settings|export|import|exists|active|stats|summary|index"
    r"|batch|bulk|recent|top|latest|details?|orders?|edit|password|avatar|profile|preferences|notifications"
)
_ONE_TIME = re.compile(
    r"(?:password-)?reset(?:-password)?|verify|verification|confirm|confirmation|activate|activation|(?:invite|invitation|token|session|hook|webhook)s?"
    r"|unsubscribe|magic|recover|recovery|share|s|download-link|otp|oauth|callback|signature"
)
"""Segments before a one-time value, which works as a secret."""


class PrivatePath(Exception):
    """A path with a secret or personal data, for the stated reason."""


@dataclass(frozen=True)
class Variable:
    """A part of a path that differs between requests; `ending` follows it in its segment.

    `is_word` is for a text that people chose, such as a title, which may name a person.
    """

    name: str
    ending: str = ""
    is_word: bool = False


@dataclass(frozen=True)
class PathShape:
    """The segments of a path, texts and variables; two paths with the same shape are requests of the same route."""

    segments: tuple[str | Variable, ...]

    @property
    def text(self) -> str:
        """The path with variables in braces, for people: `/products/{id}`."""
        parts = (one if isinstance(one, str) else f"{{{one.name}}}{one.ending}" for one in self.segments)
        return "/" + "/".join(parts)

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The variable parts, in order."""
        return tuple(one for one in self.segments if isinstance(one, Variable))

    @property
    def resource(self) -> str:
        """A name for what the path is about: `product` for `/products/{id}`, `products` for `/products`."""
        words = [
            singular(unquote(one)) if isinstance(after, Variable) else unquote(one)
            for one, after in zip(self.segments, (*self.segments[1:], None), strict=True)
            if isinstance(one, str) and re.search("[A-Za-z]", one) and (isinstance(after, Variable) or after is None)
        ]
        return identifier("_".join(words[-2:]) or "path")


@functools.lru_cache(maxsize=65_536)
def shape_of(path: str) -> tuple[PathShape, tuple[str, ...]]:
    """The shape of a path (without a query), and the values of its variables. Raises `PrivatePath`."""
    segments: list[str | Variable] = []
    values: list[str] = []
    for raw in path.removeprefix("/").split("/"):
        before = segments[-1] if segments and isinstance(segments[-1], str) else ""
        judged = _judged(unquote(raw), str(before).lower())
        if judged.refusal:
            raise PrivatePath(judged.refusal)
        if judged.kind:
            segments.append(Variable(variable_name(judged.kind, segments), judged.ending))
            values.append(judged.core)
        else:
            segments.append(raw)
    return PathShape(tuple(segments)), tuple(values)


def variable_name(kind: str, before: Sequence[str | Variable]) -> str:
    """A name for a variable after other segments: its kind, with its resource if the name is taken."""
    taken = {one.name for one in before if isinstance(one, Variable)}
    word = next((unquote(one) for one in reversed(before) if isinstance(one, str) and re.search("[A-Za-z]", one)), "")
    names = [kind, f"{identifier(singular(word))}_{kind}", *(f"{kind}_{number}" for number in range(2, len(before) + 3))]
    return next(name for name in names if name not in taken)


@dataclass(frozen=True)
class _Judged:
    """A segment: its kind (empty: fixed), its value without an ending, and why it must not be written (empty: it may be)."""

    kind: str
    core: str
    ending: str
    refusal: str


@functools.lru_cache(maxsize=65_536)
def _judged(segment: str, before: str) -> _Judged:
    match = _ENDING.fullmatch(segment)
    core, ending = (match["core"], match["ending"]) if match else (segment, "")
    kind = _kind(core, before)
    if not kind:
        core, ending = segment, ""
    return _Judged(kind, core, ending, _refusal(core, kind, before))


def _kind(core: str, before: str) -> str:
    """The kind of a variable segment; empty for a fixed one."""
    if _NUMBER.fullmatch(core):
        return "" if before in _LITERAL_NUMBERS_AFTER else "id"
    if _DATE.fullmatch(core):
        return "date"
    if _HASH.fullmatch(core) and before in _COMMITS:
        return "hash"
    is_hash = _HASH.fullmatch(core) and len(core) >= _SHORT_HASH
    return "id" if is_hash or _UUID.fullmatch(core) or _ULID.fullmatch(core) or _PREFIXED.fullmatch(core) else ""


def _refusal(segment: str, kind: str, before: str) -> str:
    """Why no file may contain a segment; empty if it may be written."""
    found = personal_format(segment)
    if found:
        return f"its path contains {found}"
    if (_ONE_TIME.fullmatch(before) or (before and is_secret_name(before))) and (kind or len(segment) >= _ONE_TIME_LENGTH):
        return "its path contains a one-time value"
    if kind:
        return ""
    is_name = _PEOPLE.fullmatch(before) and not _NOT_A_NAME.fullmatch(segment.lower())
    if is_name or segment.startswith("@"):
        return "its path contains the name of a person or an account"
    reason = secret_reason("", segment, recorded=True)
    return f"a part of its path {reason}" if reason else ""
