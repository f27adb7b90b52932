"""Which samples count: others on the machine take CPU time, and what they take is measured with every sample.

A sample is quiet when all other processes together used at most `QUIET` cores. The median of the quiet samples counts, and
not the best, which no user can expect. Where no sample was quiet, all count, and the row is marked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

QUIET = 0.25
"""Cores that others may use in a quiet sample."""

RULE = "Of several samples the median of the quiet ones is shown; where none was quiet, that of all, marked as busy."
"""As it is kept with the results, and printed with them."""


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


def median(samples: Sequence[S], figure: Callable[[S], float]) -> S:
    """The middle one of those that count; the lower of two."""
    ordered = sorted(counted(samples), key=figure)
    return ordered[(len(ordered) - 1) // 2]
