"""The result of reading a source of load: a workload, its data files, and an account of everything left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kindgate.workload.model import Workload


@dataclass(frozen=True)
class Dropped:
    """Something of the source that the workload does not contain: `what` names it, `reason` says why, `count` how often."""

    what: str
    reason: str
    count: int = 1


@dataclass(frozen=True)
class Imported:
    """A workload read from a source.

    `files` are data files by name, relative to the workload's. `disabled` entries, as section and name, are written as comments.
    `notes` are lines for the person who edits the workload. `thresholds` (k6's, by metric) and `rate` (per second) are
    suggestions for the objectives.
    """

    workload: Workload
    files: Mapping[str, str] = field(default_factory=dict)
    disabled: frozenset[tuple[str, str]] = frozenset()
    dropped: tuple[Dropped, ...] = ()
    notes: tuple[str, ...] = ()
    thresholds: tuple[tuple[str, tuple[str, ...]], ...] = ()
    rate: float | None = None


class DropList:
    """Collects what was dropped, and adds up equal entries."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(self, what: str, reason: str, count: int = 1) -> None:
        """Record that `what` was dropped for `reason`."""
        self._counts[what, reason] += count

    def extend(self, dropped: Iterable[Dropped]) -> None:
        """Record several."""
        for one in dropped:
            self.add(one.what, one.reason, one.count)

    def result(self) -> tuple[Dropped, ...]:
        """Everything recorded, in the order of its first record."""
        return tuple(Dropped(what, reason, count) for (what, reason), count in self._counts.items())
