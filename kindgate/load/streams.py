"""The values of a burst's requests, determined by its plan: the n-th request of an entry always gets the same values. Pure.

Both versions of a comparison get equal values, because a stream depends on the names of its variable and its entry, not on
the version. Random numbers are drawn before the burst, never while it is sent.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kindgate.load.journey import Journey
from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.load.template import Value
from kindgate.load.variables import Choice, Constant, Counter, RandomInt, Rows, Uuid, Variable

Read = Callable[[int], Value]
"""Returns the value of request `n` of an entry, counted from 0."""


@dataclass(frozen=True)
class EntryValues:
    """The values of one entry of the schedule: `fixed` ones, and a function for each that varies."""

    fixed: dict[str, Value]
    varying: tuple[tuple[str, Read], ...]

    def at(self, number: int) -> dict[str, Value]:
        """All values of request or journey `number`, in a dictionary of its own."""
        values = self.fixed.copy()
        for name, read in self.varying:
            values[name] = read(number)
        return values


_NO_VALUES: Final = EntryValues({}, ())


@dataclass(frozen=True)
class _Place:
    """An entry's place in the burst: `position` among `entries` of its arm, with `count` requests of at most `planned`."""

    seed: int
    label: str
    position: int
    entries: int
    count: int
    planned: int

    def generator(self, variable: str) -> np.random.Generator:
        """Random numbers that belong to a variable and this entry."""
        digest = hashlib.sha256(f"{variable}\0{self.label}".encode("utf-8", "replace")).digest()
        return np.random.default_rng([self.seed, *np.frombuffer(digest, np.uint32).tolist()])


def all_entry_values(plan: BurstPlan, chosen: NDArray[np.int64]) -> tuple[EntryValues, ...]:
    """The values of every entry of the schedule, whose arrivals are for the entries `chosen`."""
    counts = np.bincount(chosen, minlength=len(plan.weights)).tolist()
    return tuple(entry_values(plan, entry, counts[entry]) if weight else _NO_VALUES for entry, weight in enumerate(plan.weights))


def entry_values(plan: BurstPlan, entry: int, count: int) -> EntryValues:
    """The values of entry `entry` of the schedule, which occurs `count` times in the whole burst."""
    entries: tuple[Route | Journey, ...] = (*plan.routes, *plan.journeys)
    arm = entries[entry].arm
    same_arm = [index for index, each in enumerate(entries) if each.weight and each.arm == arm]
    place = _Place(plan.seed, _label(entries[entry]), same_arm.index(entry), len(same_arm), count, _planned(plan))
    needed = _needed(plan, entries[entry])
    fixed = {name: value for name, value in plan.arm_values(arm).items() if name in needed}
    varying: list[tuple[str, Read]] = []
    for variable in plan.variables:
        if isinstance(variable, Constant) and variable.name in needed:
            fixed[variable.name] = variable.value
        elif not isinstance(variable, Constant) and not needed.isdisjoint(variable.names):
            varying += ((name, read) for name, read in _reads(variable, place) if name in needed)
    return EntryValues(fixed, tuple(varying))


def _label(entry: Route | Journey) -> str:
    return entry.label if isinstance(entry, Route) else entry.name


def _planned(plan: BurstPlan) -> int:
    return plan.loop.count if isinstance(plan.loop, OpenLoop) else 0


def _needed(plan: BurstPlan, entry: Route | Journey) -> frozenset[str]:
    """The names that an entry's requests use, which its earlier steps may provide."""
    if isinstance(entry, Route):
        return entry.names
    return frozenset[str]().union(*(plan.routes[step.route].names for step in entry.steps))


def _reads(variable: Variable, place: _Place) -> Iterator[tuple[str, Read]]:
    """The functions that read a variable's values, one per name."""
    match variable:
        case Rows():
            row = (
                _sequential(len(variable.rows), place)
                if variable.order == "sequential"
                else _drawn(0, len(variable.rows) - 1, variable, place)
            )
            for column, name in enumerate(variable.names):
                yield name, _cell(variable, row, column)
        case Counter():
            # A burst takes numbers for all its entries at once, so no two entries or bursts share one.
            first = variable.start + place.seed * place.planned * place.entries + place.position
            yield variable.name, lambda number: first + number * place.entries
        case RandomInt():
            yield variable.name, _drawn(variable.low, variable.high, variable, place)
        case Choice():
            choice = _drawn(0, len(variable.values) - 1, variable, place)
            yield variable.name, lambda number: variable.values[choice(number)]
        case Uuid():
            yield variable.name, _uuid(variable, place)
        case Constant():
            yield variable.name, lambda _number: variable.value


def _sequential(rows: int, place: _Place) -> Callable[[int], int]:
    """Rows in order; a burst continues where the one with the previous seed ends, so long tables are used to their end."""
    first = place.seed * place.planned % rows
    return lambda number: (first + number) % rows


def _drawn(low: int, high: int, variable: Rows | RandomInt | Choice, place: _Place) -> Callable[[int], int]:
    drawn = place.generator(variable.name).integers(low, high, place.count, np.int64, endpoint=True)
    return array("q", drawn.tobytes()).__getitem__


def _cell(variable: Rows, row: Callable[[int], int], column: int) -> Read:
    return lambda number: variable.rows[row(number)][column]


def _uuid(variable: Uuid, place: _Place) -> Read:
    """UUIDs of version 4: 122 random bits, the version in bits 48 to 51 and the variant in bits 64 and 65 (RFC 9562, section 5.4)."""
    bits: NDArray[np.uint64] = place.generator(variable.name).integers(0, 2**64, (place.count, 2), np.uint64)
    high = array("Q", ((bits[:, 0] & np.uint64(0xFFFFFFFFFFFF0FFF)) | np.uint64(0x4000)).tobytes())
    low = array("Q", ((bits[:, 1] & np.uint64(0x3FFFFFFFFFFFFFFF)) | np.uint64(1 << 63)).tobytes())

    def read(number: int) -> str:
        text = f"{high[number]:016x}{low[number]:016x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    return read
