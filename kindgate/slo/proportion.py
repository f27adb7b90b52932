"""The share of bad requests, with an interval from the spread between bursts.

Requests of one burst are correlated, so a burst is one cluster of a cluster sample: the interval is that of Korn and
Graubard (1998), Survey Methodology 24:193-201, an exact binomial interval for the effective sample size. Neighboring
bursts are correlated too, which inflates the variance between bursts (`kindgate.slo.serial`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kindgate.model import Verdict
from kindgate.slo.serial import variance_inflation

UNSEEN_DESIGN_EFFECT = 5.0
"""Design effect assumed if the bursts show none, because nothing or everything was bad."""

_SMALLEST_P = 1e-15


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
        some = size > 0
        if not some.any():
            raise ValueError("no requests")
        size, wrong = size[some], np.asarray(bad, np.float64)[some]
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
