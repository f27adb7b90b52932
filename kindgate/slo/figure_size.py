"""How many requests a compared percentile needs.

A figure of a comparison is one percentile of each version in one burst. With fewer than one request beyond it on average, it is
the slowest request, whatever the percentile's name: of 100 runs with a route that is 30 % slower (15 % tolerated), 20 to 53
find it. With ten, all of them do, and equal versions pass in 95 or more (`python -m bench.small_routes`).
"""

from __future__ import annotations

import math

LEAST_BEYOND = 1.0
"""Least number of requests beyond a compared percentile, in each burst and version."""

ENOUGH_BEYOND = 10.0
"""Number of requests beyond the percentile with which the default number of bursts decides nearly every comparison."""


def beyond(requests: float, quantile: float) -> float:
    """Number of `requests` that are slower than their percentile (0 to 100), on average."""
    return requests * (1 - quantile / 100)


def needed_requests_beyond(count: float, quantile: float) -> int:
    """Number of requests of which `count` are slower than their percentile (0 to 100)."""
    return math.ceil(count / (1 - quantile / 100) - 1e-9)
