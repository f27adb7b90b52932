"""Holm's correction: several objectives are tested, and the chance that any of them fails by luck stays small."""

from __future__ import annotations

from collections.abc import Sequence


def holm_rejected(p_values: Sequence[float], alpha: float) -> tuple[bool, ...]:
    """For each p-value whether it is small enough among all of them (Holm 1979, Scand. J. Statist. 6:65-70)."""
    rejected = [False] * len(p_values)
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        if p_values[place] >= alpha / (len(p_values) - rank):
            break
        rejected[place] = True
    return tuple(rejected)
