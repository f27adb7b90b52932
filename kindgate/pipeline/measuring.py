"""Progress lines for a series of bursts."""

from __future__ import annotations

from collections.abc import Callable

from kindgate.load.result import BurstResult
from kindgate.pipeline.campaign import OnBurst
from kindgate.pipeline.phases import PhaseLog
from kindgate.slo.compare import Comparison
from kindgate.slo.judgement import Judgement

EVERY = 5
"""Bursts between two lines: about one every ten seconds."""


def burst_line(log: PhaseLog) -> OnBurst:
    """Report the last result every `EVERY` bursts."""

    def show(number: int, planned: int, result: BurstResult) -> None:
        if number % EVERY == 0 or number == planned:
            total = result.total
            p95 = f"p95 {total.response.percentile(95) / 1000:.1f} ms" if total.response.count else "no response"
            redirects = f", {total.redirects:,} answered with redirects" if total.mostly_redirects else ""
            log.say(f"burst {number} of {planned}: {total.scheduled:,} requests, {p95}, {total.failures:,} failed{redirects}")

    return show


def look_line(log: PhaseLog) -> Callable[[Judgement | Comparison], None]:
    """Report the verdict of each look."""
    return lambda found: log.say(f"look {found.look} of {found.looks}: {found.verdict}")


def confirmation_line(log: PhaseLog) -> Callable[[Comparison], None]:
    """Report the verdict of a comparison after its confirmation round."""
    return lambda found: log.say(f"confirmation round: {found.verdict}")
