"""Read a potentially untrusted report within limits, part by part, in text order, up to the first error.

The objects, lists and values of the text are counted before it is parsed. A validator that gets three megabytes at once
builds everything before it checks anything, and lists every wrong field: 19 s of CPU time and 2.9 GB.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import get_args, get_origin

import numpy as np
from pydantic import ValidationError

from kindgate.report.frozen_record import Record
from kindgate.report.markdown_escape import shortened, visible
from kindgate.report.run_report import RunReport


class BoundsExceeded(ValueError):
    """A text holds more than a report can; the message names the limit and quotes nothing."""


@dataclass(frozen=True)
class Bounds:
    """Maximum number of objects and lists, of values in them, and nesting depth."""

    containers: int
    values: int
    depth: int = 20

    def check(self, text: bytes) -> None:
        """Raise `BoundsExceeded` for a text that holds more; this takes a few bytes of memory per byte of text."""
        opened = text.count(b"[") + text.count(b"{")
        if opened <= min(self.depth, self.containers) and opened + text.count(b",") <= self.values:
            return  # within bounds even if no such character is in a string
        chars = np.frombuffer(text.replace(rb"\\", b"").replace(rb"\"", b""), np.uint8)
        chars = chars[~np.logical_xor.accumulate(chars == ord('"'))]  # outside of strings
        starts = (chars == ord("[")) | (chars == ord("{"))
        containers = int(np.count_nonzero(starts))
        if containers > self.containers:
            raise BoundsExceeded(f"more than {self.containers} objects and lists")
        if containers + int(np.count_nonzero(chars == ord(","))) > self.values:
            raise BoundsExceeded(f"more than {self.values} values")
        ends = (chars == ord("]")) | (chars == ord("}"))
        steps = np.where(starts, np.int8(1), np.int8(-1))[starts | ends] if containers else np.zeros(1, np.int8)
        if int(np.cumsum(steps, dtype=np.int64).max()) > self.depth:
            raise BoundsExceeded(f"objects and lists nested more than {self.depth} deep")


REPORT = Bounds(containers=250_000, values=1_500_000)
"""The largest report has 20,000 tests, 2,400 bursts with a few series each, and half a million chart points."""

PART = Bounds(containers=10_000, values=100_000)
"""One test, one burst, or one window of resources: 200 workloads with all points of their series."""


_SPACE = re.compile(r"[ \t\n\r]*+")


class ReportRefused(ValueError):
    """A text is not a report of this version; the message names the place and the rule, and quotes no value."""


def read_report(text: bytes) -> RunReport:
    """Read a report from a JSON text. Raises `ReportRefused`."""
    try:
        REPORT.check(text)
        return _Reader(text.decode()).report()
    except BoundsExceeded as error:
        raise ReportRefused(f"it contains {error}") from None
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise ReportRefused("it is not valid JSON") from None
    except ValidationError as error:
        raise _refusal_of(error, "") from None


@cache
def _list_fields() -> dict[str, tuple[type[Record], int]]:
    """The fields that are lists of records, with the record type and the maximum length."""
    fields = {}
    for name, field in RunReport.model_fields.items():
        item = next(iter(get_args(field.annotation)), None) if get_origin(field.annotation) is tuple else None
        if isinstance(item, type) and issubclass(item, Record):
            fields[name] = (item, min(rule.max_length for rule in field.metadata if hasattr(rule, "max_length")))
    return fields


class _Reader:
    """A text and the position reached in it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._decode = json.JSONDecoder(
            object_pairs_hook=_reject_duplicate_keys, parse_int=_discard_number, parse_float=_discard_number, parse_constant=_discard_number
        ).raw_decode

    def report(self) -> RunReport:
        """Read the whole text as a report."""
        lists: dict[str, tuple[Record, ...]] = {}
        others: dict[str, str] = {}
        for name in self._keys():
            if name in lists or name in others:
                raise ReportRefused(f"{_shown(name)} appears twice")
            if name not in RunReport.model_fields:
                raise ReportRefused(f"{_shown(name)}: not a field of a report")
            if name in _list_fields() and self._next() == "[":
                lists[name] = tuple(self._records(name))
            else:
                others[name] = self._slice()
        if self._next():
            raise ReportRefused("extra data follows the report")
        head = RunReport.model_validate_json("{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in others.items()) + "}")
        # once more with the lists, because some rules cover all parts together
        return RunReport(**{name: getattr(head, name) for name in head.model_fields_set} | lists)

    def _records(self, name: str) -> Iterator[Record]:
        """The records of a list, checked one by one."""
        record, limit = _list_fields()[name]
        for number, _ in enumerate(self._items()):
            if number >= limit:
                raise ReportRefused(f"{name}: more than {limit}")
            text = self._slice()
            try:
                yield record.model_validate_json(text)
            except ValidationError as error:
                raise _refusal_of(error, f"{name}.{number}.") from None

    def _keys(self) -> Iterator[str]:
        """The keys of the object that begins here, each with the position at its value."""
        self._expect("{")
        if self._next() == "}":
            self._position += 1
            return
        while True:
            if self._next() != '"':
                raise ReportRefused("it is not a JSON object")
            key, self._position = self._decode(self._text, self._position)
            self._expect(":")
            yield str(key)
            if self._expect(",}") == "}":
                return

    def _items(self) -> Iterator[None]:
        """One turn per item of the list that begins here, with the position at the item."""
        self._expect("[")
        if self._next() == "]":
            self._position += 1
            return
        while True:
            yield
            if self._expect(",]") == "]":
                return

    def _slice(self) -> str:
        """The text of the value that begins here; raises `BoundsExceeded` if it is larger than a part of a report can be."""
        self._next()
        start = self._position
        _, self._position = self._decode(self._text, start)
        text = self._text[start : self._position]
        PART.check(text.encode())
        return text

    def _next(self) -> str:
        """The next character that is not whitespace; empty at the end."""
        self._position = _SPACE.match(self._text, self._position).end()  # type: ignore[union-attr]  # no space is a match too
        return self._text[self._position : self._position + 1]

    def _expect(self, chars: str) -> str:
        char = self._next()
        if not char or char not in chars:
            raise ReportRefused("it is not a JSON object")
        self._position += 1
        return char


def _reject_duplicate_keys(pairs: list[tuple[str, object]]) -> None:
    """Reject duplicate keys, of which readers keep different values, and discard the object."""
    if len({key for key, _ in pairs}) < len(pairs):
        raise ReportRefused("an object has a duplicate key")


def _discard_number(_written: str) -> None:
    """Discard the number: it is parsed later, when its range is known."""


def _refusal_of(error: ValidationError, where: str) -> ReportRefused:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = _shown(where + ".".join(str(part) for part in first["loc"])) or "the document"
    return ReportRefused(f"{place}: {shortened(visible(first['msg']), 200)}")


def _shown(name: str) -> str:
    return shortened(visible(name[:101]), 100)
