"""Find known secret values in a text, however they are encoded.

A value is searched literally, as base64 (at any offset in longer encoded data) and as hexadecimal digits. The text is
searched as it is and with up to three layers of escapes undone (JSON, URLs and forms, HTML, Python and shell), each
time without line breaks, so a value that was wrapped or quoted on the way is also found.
"""

from __future__ import annotations

import base64
import html
import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

SHORTEST = 5
"""In characters, without line breaks: replacing shorter values everywhere would shred every text."""

_SHORTEST_LINE = 10
"""Minimum length in characters of a longer value's line that is searched separately."""

_LAYERS = 3
"""Nested escapes, such as JSON inside JSON in a form."""

COMMON_WORDS = frozenset(
    [
        "access",
        "admin",
        "administrator",
        "apikey",
        "application",
        "bearer",
        "changeme",
        "client",
        "cluster",
        "config",
        "credential",
        "credentials",
        "database",
        "debug",
        "default",
        "development",
        "docker",
        "elastic",
        "elasticsearch",
        "error",
        "example",
        "false",
        "github",
        "grafana",
        "guest",
        "hello",
        "ingress",
        "kindgate",
        "kubernetes",
        "latest",
        "local",
        "localhost",
        "master",
        "minio",
        "minioadmin",
        "mongo",
        "mongodb",
        "mysql",
        "nginx",
        "passphrase",
        "passwd",
        "password",
        "postgres",
        "postgresql",
        "private",
        "prod",
        "production",
        "prometheus",
        "public",
        "rabbitmq",
        "redis",
        "request",
        "response",
        "secret",
        "secrets",
        "server",
        "service",
        "staging",
        "system",
        "tester",
        "testing",
        "token",
        "user",
        "username",
        "value",
        "world",
    ]
)
"""Values that occur in ordinary text: masking them would hide what happened, and they protect nothing."""

_ESCAPES = re.compile(
    r"""'\\''|'"'"'                                  # a quote in a shell's single quotes
    |(?:%[89A-Fa-f][0-9A-Fa-f])+|%[0-7][0-9A-Fa-f]   # an address or a form
    |\+
    |&(?:\#[0-9]{1,7}|\#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8});
    |(?:\\u[dD][89A-Fa-f][0-9A-Fa-f]{2})+|\\u[0-9A-Fa-f]{4}
    |(?:\\x[89A-Fa-f][0-9A-Fa-f])+|\\x[0-7][0-9A-Fa-f]
    |\\[nrtbf"'\\/$`!&]""",
    re.VERBOSE,
)
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_LINE_BREAKS = re.compile(r"[ \t]*\r?\n[ \t]*")


@dataclass(frozen=True)
class KnownValue:
    """A secret, and a name for it that does not reveal its value: `DB_PASSWORD`, `key pin of Secret db`."""

    text: str
    origin: str

    @property
    def maskable(self) -> bool:
        """Whether it can be masked in texts without masking ordinary words."""
        text = self.text.strip()
        return len(_LINE_BREAKS.sub("", text)) >= SHORTEST and text.lower() not in COMMON_WORDS


