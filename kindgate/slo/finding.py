"""What a decision rule finds about one threshold, before gates and the number of objectives are looked at."""

from __future__ import annotations

from dataclasses import dataclass

from kindgate.model import Verdict
from kindgate.slo.proportion import Proportion

Interval = tuple[float | None, float | None]
"""Lower and upper end in the unit of the limit; `None` where there is none."""


@dataclass(frozen=True)
class Finding:
    """`measured` and `interval` are in the unit of the limit; facts of a run and undecidable runs have no interval.

    `p_value` is the smallest error per side at which the rule says FAIL; only rules with an interval have one.
    `proportion` are the bad requests and `allowed` the share of them that may be bad, where the rule counts such.
    `stands` tells that a FAIL cannot be the generator's doing: it would be one however late requests were sent.
    """

    verdict: Verdict
    measured: float | None
    samples: int
    bursts: int
    interval: Interval | None = None
    p_value: float | None = None
    proportion: Proportion | None = None
    allowed: float | None = None
    stands: bool = False
    fact: bool = False
