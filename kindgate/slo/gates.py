"""Validity gates: whether the generator and its machine were good enough for a verdict about the service.

A server that freezes or is overloaded breaks no gate: requests that wait for a slot behind unanswered ones are not
late by the generator's fault, and completions are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kindgate.figures import milliseconds, percent
from kindgate.histogram import Histogram
from kindgate.slo.sample import BurstSample

LAG_FLOOR = 1.0
"""Loop lag in milliseconds that is always allowed, at the 99th percentile."""

LAG_SHARE = 0.05
"""Loop lag that is allowed as a share of the tightest latency limit."""

PUNCTUAL_SHARE = 0.99
STEAL_SHARE = 0.05
CPU_SHARE = 0.80


@dataclass(frozen=True)
class Gate:
    """One condition of validity: what was measured and what is asked for, in words; `advice` when it is broken.

    `ok` is `None` for what is unknown or only reported. `generator` tells whether a broken gate is the generator's
    lateness or failure, which a large enough FAIL outlasts; stolen CPU time slows the service too.
    """

    name: str
    ok: bool | None
    measured: str
    asked: str = ""
    advice: str = ""
    generator: bool = True

    @property
    def broken(self) -> bool:
        """Whether it forbids a verdict."""
        return self.ok is False


def check_gates(samples: Sequence[BurstSample], tightest_latency: float | None, *, allow_missing: bool = False) -> tuple[Gate, ...]:
    """All gates for these bursts together; `tightest_latency` (ms) is the smallest limit on a response time.

    With `allow_missing`, load that was lost with its generator breaks no gate.
    """
    lag = Histogram.merged(sample.health.loop_lag for sample in samples)
    return (
        _lag_gate(lag, tightest_latency),
        _punctual_gate(samples),
        _steal_gate(_average((sample.health.steal, sample.seconds) for sample in samples)),
        _cpu_gate(_average((sample.health.cpu_share, sample.seconds) for sample in samples)),
        _missing_gate(max((sample.health.missing for sample in samples), default=0.0), allow_missing=allow_missing),
        _pressure(_average((sample.health.pressure, sample.seconds) for sample in samples)),
    )


def largest_lateness(samples: Sequence[BurstSample]) -> float:
    """The most that the generator can have added to a response time, in microseconds.

    Its largest loop lag, twice: a stall delays the sending of a request and the reading of its answer.
    """
    return 2.0 * max((sample.health.loop_lag.max for sample in samples if sample.health.loop_lag.count), default=0)


def _lag_gate(lag: Histogram, tightest: float | None) -> Gate:
    if not lag.count:
        return Gate("loop lag", None, "unknown")
    p99 = lag.percentile(99) / 1000
    if tightest is None:
        return Gate("loop lag", None, f"p99 {milliseconds(p99)}", "reported only, as no response time is limited")
    allowed = max(LAG_FLOOR, LAG_SHARE * tightest)
    return Gate(
        "loop lag",
        p99 <= allowed,
        f"p99 {milliseconds(p99)}",
        f"at most {milliseconds(allowed)}",
        "lower the rate, send from more processes or another machine, or keep other work off this one",
    )


def _punctual_gate(samples: Sequence[BurstSample]) -> Gate:
    scheduled = sum(sample.health.scheduled for sample in samples)
    if not scheduled:
        return Gate("requests sent", None, "unknown")
    share = sum(sample.health.punctual for sample in samples) / scheduled
    advice = "lower the rate, or send from more processes or another machine"
    return Gate(
        "requests sent", share >= PUNCTUAL_SHARE, f"{percent(share)} of the schedule", f"at least {percent(PUNCTUAL_SHARE)}", advice
    )


def _steal_gate(steal: float | None) -> Gate:
    if steal is None:
        return Gate("CPU steal", None, "unknown", generator=False)
    advice = "the machine's host is overcommitted: measure again later, or on a dedicated machine"
    return Gate("CPU steal", steal <= STEAL_SHARE, percent(steal), f"at most {percent(STEAL_SHARE)}", advice, generator=False)


def _cpu_gate(share: float | None) -> Gate:
    if share is None:
        return Gate("generator CPU", None, "unknown")
    advice = "lower the rate, or send from more processes"
    return Gate("generator CPU", share < CPU_SHARE, f"{percent(share)} of its core", f"less than {percent(CPU_SHARE)}", advice)


def _missing_gate(missing: float, *, allow_missing: bool) -> Gate:
    ok = missing <= 0 or allow_missing
    advice = "a load generator was lost: see why it ended, and measure again"
    return Gate("generators", ok, f"{percent(missing)} of the load missing", "none missing", advice)


def _pressure(pressure: float | None) -> Gate:
    return Gate("CPU pressure", None, "unknown" if pressure is None else percent(pressure), "reported only")


def _average(weighted: Iterable[tuple[float | None, float]]) -> float | None:
    """The average of the known values, weighted by seconds."""
    known = [(value, seconds) for value, seconds in weighted if value is not None]
    weight = sum(seconds for _, seconds in known)
    return sum(value * seconds for value, seconds in known) / weight if weight else None
