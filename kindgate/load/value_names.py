"""Whether every placeholder has a value when its request is sent, and whether HTTP can carry it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol

from kindgate.errors import LoadError
from kindgate.load.journey import Journey
from kindgate.load.template import Value, text_of
from kindgate.load.variables import RUN, Choice, Constant, Rows, Variable
from kindgate.load.wire import unsendable


class Filled(Protocol):
    """A route, as far as its placeholders are concerned."""

    @property
    def label(self) -> str:
        """Its name."""

    @property
    def arm(self) -> str:
        """Its side of a comparison."""

    @property
    def weight(self) -> int:
        """Its share of the mix; 0 if only journeys send it."""

    @property
    def names(self) -> frozenset[str]:
        """The names of the values that it needs."""

    @property
    def header_names(self) -> frozenset[str]:
        """The names of those that are sent in headers."""

    @property
    def extracted(self) -> frozenset[str]:
        """The names of the values that it provides."""


def names_in_headers(routes: Iterable[Filled]) -> frozenset[str]:
    """The names of the values that any of the routes sends in a header."""
    return frozenset[str]().union(*(route.header_names for route in routes))


def refuse_unusable_values(
    routes: Sequence[Filled],
    journeys: Sequence[Journey],
    variables: Sequence[Variable],
    setup_values: Iterable[tuple[str, tuple[tuple[str, Value], ...]]],
) -> None:
    """Raise `LoadError` for values that are defined twice, missing when a request needs them, or unusable where they are sent.

    `setup_values` are the values of each arm's setup. A step of a journey may use what its earlier steps provide.
    """
    setup = dict(setup_values)
    shared = [name for variable in variables for name in variable.names]
    _refuse_unsendable(variables, [pair for values in setup.values() for pair in values], names_in_headers(routes))
    for arm in {route.arm for route in routes}:
        defined = [RUN, *shared, *(name for name, _ in setup.get(arm, ()))]
        _refuse_twice(defined)
        for route in routes:
            if route.weight and route.arm == arm:
                _refuse_missing(route, route.label, set(defined))
        for journey in journeys:
            if journey.arm == arm:
                _refuse_missing_on_the_way(journey, [routes[step.route] for step in journey.steps], set(defined))


def _refuse_twice(names: Iterable[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise LoadError(f"the value {name!r} is defined {count} times", next_step="rename one of them")


def _refuse_missing(route: Filled, shown: str, known: AbstractSet[str]) -> None:
    missing = sorted(route.names - known)
    if missing:
        raise LoadError(f"{shown} needs the value {missing[0]!r}, which has no definition", last_state="known: " + ", ".join(sorted(known)))


def _refuse_missing_on_the_way(journey: Journey, steps: Iterable[Filled], known: AbstractSet[str]) -> None:
    available = set(known)
    for number, step in enumerate(steps, 1):
        _refuse_missing(step, f"step {number} of {journey.name}", available)
        available |= step.extracted


def _refuse_unsendable(variables: Iterable[Variable], fixed: Iterable[tuple[str, Value]], in_headers: AbstractSet[str]) -> None:
    """Raise `LoadError` for a value that a header needs and HTTP does not allow there, such as a line break."""
    for name, value in (*fixed, *(pair for variable in variables for pair in _possible_values(variable, in_headers))):
        problem = unsendable(text_of(value)) if name in in_headers else ""
        if problem:
            raise LoadError(f"a value of {name!r} cannot be sent in a header: it contains {problem}", next_step="send it in the body")


def _possible_values(variable: Variable, names: AbstractSet[str]) -> Iterable[tuple[str, Value]]:
    """The values written by people that `variable` can have, under each of its `names`."""
    match variable:
        case Rows():
            for index, name in enumerate(variable.names):
                if name in names:
                    yield from ((name, row[index]) for row in variable.rows)
        case Choice():
            yield from ((variable.name, value) for value in variable.values)
        case Constant():
            yield (variable.name, variable.value)
        case _:
            return
