"""Which samples count: others on the machine take CPU time, and what they take is measured with every sample.

The rule, as it is printed with the results: a sample is quiet when all other processes together used at most `QUIET`
cores. Of lags the best quiet sample counts, since others can only make them worse; of ratios the median quiet sample,
since others can move them either way. Where no sample was quiet, all count, and the row says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

QUIET = 0.25
"""Cores that others may use in a quiet sample."""


class Sample(Protocol):
    """What was measured, and `foreign`: the cores that others used meanwhile."""

    @property
    def foreign(self) -> float:
        """In cores."""


S = TypeVar("S", bound=Sample)


def is_quiet(sample: Sample) -> bool:
    """Whether others used little enough."""
    return sample.foreign <= QUIET


def counted(samples: Sequence[S]) -> Sequence[S]:
    """The quiet ones, or all where none was."""
    return [sample for sample in samples if is_quiet(sample)] or samples


def best(samples: Sequence[S], badness: Callable[[S], float]) -> S:
    """The one with the least badness of those that count."""
    return min(counted(samples), key=badness)


def median(samples: Sequence[S], figure: Callable[[S], float]) -> S:
    """The middle one of those that count; the lower of two."""
    ordered = sorted(counted(samples), key=figure)
    return ordered[(len(ordered) - 1) // 2]
