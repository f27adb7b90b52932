"""Intervals for the share of bad requests and for percentiles, and the finding that a decision rule draws from one.

Requests of one burst are correlated, so a burst is one cluster of a cluster sample: the interval of a share is that of Korn
and Graubard (1998), Survey Methodology 24:193-201, an exact binomial interval for the effective sample size. The interval
of a percentile, in milliseconds, is the range of limits that the rule for shares cannot decide.

Neighboring bursts are correlated too, so they are modeled as a first-order autoregressive series: with a correlation of r
between neighbors, the variance of an average is (1 + r) / (1 - r) times that of independent bursts (Bayley and Hammersley
1946, J. R. Stat. Soc. Suppl. 8:184-197). Twenty bursts determine their own r only to about 0.2, and a run that
underestimates it is the one that decides wrongly, so the estimate is shrunk toward the value seen on real clusters;
`python -m bench.serial` compares this with other rules.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kindgate.histogram import Histogram
from kindgate.model import Verdict
from kindgate.slo.counts import Times
from kindgate.slo.threshold import Threshold

Interval = tuple[float | None, float | None]
"""Lower and upper end in the unit of the limit; `None` for an unbounded end."""

UNSEEN_DESIGN_EFFECT = 5.0
"""Design effect assumed if the bursts show none, because nothing or everything was bad."""

_SMALLEST_P = 1e-15

TYPICAL_CORRELATION = 0.4
"""Correlation between neighbors of the shares of requests above p(95), on real clusters: .40 on a quiet machine, .53 on a busy one."""

TYPICAL_WEIGHT = 30
"""The typical correlation has the weight of an estimate from this many bursts: about one look."""


@dataclass(frozen=True)
class Finding:
    """`measured` and `interval` are in the unit of the limit; facts about a run and undecidable runs have no interval.

    `p_value` is the smallest error per side at which the rule returns FAIL; only rules with an interval have one.
    `proportion` describes the bad requests and `allowed` the tolerated share, if the rule counts bad requests.
    `robust_fail` means that a FAIL cannot be the generator's fault: it would fail however late requests were sent.
    """

    verdict: Verdict
    measured: float | None
    samples: int
    bursts: int
    interval: Interval | None = None
    p_value: float | None = None
    proportion: Proportion | None = None
    allowed: float | None = None
    robust_fail: bool = False
    fact: bool = False


@dataclass(frozen=True)
class Proportion:
    """`bad` of `total` requests in `bursts` bursts; `design_effect` is the variance relative to independent requests.

    `inflation` is the part of it caused by the correlation of neighboring bursts.
    """

    bad: int
    total: int
    bursts: int
    design_effect: float
    inflation: float = 1.0

    @classmethod
    def of(cls, bad: Sequence[int], sizes: Sequence[int], inflation: float | None = None) -> Proportion:
        """Estimate from the bad requests and all requests of each burst, in chronological order; bursts without requests are ignored.

        `inflation` is estimated from these bursts unless given: questions about several limits of the same bursts must share
        one, otherwise a larger limit could be missed while a smaller one is met. Raises `ValueError` if there is no request
        at all.
        """
        size = np.asarray(sizes, np.float64)
        nonempty = size > 0
        if not nonempty.any():
            raise ValueError("no requests")
        size, wrong = size[nonempty], np.asarray(bad, np.float64)[nonempty]
        total, bursts = size.sum(), len(size)
        share = wrong.sum() / total
        deviations = wrong - share * size
        inflation = variance_inflation(deviations) if inflation is None else inflation
        effect = UNSEEN_DESIGN_EFFECT
        if 0 < share < 1 and bursts > 1:
            variance = inflation * bursts / (bursts - 1) * float(np.square(deviations).sum()) / total**2
            effect = max(1.0, variance / (share * (1 - share) / total))
        return cls(int(wrong.sum()), int(total), bursts, effect, inflation)

    @property
    def share(self) -> float:
        """The share of bad requests, 0 to 1."""
        return self.bad / self.total

    def lower(self, alpha: float) -> float:
        """Lower bound of the true share with error `alpha` (below 0.5); 0 with fewer than two bursts."""
        from scipy.special import betaincinv  # noqa: PLC0415  # importing this package must not import scipy

        size = self._effective_size(alpha)
        wrong = self.share * size
        return float(betaincinv(wrong, size - wrong + 1, alpha)) if self.bad and size else 0.0

    def upper(self, alpha: float) -> float:
        """Upper bound of the true share with error `alpha` (below 0.5); 1 with fewer than two bursts."""
        from scipy.special import betaincinv  # noqa: PLC0415  # importing this package must not import scipy

        size = self._effective_size(alpha)
        wrong = self.share * size
        return float(betaincinv(wrong + 1, size - wrong, 1 - alpha)) if self.bad < self.total and size else 1.0

    def p_above(self, allowed: float) -> float:
        """The smallest `alpha` at which `lower` exceeds `allowed`; 1 if it must be 0.49 or more."""
        from scipy.optimize import brentq  # noqa: PLC0415  # importing this package must not import scipy

        if self.lower(0.49) <= allowed:
            return 1.0
        if self.lower(_SMALLEST_P) > allowed:
            return _SMALLEST_P
        exponent = brentq(lambda power: self.lower(10.0**power) - allowed, np.log10(_SMALLEST_P), np.log10(0.49))
        return float(10.0**exponent)

    def _effective_size(self, alpha: float) -> float:
        """Number of independent requests with the same information; 0 if the spread is unknown."""
        return effective_size(self.total, self.bursts, self.design_effect, alpha)

    def verdict(self, allowed: float, alpha: float) -> Verdict:
        """PASS if the true share is below `allowed`, FAIL if above, INCONCLUSIVE if too close to call, at `alpha` per side."""
        if self.lower(alpha) > allowed:
            return Verdict.FAIL
        return Verdict.PASS if self.upper(alpha) < allowed else Verdict.INCONCLUSIVE


def effective_size(total: float, bursts: int, design_effect: float, alpha: float) -> float:
    """Korn and Graubard's size: `total` over the design effect, and less for few bursts; 0 with fewer than two."""
    from scipy.special import ndtri, stdtrit  # noqa: PLC0415  # importing this package must not import scipy

    if bursts < 2:
        return 0.0
    freedom = float(ndtri(1 - alpha) / stdtrit(bursts - 1, 1 - alpha)) ** 2
    return min(total, total / design_effect * freedom)


