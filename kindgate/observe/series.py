"""Prometheus query results: labeled values, and labeled series over time. Times are in seconds since 1970."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

Labels = Mapping[str, str]


@dataclass(frozen=True)
class Sample:
    """One value at one time."""

    labels: Labels
    time: float
    value: float


@dataclass(frozen=True)
class Range:
    """The values of one series over time; `times` ascend, and `values` has the same length."""

    labels: Labels
    times: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Samples:
    """The result of an instant query, never empty, with Prometheus' own warnings."""

    items: tuple[Sample, ...]
    warnings: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Sample]:
        """Iterate over the samples in Prometheus' order."""
        return iter(self.items)

    @property
    def value(self) -> float:
        """The value of the only sample. Raises `ValueError` if there are several."""
        (only,) = self.items
        return only.value


@dataclass(frozen=True)
class Ranges:
    """The result of a range query, never empty, with Prometheus' own warnings."""

    items: tuple[Range, ...]
    warnings: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Range]:
        """Iterate over the series in Prometheus' order."""
        return iter(self.items)
