"""Exact distributions of times: a map from whole microseconds to counts.

No bucket error, merging is addition, and a million samples take a few kilobytes.
"""

from __future__ import annotations

import base64
import binascii
import lzma
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Micros = NDArray[np.int64]

_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": 1 << 16}]
_MAX_OCTETS = 9
"""Maximum bytes per number: 63 bits."""

_BLOCK = 1 << 16
"""Bytes processed at a time: all in one pass would take ten times the memory of the result."""

_MAX_SUM = 2.0**53
"""Limit for sums of times in microseconds and of counts; beyond it a sum would not be exact."""

MAX_VALUES = 1 << 22
"""Maximum number of distinct times in an encoded histogram, unless its reader sets a lower one."""


def _to_varints(numbers: Micros) -> bytes:
    """Encode each number in groups of 7 bits, lowest first, with the high bit set if more follow (LEB128)."""
    encoded = bytearray()
    for number in numbers.tolist():
        remaining = number
        while remaining > 0x7F:
            encoded.append(remaining & 0x7F | 0x80)
            remaining >>= 7
        encoded.append(remaining)
    return bytes(encoded)


def _from_varints(encoded: bytes, at_most: int) -> Micros:
    """Decode the output of `_to_varints`; raises `ValueError` for a truncated or too large number, or more than `at_most` numbers."""
    octets = np.frombuffer(encoded, np.uint8)
    is_last = octets < 0x80
    if octets.size and not is_last[-1]:
        raise ValueError("the histogram ends in the middle of a number")
    if np.count_nonzero(is_last) > at_most:
        raise ValueError(f"the histogram has more than {at_most // 2} distinct times")
    numbers = np.empty(np.count_nonzero(is_last), np.int64)
    start = decoded = 0
    while start < octets.size:
        ends = np.flatnonzero(is_last[start : start + _BLOCK]) + start
        if not ends.size:
            raise ValueError("the histogram contains a number that is too large")
        numbers[decoded : decoded + ends.size] = _decode_block(octets, start, ends)
        start, decoded = int(ends[-1]) + 1, decoded + ends.size
    return numbers


def _decode_block(octets: NDArray[np.uint8], start: int, ends: Micros) -> Micros:
    """The numbers that end at the indexes `ends`; the first begins at `start`."""
    starts = np.concatenate([[start], ends[:-1] + 1])
    lengths = ends - starts + 1
    longest = int(lengths.max())
    if longest > _MAX_OCTETS:
        raise ValueError("the histogram contains a number that is too large")
    numbers = np.zeros(ends.size, np.int64)
    for position in range(longest):
        longer = np.flatnonzero(lengths > position)
        numbers[longer] |= (octets[starts[longer] + position] & 0x7F).astype(np.int64) << (7 * position)
    return numbers


@dataclass(frozen=True, eq=False)
class Histogram:
    """`counts[i]` samples of `values[i]` microseconds; values are strictly ascending, counts are positive."""

    values: Micros
    counts: Micros

    @classmethod
    def empty(cls) -> Histogram:
        """A distribution without samples."""
        return cls(np.empty(0, np.int64), np.empty(0, np.int64))

    @classmethod
    def of(cls, samples: Iterable[int] | Micros) -> Histogram:
        """The distribution of `samples`, each in whole microseconds."""
        array = np.asarray(samples if isinstance(samples, np.ndarray) else list(samples), np.int64)
        values, counts = np.unique(array, return_counts=True)
        return cls(values, counts.astype(np.int64))

    @classmethod
    def merged(cls, parts: Iterable[Histogram]) -> Histogram:
        """All samples of all parts; exact in any order."""
        non_empty = [part for part in parts if part.count]
        if not non_empty:
            return cls.empty()
        values, positions = np.unique(np.concatenate([part.values for part in non_empty]), return_inverse=True)
        counts = np.zeros(len(values), np.int64)
        np.add.at(counts, positions, np.concatenate([part.counts for part in non_empty]))
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
        """Number of samples."""
        return int(self.counts.sum())

    @property
    def mean(self) -> float:
        """The average in microseconds; raises `ValueError` if there are no samples."""
        return float((self.values * self.counts).sum()) / self._required_count()

    @property
    def min(self) -> int:
        """The smallest sample in microseconds; raises `ValueError` if there are no samples."""
        self._required_count()
        return int(self.values[0])

    @property
    def max(self) -> int:
        """The largest sample in microseconds; raises `ValueError` if there are no samples."""
        self._required_count()
        return int(self.values[-1])

    def percentile(self, q: float) -> float:
        """The `q`th percentile (0 to 100) in microseconds, as numpy's `linear` method computes it from raw samples.

        Raises `ValueError` if there are no samples or `q` is out of range.
        """
        if not 0 <= q <= 100:
            raise ValueError(f"a percentile must be between 0 and 100, not {q}")
        position = q / 100 * (self._required_count() - 1)
        below = int(position)
        ends = np.cumsum(self.counts)
        low = int(self.values[np.searchsorted(ends, below, side="right")])
        high = int(self.values[min(int(np.searchsorted(ends, below + 1, side="right")), len(self.values) - 1)])
        return low + (high - low) * (position - below)

    def above(self, micros: float) -> int:
        """Number of samples larger than `micros`."""
        return int(self.counts[np.searchsorted(self.values, micros, side="right") :].sum())

    def to_text(self) -> str:
        """Encode as printable ASCII that needs no escaping in JSON: differences and counts as LEB128, LZMA2, base 85."""
        numbers = np.concatenate([np.diff(self.values, prepend=0), self.counts])
        compressed = lzma.compress(_to_varints(numbers), format=lzma.FORMAT_RAW, filters=_FILTERS)
        return base64.b85encode(compressed).decode("ascii")

    @classmethod
    def from_text(cls, text: str, at_most: int = MAX_VALUES) -> Histogram:
        """Decode the output of `to_text`, with up to `at_most` distinct times; raises `ValueError` for anything else.

        A short text can expand a thousandfold, so decompression stops at the size of that many times: five bytes for each
        difference (up to nine hours) and for each count.
        """
        limit = 10 * at_most + 64
        try:
            compressed = base64.b85decode(text)
            decompressor = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=_FILTERS)
            encoded = decompressor.decompress(compressed, limit + 1)
        except (lzma.LZMAError, binascii.Error, EOFError) as error:
            raise ValueError(f"this is not an encoded histogram: {error}") from error
        if len(encoded) > limit:
            raise ValueError(f"the histogram has more than {at_most} distinct times")
        if not decompressor.eof or decompressor.unused_data:
            raise ValueError("the histogram is truncated or followed by extra data")
        numbers = _from_varints(encoded, 2 * at_most)
        if len(numbers) % 2:
            raise ValueError("the histogram has more values than counts")
        steps, counts = np.split(numbers, 2)
        if np.any(steps[1:] < 1) or np.any(counts < 1):
            raise ValueError("the histogram's values must be ascending and its counts positive")
        if max(float(part.sum(dtype=np.float64)) for part in (steps, counts)) > _MAX_SUM:
            raise ValueError("the histogram contains a number that is too large")
        return cls(np.cumsum(steps), counts.copy())

    def _required_count(self) -> int:
        if not self.count:
            raise ValueError("no samples")
        return self.count