def percentile_interval(bursts: Sequence[Times], threshold: Threshold, at_limit: Proportion, allowed: float, alpha: float) -> Interval:
    """The smallest and the largest limit, in milliseconds, at which the rule is undecided.

    `at_limit` is the share at the limit itself: the range never contradicts its verdict, and uses its inflation throughout.
    An end is `None` if no limit is decided on that side: no limit is large enough for requests without a time.
    """
    verdict = at_limit.verdict(allowed, alpha)
    values = Histogram.merged(burst.times for burst in bursts).values
    sizes = [burst.size for burst in bursts]
    less = threshold.expression.wants_less

    def verdict_at(micros: float) -> Verdict:
        slow = [burst.longer_than(micros) for burst in bursts]
        bad = slow if less else [burst.size - count + burst.lost for burst, count in zip(bursts, slow, strict=True)]
        return Proportion.of(bad, sizes, at_limit.inflation).verdict(allowed, alpha)

    limit = int(np.searchsorted(values, threshold.expression.limit * 1000))
    below, above = (Verdict.FAIL, Verdict.PASS) if less else (Verdict.PASS, Verdict.FAIL)
    first_open = _first(lambda index: verdict_at(values[index]) is not below, *_side(limit, len(values), up=verdict is below))
    first_decided = _first(lambda index: verdict_at(values[index]) is above, *_side(limit, len(values), up=verdict is not above))
    low = float(values[first_open - 1]) / 1000 if first_open else None
    high = float(values[first_decided]) / 1000 if first_decided < len(values) else None
    if verdict is below:
        low = max(low or 0.0, threshold.expression.limit)
    if verdict is above:
        high = min(high or math.inf, threshold.expression.limit)
    return low, high


def serial_correlation(deviations: NDArray[np.float64]) -> float:
    """The correlation (0 to below 1) between neighboring deviations of bursts from their mean, in chronological order.

    The estimate from K bursts is too small by 1/K on average, which is added; it is then averaged with the typical one by weight.
    """
    bursts, squares = len(deviations), float(np.square(deviations).sum())
    if not squares:
        return TYPICAL_CORRELATION
    estimate = float((deviations[1:] * deviations[:-1]).sum()) / squares + 1 / bursts
    return max(0.0, (bursts * estimate + TYPICAL_WEIGHT * TYPICAL_CORRELATION) / (bursts + TYPICAL_WEIGHT))


def variance_inflation(deviations: NDArray[np.float64]) -> float:
    """Factor by which the variance of an average exceeds that of independent bursts; 1 or more."""
    correlation = serial_correlation(deviations)
    return (1 + correlation) / (1 - correlation)


def _side(limit: int, count: int, *, up: bool) -> tuple[int, int]:
    """The range of indexes on one side of the limit."""
    return (min(limit, count), count) if up else (0, min(limit, count))


def _first(holds: Callable[[int], bool], start: int, stop: int) -> int:
    """The first index from `start` at which `holds` is true, assuming it stays true from there on; `stop` if there is none."""
    return bisect_left(range(start, stop), True, key=holds) + start  # noqa: FBT003  # bisect compares it with the result of `holds`
