"""Exact distributions of times: a map from whole microseconds to counts.

There is no bucket error, merging is addition, and a million samples take a few kilobytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Micros = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Histogram:
    """`counts[i]` samples of `values[i]` microseconds; values ascend and are each there once, counts are positive."""

    values: Micros
    counts: Micros

    @classmethod
    def empty(cls) -> Histogram:
        """A distribution of nothing."""
        return cls(np.empty(0, np.int64), np.empty(0, np.int64))

    @classmethod
    def of(cls, samples: Iterable[int] | Micros) -> Histogram:
        """The distribution of `samples`, each in whole microseconds."""
        array = np.asarray(samples if isinstance(samples, np.ndarray) else list(samples), np.int64)
        values, counts = np.unique(array, return_counts=True)
        return cls(values, counts.astype(np.int64))

    @classmethod
    def merged(cls, parts: Iterable[Histogram]) -> Histogram:
        """All samples of all parts: exact, whatever the order."""
        kept = [part for part in parts if part.count]
        if not kept:
            return cls.empty()
        values, places = np.unique(np.concatenate([part.values for part in kept]), return_inverse=True)
        counts = np.zeros(len(values), np.int64)
        np.add.at(counts, places, np.concatenate([part.counts for part in kept]))
        return cls(values, counts)

    def __add__(self, other: Histogram) -> Histogram:
        """Both sets of samples."""
        return Histogram.merged((self, other))

    def __eq__(self, other: object) -> bool:
        """Whether both hold the same samples."""
        if not isinstance(other, Histogram):
            return NotImplemented
        return np.array_equal(self.values, other.values) and np.array_equal(self.counts, other.counts)

    __hash__ = None  # type: ignore[assignment]  # arrays are mutable, so a histogram has no hash

    @property
    def count(self) -> int:
        """How many samples there are."""
        return int(self.counts.sum())

    @property
    def mean(self) -> float:
        """The average in microseconds; raises `ValueError` when there are no samples."""
        return float((self.values * self.counts).sum()) / self._needed()

    @property
    def min(self) -> int:
        """The smallest sample in microseconds; raises `ValueError` when there are no samples."""
        self._needed()
        return int(self.values[0])

    @property
    def max(self) -> int:
        """The largest sample in microseconds; raises `ValueError` when there are no samples."""
        self._needed()
        return int(self.values[-1])

    def percentile(self, q: float) -> float:
        """The `q`th percentile (0 to 100) in microseconds, as numpy's `linear` method computes it from raw samples.

        Raises `ValueError` when there are no samples or `q` is out of range.
        """
        if not 0 <= q <= 100:
            raise ValueError(f"a percentile is between 0 and 100, not {q}")
        place = q / 100 * (self._needed() - 1)
        below = int(place)
        ends = np.cumsum(self.counts)
        low = int(self.values[np.searchsorted(ends, below, side="right")])
        high = int(self.values[min(np.searchsorted(ends, below + 1, side="right"), len(self.values) - 1)])
        return low + (high - low) * (place - below)

    def above(self, micros: float) -> int:
        """How many samples are larger than `micros`."""
        return int(self.counts[np.searchsorted(self.values, micros, side="right") :].sum())

    def _needed(self) -> int:
        if not self.count:
            raise ValueError("there are no samples")
        return self.count