class KnownValues:
    """Finds known values in texts."""

    def __init__(self, values: Iterable[KnownValue]) -> None:
        maskable_texts = {value.text.strip() for value in values if value.maskable}
        self._needles = sorted({needle for text in maskable_texts for needle in _needles(text)}, key=len, reverse=True)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return the positions of the values: ordered ranges of `text` that do not touch."""
        if not self._needles:
            return []
        spans: list[tuple[int, int]] = []
        view = _View(text, ())
        for layer in range(_LAYERS + 1):
            if layer:
                peeled = view.rewritten(_ESCAPES, _unescaped)
                if peeled.text == view.text:
                    break
                view = peeled
            flat = view.rewritten(_LINE_BREAKS, lambda _: "")
            spans += (flat.origin(start, start + len(needle)) for needle in self._needles for start in _positions(flat.text, needle))
        return _merged(spans)


@dataclass(frozen=True)
class _Rewrite:
    """Replacements in order: start and end of each piece, after and before the replacement."""

    new_starts: list[int]
    new_ends: list[int]
    old_starts: list[int]
    old_ends: list[int]

    def before(self, index: int) -> tuple[int, int]:
        """Return the range that produced the character at `index`."""
        at = bisect_right(self.new_starts, index) - 1
        if at < 0:
            return index, index + 1
        if index < self.new_ends[at]:
            return self.old_starts[at], self.old_ends[at]
        position = self.old_ends[at] + index - self.new_ends[at]
        return position, position + 1


@dataclass(frozen=True)
class _View:
    """A text with replacements, which maps positions back to the original."""

    text: str
    rewrites: tuple[_Rewrite, ...]

    def rewritten(self, pattern: re.Pattern[str], replace: Callable[[str], str]) -> _View:
        """Return the view with every match replaced."""
        pieces: list[str] = []
        rewrite = _Rewrite([], [], [], [])
        read = written = 0
        for match in pattern.finditer(self.text):
            old = match[0]
            new = replace(old)
            if new == old:
                continue
            start = match.start()
            pieces += (self.text[read:start], new)
            written += start - read
            rewrite.new_starts.append(written)
            written += len(new)
            rewrite.new_ends.append(written)
            rewrite.old_starts.append(start)
            read = match.end()
            rewrite.old_ends.append(read)
        if not pieces:
            return self
        return _View("".join((*pieces, self.text[read:])), (*self.rewrites, rewrite))

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """Return the range of the original text that produced `start` to `end` of this view."""
        last = end - 1
        for rewrite in reversed(self.rewrites):
            start = rewrite.before(start)[0]
            last = rewrite.before(last)[1] - 1
        return start, last + 1


def _needles(value: str) -> Iterator[str]:
    """Yield the texts to search for: every form of the value, and the result of each layer of unescaping."""
    for form in _forms(value):
        peeled = form
        for _ in range(_LAYERS):
            flat = _LINE_BREAKS.sub("", peeled)
            if len(flat) >= SHORTEST:
                yield flat
            peeled = _ESCAPES.sub(lambda match: _unescaped(match[0]), peeled)


def _forms(value: str) -> Iterator[str]:
    """Yield the value, its long lines, and the value's base64 and hexadecimal forms."""
    data = value.encode("utf-8", "surrogatepass")
    yield value
    yield from (line.strip() for line in value.splitlines() if len(line.strip()) >= _SHORTEST_LINE)
    for offset in range(3):
        yield from _base64_inside(data, offset)
    for separator in ("", ":", " "):
        digits = data.hex(separator) if separator else data.hex()
        yield digits
        yield digits.upper()


def _base64_inside(data: bytes, offset: int) -> Iterator[str]:
    """Yield the base64 characters that depend only on `data`, if it starts `offset` bytes after a multiple of three."""
    first = -(-offset * 8 // 6)
    last = (offset + len(data)) * 8 // 6
    encoded = base64.b64encode(bytes(offset) + data).decode()[first:last]
    yield encoded
    yield encoded.translate({ord("+"): "-", ord("/"): "_"})


def _unescaped(token: str) -> str:
    """Return the character that an escape represents; unknown escapes are returned unchanged."""
    if token.startswith("\\"):
        return _after_backslash(token)
    if token.startswith("%"):
        return unquote(token, errors="surrogateescape")
    if token.startswith("&"):
        return html.unescape(token)
    return " " if token == "+" else "'"


def _after_backslash(token: str) -> str:
    if token.startswith("\\u"):
        return str(json.loads(f'"{token}"'))
    if token.startswith("\\x"):
        return bytes.fromhex(token.replace("\\x", "")).decode(errors="surrogateescape")
    return _CONTROLS.get(token[1], token[1])


def _positions(text: str, needle: str) -> Iterator[int]:
    position = text.find(needle)
    while position >= 0:
        yield position
        position = text.find(needle, position + 1)


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
