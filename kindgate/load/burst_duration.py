"""How long the generators of a burst may take: to prepare it, and to send it. Pure."""

from __future__ import annotations

from typing import Final

from kindgate.load.plan import BurstPlan, OpenLoop

SCHEDULED_PER_SECOND: Final = 500_000
"""Requests that a generator can schedule per second, at least; the values of a variable for as many take no longer."""


def preparation_seconds(plan: BurstPlan) -> float:
    """Seconds in which each generator has computed the intended times, and the values of variables."""
    return plan.loop.count * (1 + len(plan.variables)) / SCHEDULED_PER_SECOND if isinstance(plan.loop, OpenLoop) else 0.0


def longest_timeout(plan: BurstPlan) -> float:
    """The timeout in seconds of the route that has the longest one."""
    return max(route.timeout or plan.timeout for route in plan.routes)


def max_duration(plan: BurstPlan) -> float:
    """Seconds after which the last request and the last journey of `plan` have succeeded or failed."""
    loop = plan.loop
    timeouts = [route.timeout or plan.timeout for route in plan.routes]
    longest = longest_timeout(plan)
    if isinstance(loop, OpenLoop):
        journeys = [sum(step.think + timeouts[step.route] for step in journey.steps) for journey in plan.journeys if journey.weight]
        return loop.seconds + max(longest, *journeys, 0.0)
    if loop.seconds is not None:
        return loop.seconds + longest
    return (loop.requests or 0) / loop.users * longest + longest
