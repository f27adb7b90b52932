"""Values that differ between requests, as plain data: rows of a file, counters, generated and constant values.

`kindgate.load.streams` turns them into the values of a burst. A variable is read by the names in `names`: a column of rows
as `variable.column`, everything else by the variable's name.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import Field

from kindgate.credentials import MASK
from kindgate.errors import LoadError
from kindgate.load.template import Value

Scalar: TypeAlias = str | int | float | bool | None
"""A JSON value without parts."""

RUN: Final = "run"
"""The name of the run's salt, which no variable may have."""

_LARGEST: Final = 2**53
"""Largest integer that every JSON reader keeps exact."""


def _refuse_name(name: str) -> None:
    if not name or "." in name:
        raise LoadError(f"{name!r} is not the name of a value: use letters, digits and underscores")
    if name == RUN:
        raise LoadError(f"{name!r} is the name of the run's salt", next_step="choose another name for the value")


def _refuse_non_finite(name: str, values: Iterable[object]) -> None:
    """Raise `LoadError` for a number that JSON cannot hold."""
    for value in values:
        if isinstance(value, float) and not math.isfinite(value):
            raise LoadError(f"{name!r} holds {value}, which is not a JSON number")


@dataclass(frozen=True)
class Rows:
    """Rows of a table, one per request: in order and again from the start (`sequential`), or drawn at random.

    A column named "" is read by the variable's own name (a list of single values).
    """

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Scalar, ...], ...]
    order: Literal["sequential", "random"] = "sequential"
    kind: Literal["rows"] = "rows"

    def __post_init__(self) -> None:
        """Reject a table without rows, and rows that do not fit the columns."""
        _refuse_name(self.name)
        if not self.rows or not self.columns:
            raise LoadError(f"the data of {self.name!r} has no {'rows' if self.columns else 'columns'}")
        if len(set(self.columns)) < len(self.columns):
            twice = next(column for column in self.columns if self.columns.count(column) > 1)
            raise LoadError(f"the data of {self.name!r} has two columns named {twice!r}")
        for number, row in enumerate(self.rows, 1):
            if len(row) != len(self.columns):
                raise LoadError(f"row {number} of {self.name!r} has {len(row)} values for {len(self.columns)} columns")
            _refuse_non_finite(self.name, row)

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each column's value."""
        return tuple(f"{self.name}.{column}" if column else self.name for column in self.columns)


@dataclass(frozen=True)
class Counter:
    """Whole numbers from `start`, each used once in a run's bursts; both versions of a comparison get the same."""

    name: str
    start: int = 1
    kind: Literal["counter"] = "counter"

    def __post_init__(self) -> None:
        """Reject a start that JSON cannot hold."""
        _refuse_name(self.name)
        _refuse_large(self.name, self.start)

    @property
    def names(self) -> tuple[str, ...]:
        """The variable's own name."""
        return (self.name,)


@dataclass(frozen=True)
class Uuid:
    """Random UUIDs (version 4, RFC 9562), determined by the burst's seed."""

    name: str
    kind: Literal["uuid"] = "uuid"

    def __post_init__(self) -> None:
        """Reject an unusable name."""
        _refuse_name(self.name)

    @property
    def names(self) -> tuple[str, ...]:
        """The variable's own name."""
        return (self.name,)


@dataclass(frozen=True)
class RandomInt:
    """Random whole numbers from `low` to `high`, both included."""

    name: str
    low: int
    high: int
    kind: Literal["int"] = "int"

    def __post_init__(self) -> None:
        """Reject an empty range."""
        _refuse_name(self.name)
        _refuse_large(self.name, self.low)
        _refuse_large(self.name, self.high)
        if self.low > self.high:
            raise LoadError(f"the range of {self.name!r} is empty: {self.low} is greater than {self.high}")

    @property
    def names(self) -> tuple[str, ...]:
        """The variable's own name."""
        return (self.name,)


@dataclass(frozen=True)
class Choice:
    """One of `values` at random, all equally likely."""

    name: str
    values: tuple[Scalar, ...]
    kind: Literal["choice"] = "choice"

    def __post_init__(self) -> None:
        """Reject a choice among nothing."""
        _refuse_name(self.name)
        if not self.values:
            raise LoadError(f"{self.name!r} has no values to choose from")
        _refuse_non_finite(self.name, self.values)

    @property
    def names(self) -> tuple[str, ...]:
        """The variable's own name."""
        return (self.name,)


@dataclass(frozen=True)
class Constant:
    """One value for all requests; a `secret` appears in no result."""

    name: str
    value: Value
    secret: bool = False
    kind: Literal["constant"] = "constant"

    def __post_init__(self) -> None:
        """Reject an unusable name."""
        _refuse_name(self.name)
        _refuse_non_finite(self.name, (self.value,))

    @property
    def names(self) -> tuple[str, ...]:
        """The variable's own name."""
        return (self.name,)


Variable: TypeAlias = Annotated[Rows | Counter | Uuid | RandomInt | Choice | Constant, Field(discriminator="kind")]
"""Any source of values."""


def masked_variable(variable: Variable) -> Variable:
    """The variable without the content of files and secrets, safe to store; it has the same names."""
    if isinstance(variable, Rows):
        masked: tuple[Any, ...] = (MASK,) * len(variable.columns)
        return Rows(variable.name, variable.columns, (masked,), variable.order)
    if isinstance(variable, Constant) and variable.secret:
        return Constant(variable.name, MASK, secret=True)
    return variable


def _refuse_large(name: str, number: int) -> None:
    """Raise `LoadError` for an integer beyond the range that JSON readers keep exact."""
    if abs(number) > _LARGEST:
        raise LoadError(f"{name!r} has the number {number}: the limit is {_LARGEST}")
