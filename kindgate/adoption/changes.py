"""What would be written, compared with what is there. A file that somebody has written is never overwritten."""

from __future__ import annotations

import difflib
import enum
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


class Kind(enum.StrEnum):
    """What becomes of a file."""

    CREATE = "create"
    MERGE = "add to"
    SAME = "unchanged"
    KEEP = "kept as it is"


@dataclass(frozen=True)
class Change:
    """A file, what is in it now (None where it is not there), and what kindgate would put there."""

    path: Path
    before: str | None
    after: str
    adds_only: bool = False
    """Whether `after` is `before` with something added: then it may be written."""

    @property
    def kind(self) -> Kind:
        """What `write` does with it."""
        if self.before is None:
            return Kind.CREATE
        if self.before == self.after:
            return Kind.SAME
        return Kind.MERGE if self.adds_only else Kind.KEEP

    def diff(self, name: str) -> str:
        """The change as a unified diff of the file `name`."""
        old, new = ((text or "").splitlines(keepends=True) for text in (self.before, self.after))
        source = name if self.before is not None else "/dev/null"
        return "".join(difflib.unified_diff(old, new, source, name))


def change(path: Path, after: str, *, adds_only: bool = False) -> Change:
    """The change that makes `path` hold `after`."""
    return Change(path, path.read_text() if path.is_file() else None, after, adds_only)


def write(changes: Iterable[Change]) -> None:
    """Write what is new and what only adds."""
    for one in changes:
        if one.kind in {Kind.CREATE, Kind.MERGE}:
            one.path.parent.mkdir(parents=True, exist_ok=True)
            one.path.write_text(one.after)
