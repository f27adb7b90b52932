"""Compare the files to write with the existing ones. A file that a person wrote or edited is never overwritten.

kindgate's files are recognized by checksum: a record in the suite lists them, and is committed with it. Line endings and a
byte order mark are ignored, because Git and editors change them; an updated file keeps its own.
"""

from __future__ import annotations

import difflib
import enum
import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

RECORD = ".kindgate-init"
"""Name of the record in the suite's folder."""

_HEADER = "# Files written by `kindgate init`, in sha256sum format. A later call updates these files unless they were edited.\n"

_BYTE_ORDER_MARK = "\ufeff"
_KEPT = "surrogateescape"
"""Error handler that keeps bytes that are not UTF-8 unchanged."""


class Kind(enum.StrEnum):
    """The action for a file."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    SAME = "unchanged"
    KEEP = "kept as is"


@dataclass(frozen=True)
class Change:
    """A file, its present content (None if missing), and its wanted content (None to remove it)."""

    path: Path
    before: str | None
    after: str | None
    generated: bool = False
    """Whether kindgate wrote `before`, so it may be replaced."""

    @property
    def kind(self) -> Kind:
        """The action that `write` takes."""
        if self.before == self.after:
            return Kind.SAME
        if self.before is None:
            return Kind.CREATE
        if not self.generated:
            return Kind.KEEP
        return Kind.DELETE if self.after is None else Kind.UPDATE

    def diff(self, name: str) -> str:
        """The change as a unified diff of the file `name`; bytes that are not UTF-8 are shown as escapes."""
        old, new = (_with_escapes(text or "").splitlines(keepends=True) for text in (self.before, self.after))
        source, target = (name if text is not None else "/dev/null" for text in (self.before, self.after))
        return "".join(difflib.unified_diff(old, new, source, target))


def compare_files(suite: Path, wanted: Mapping[Path, str], note: str = "", *, record_name: str = RECORD) -> tuple[Change, ...]:
    """Changes for every wanted file, for files of an earlier call that are no longer wanted, and for the record.

    `note` is a line of the record. Files of one record are unknown to others.
    """
    record = read_record(suite, record_name)
    changes = [_change(path, text, record) for path, text in wanted.items()]
    changes += [_change(path, None, record) for path in record if path not in wanted and path.is_file()]
    checksums = {
        change.path: _checksum(change.after) if change.kind is not Kind.KEEP else record.get(change.path)
        for change in changes
        if change.after is not None
    }
    lines = [f"{digest}  {os.path.relpath(path, suite)}\n" for path, digest in checksums.items() if digest]
    record_file = suite / record_name
    return (*changes, Change(record_file, read_text(record_file), "".join([_HEADER, note, *lines]), generated=True))


def read_record(suite: Path, record_name: str = RECORD) -> Mapping[Path, str]:
    """The files that kindgate wrote for the suite, with the SHA-256 of their content then."""
    text = read_text(suite / record_name) or ""
    rows = (line.split(maxsplit=1) for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return {Path(os.path.normpath(suite / row[1])): row[0] for row in rows if len(row) == 2}


def is_generated(suite: Path, path: Path) -> bool:
    """Whether a file of the suite is as kindgate wrote it."""
    text = read_text(path)
    return text is not None and read_record(suite).get(path) == _checksum(text)


def write(changes: Iterable[Change]) -> None:
    """Write new files and update kindgate's own; remove those no longer wanted."""
    for change in changes:
        if change.kind in {Kind.CREATE, Kind.UPDATE} and change.after is not None:
            change.path.parent.mkdir(parents=True, exist_ok=True)
            change.path.write_bytes(_with_file_format(change.path, change.after))
        elif change.kind is Kind.DELETE:
            change.path.unlink()


def _change(path: Path, after: str | None, record: Mapping[Path, str]) -> Change:
    before = read_text(path)
    return Change(path, before, after, generated=before is not None and record.get(path) == _checksum(before))


def read_text(path: Path) -> str | None:
    """A file's text without a byte order mark and with plain newlines; None if the file is missing."""
    if not path.is_file():
        return None
    text = path.read_bytes().decode(errors=_KEPT)
    return re.sub(r"\r\n?", "\n", text.removeprefix(_BYTE_ORDER_MARK))


def _with_file_format(path: Path, text: str) -> bytes:
    """The text with the file's present line endings and byte order mark."""
    existing = path.read_bytes() if path.is_file() else b""
    ending = "\r\n" if existing.count(b"\r\n") * 2 > existing.count(b"\n") else "\n"
    mark = _BYTE_ORDER_MARK if existing.startswith(_BYTE_ORDER_MARK.encode()) else ""
    return (mark + text.replace("\n", ending)).encode(errors=_KEPT)


def _with_escapes(text: str) -> str:
    return text.encode(errors=_KEPT).decode(errors="backslashreplace")


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode(errors=_KEPT)).hexdigest()
