"""When the steady state is back after an action: no lost request, and p95 within 10 % of what it was before. Pure.

A window's p95 scatters by far more than 10 % if response times have a heavy tail. A window is therefore judged by how many
of its requests are slower than the limit: 5 % are expected, and more are accepted only as far as chance explains them.
`tests/unit/scenarios/test_recovery.py` shows how often that is wrong.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kindgate.load.raw_samples import OK, Column, Rows
from kindgate.load.schedule import NANOS

TOLERANCE: Final = 1.10
"""Limit of p95 as a multiple of that before the action."""

FLOOR: Final = NANOS // 1000
"""A p95 that is higher by this many nanoseconds is back too: the machine's scheduler alone can cause such a difference."""

STEP: Final = NANOS // 10
"""Resolution of a recovery time in nanoseconds."""

WINDOW_SECONDS: Final = 1.0

WINDOW_REQUESTS: Final = 100
"""Expected number of requests in a window, at least: with a lower rate, windows are longer."""

LONGEST_WINDOW_SECONDS: Final = 5.0
"""Windows are never longer, so a proof fits into the time after an action; fewer requests reveal only larger changes."""

GOOD_WINDOWS: Final = 3
"""Number of good windows in a row that prove the steady state; together they must be good as one window, too."""

CHANCE: Final = 0.001
"""Probability that a window of the steady state has more slow requests than accepted, if requests are independent."""


def recovered_at(rows: Rows, began: float, ended: float, until: float) -> float | None:
    """The time in seconds at which the first of `GOOD_WINDOWS` good windows begins; None if there are none before `until`.

    `rows` are the sent requests in the order of their intended times. The steady state is that of the requests answered
    before `began`; without any, it cannot return.
    """
    intended, outcome = rows[:, Column.INTENDED], rows[:, Column.OUTCOME]
    response = np.where(outcome == OK, rows[:, Column.DONE] - intended, 0)
    start = round(began * NANOS)
    usual = np.sort(response[(rows[:, Column.DONE] <= start) & (outcome == OK)])
    if not len(usual):
        return None
    rank = math.ceil(0.95 * len(usual))
    base = int(usual[rank - 1])
    slow = response > max(TOLERANCE * base, base + FLOOR)
    requests = _Requests(intended, outcome != OK, slow, _Usual(start, len(usual), rank))
    seconds = min(LONGEST_WINDOW_SECONDS, max(WINDOW_SECONDS, WINDOW_REQUESTS * began / len(usual)))
    steps = math.ceil(seconds * NANOS / STEP)
    first, last = round(ended * NANOS), round(until * NANOS)
    windows, proofs = (requests.good_windows(length, first, last) for length in (steps, GOOD_WINDOWS * steps))
    for index in range(GOOD_WINDOWS):
        proofs = proofs & windows[index * steps :][: len(proofs)]
    found = np.flatnonzero(proofs)
    return ended + int(found[0]) * STEP / NANOS if len(found) else None


@dataclass(frozen=True)
class _Usual:
    """The steady state until `end`: `answered` requests, with the limit derived from the response time of rank `rank`."""

    end: int
    answered: int
    rank: int


class _Requests:
    """Requests by intended time, ascending, each with whether it was `lost` or `slow`."""

    def __init__(self, intended: NDArray[np.int64], lost: NDArray[np.bool_], slow: NDArray[np.bool_], usual: _Usual) -> None:
        self._intended = intended
        self._lost, self._slow = (np.concatenate([[0], np.cumsum(each)]) for each in (lost, slow))
        self._usual = usual

    def good_windows(self, steps: int, start: int, end: int) -> NDArray[np.bool_]:
        """Whether each window of `steps` is good, of those that begin at every step from `start` on and end by `end`.

        It is if it has requests, none lost, and no more slow ones than chance explains or a window of the steady state had.
        """
        usual_first, usual_last = self._windows(steps, 0, self._usual.end)
        seen = int((self._slow[usual_last] - self._slow[usual_first]).max(initial=0))
        first, last = self._windows(steps, start, end)
        accepted = [max(seen, _most_slow(count, self._usual.answered, self._usual.rank)) for count in (last - first).tolist()]
        lost, slow = self._lost[last] - self._lost[first], self._slow[last] - self._slow[first]
        good: NDArray[np.bool_] = (last > first) & (lost == 0) & (slow <= np.array(accepted, np.int64))
        return good

    def _windows(self, steps: int, start: int, end: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """For each window, the index of its first request, and that of the first one after it."""
        starts = np.arange(start, end - steps * STEP + 1, STEP)
        return np.searchsorted(self._intended, starts), np.searchsorted(self._intended, starts + steps * STEP)


@functools.lru_cache(maxsize=4096)
def _most_slow(requests: int, earlier: int, rank: int) -> int:
    """The number that `requests` slower than the one of rank `rank` among `earlier` ones exceed with a probability of `CHANCE`.

    If all are exchangeable, the number of such exceedances follows the negative hypergeometric distribution, whatever the
    distribution of response times.
    """
    from scipy.special import betaln  # noqa: PLC0415  # importing this package must not import scipy

    above = np.arange(requests + 1)
    ways = betaln(above + earlier - rank + 1, requests - above + rank) - betaln(earlier - rank + 1, rank)
    probability = np.exp(ways - betaln(requests - above + 1, above + 1) - math.log(requests + 1))
    return int(np.searchsorted(np.cumsum(probability), 1 - CHANCE))
