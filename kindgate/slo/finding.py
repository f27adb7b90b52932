"""A decision rule's finding about one threshold, before validity gates and the number of objectives are considered."""

from __future__ import annotations

from dataclasses import dataclass

from kindgate.model import Verdict
from kindgate.slo.proportion import Proportion

Interval = tuple[float | None, float | None]
"""Lower and upper end in the unit of the limit; `None` for an unbounded end."""


@dataclass(frozen=True)
class Finding:
    """`measured` and `interval` are in the unit of the limit; facts about a run and undecidable runs have no interval.

    `p_value` is the smallest error per side at which the rule returns FAIL; only rules with an interval have one.
    `proportion` describes the bad requests and `allowed` the tolerated share, if the rule counts bad requests.
    `stands` means that a FAIL cannot be the generator's fault: it would fail however late requests were sent.
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
