"""Selection of samples: other programs take CPU time, which is measured with every sample.

A sample is quiet if all other processes together used at most `QUIET_CORES` cores. The median of the quiet samples counts, not
the best one, which no user can expect. If no sample was quiet, all count, and the row is marked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

QUIET_CORES = 0.25
"""Cores that others may use in a quiet sample."""

SELECTION_RULE = "Of several samples the median of the quiet ones is shown; where none was quiet, that of all, marked as busy."
"""The rule as stored and printed with the results."""


class Sample(Protocol):
    """A measurement with `foreign`, the cores that others used during it."""

    @property
    def foreign(self) -> float:
        """In cores."""


S = TypeVar("S", bound=Sample)


def is_quiet(sample: Sample) -> bool:
    """Return whether others used little enough CPU."""
    return sample.foreign <= QUIET_CORES


def usable_samples(samples: Sequence[S]) -> Sequence[S]:
    """Return the quiet samples, or all if none is quiet."""
    return [sample for sample in samples if is_quiet(sample)] or samples


def median_sample(samples: Sequence[S], figure: Callable[[S], float]) -> S:
    """Return the median of the samples that count; of two, the lower one."""
    ordered = sorted(usable_samples(samples), key=figure)
    return ordered[(len(ordered) - 1) // 2]
