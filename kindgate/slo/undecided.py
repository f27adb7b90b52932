"""The interval of a percentile in milliseconds: the range of limits that the rule for shares cannot decide."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence

import numpy as np

from kindgate.histogram import Histogram
from kindgate.model import Verdict
from kindgate.slo.finding import Interval
from kindgate.slo.proportion import Proportion
from kindgate.slo.tally import Times
from kindgate.slo.threshold import Threshold


def undecided_times(bursts: Sequence[Times], threshold: Threshold, at_limit: Proportion, allowed: float, alpha: float) -> Interval:
    """The smallest and the largest limit, in milliseconds, at which the rule is undecided.

    `at_limit` is the share at the limit itself: the range never contradicts its verdict, and uses its inflation throughout.
    An end is `None` if no limit is decided on that side: no limit is large enough for requests without a time.
    """
    verdict = at_limit.verdict(allowed, alpha)
    values = Histogram.merged(burst.times for burst in bursts).values
    sizes = [burst.size for burst in bursts]
    less = threshold.expression.wants_less

    def decided(micros: float) -> Verdict:
        slow = [burst.longer_than(micros) for burst in bursts]
        bad = slow if less else [burst.size - count + burst.lost for burst, count in zip(bursts, slow, strict=True)]
        return Proportion.of(bad, sizes, at_limit.inflation).verdict(allowed, alpha)

    limit = int(np.searchsorted(values, threshold.expression.limit * 1000))
    below, above = (Verdict.FAIL, Verdict.PASS) if less else (Verdict.PASS, Verdict.FAIL)
    first_open = _first(lambda place: decided(values[place]) is not below, *_side(limit, len(values), up=verdict is below))
    first_decided = _first(lambda place: decided(values[place]) is above, *_side(limit, len(values), up=verdict is not above))
    low = float(values[first_open - 1]) / 1000 if first_open else None
    high = float(values[first_decided]) / 1000 if first_decided < len(values) else None
    if verdict is below:
        low = max(low or 0.0, threshold.expression.limit)
    if verdict is above:
        high = min(high or math.inf, threshold.expression.limit)
    return low, high


def _side(limit: int, count: int, *, up: bool) -> tuple[int, int]:
    """The range of indexes on one side of the limit."""
    return (min(limit, count), count) if up else (0, min(limit, count))


def _first(holds: Callable[[int], bool], start: int, stop: int) -> int:
    """The first index from `start` at which `holds` is true, assuming it stays true from there on; `stop` if there is none."""
    return bisect_left(range(start, stop), True, key=holds) + start  # noqa: FBT003  # bisect compares it with the result of `holds`
