"""Holm's correction: keeps the chance small that any of several tested objectives fails by luck."""

from __future__ import annotations

from collections.abc import Sequence


def holm_rejected(p_values: Sequence[float], alpha: float) -> tuple[bool, ...]:
    """Whether each p-value is rejected, given all of them (Holm 1979, Scand. J. Statist. 6:65-70)."""
    rejected = [False] * len(p_values)
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        if p_values[place] >= alpha / (len(p_values) - rank):
            break
        rejected[place] = True
    return tuple(rejected)
