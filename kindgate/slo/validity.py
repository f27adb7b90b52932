"""Validity checks: whether the generator and its machine were good enough for a verdict about the service.

A frozen or overloaded server fails no check: requests that wait for a slot behind unanswered ones are not late by the
generator's fault, and completions are not checked. Generators run before all other programs, so their own delay does not
reveal programs that take CPU time from the server: that is a separate check, and verdicts that those programs cannot
explain hold in spite of it, because they make responses slow or late but never wrong.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from kindgate.figures import milliseconds, percent
from kindgate.histogram import Histogram
from kindgate.model import Verdict
from kindgate.slo.counts import counts_of, times_of
from kindgate.slo.intervals import Proportion
from kindgate.slo.rules import allowed_share
from kindgate.slo.sample import BurstSample
from kindgate.slo.threshold import MetricType, Threshold

LAG_FLOOR = 1.0
"""Generator delay (`loop_lag`) in milliseconds that is always allowed, at the 99th percentile."""

LAG_SHARE = 0.05
"""Generator delay allowed as a share of the tightest latency limit."""

ON_TIME_SHARE = 0.99

STEAL_SHARE = 0.05

CPU_SHARE = 0.80

FOREIGN_SHARE = 0.15
"""Maximum share of the machine's CPU time for programs outside the run and its cluster."""

PRESSURE_SHARE = 0.25
"""CPU pressure (PSI's `cpu some`) above which other programs may be the cause of a missed limit on a time.

Bursts at 500 to 4,000 requests per second to a trivial server, two cores: 2 to 23 % without other programs, 12 to 75 % with
one on each core (`python -m bench.pressure`).
"""

FOREIGN = "foreign CPU"
"""Name of the check for programs outside the run and its cluster."""

PRESSURE = "CPU pressure"
"""Name of the check that applies only to missed limits on times."""


class Fault(enum.Enum):
    """The cause of a failed check, which determines the verdicts that hold in spite of it.

    `GENERATOR`: requests late or lost; a large enough FAIL holds. `MACHINE`: it slowed the service too; no verdict holds.
    `OTHERS`: other programs took CPU time, which makes responses late but never wrong.
    """

    GENERATOR = enum.auto()
    MACHINE = enum.auto()
    OTHERS = enum.auto()


@dataclass(frozen=True)
class ValidityCheck:
    """One validity condition: the measured and the required value, in words; `advice` applies when it failed.

    `ok` is `None` if the value is unknown or only reported.
    """

    name: str
    ok: bool | None
    measured: str
    required: str = ""
    advice: str = ""
    fault: Fault = Fault.GENERATOR

    @property
    def failed(self) -> bool:
        """Whether it rules out a verdict."""
        return self.ok is False


def check_validity(
    samples: Sequence[BurstSample], tightest_latency: float | None, *, allow_missing: bool = False, by_pressure: bool = False
) -> tuple[ValidityCheck, ...]:
    """All checks for these bursts together; `tightest_latency` (ms) is the smallest limit on a response time.

    With `allow_missing`, load lost with its generator fails no check. `by_pressure` is for a server outside this run's
    cluster, whose CPU time cannot be separated from that of other programs: CPU pressure is then a check.
    """
    lag = Histogram.merged(sample.health.loop_lag for sample in samples)
    return (
        _lag_check(lag, tightest_latency),
        _on_time_check(samples),
        _steal_check(_average((sample.health.steal, sample.seconds) for sample in samples)),
        _cpu_check(_average((sample.health.cpu_share, sample.seconds) for sample in samples)),
        _missing_check(max((sample.health.missing for sample in samples), default=0.0), allow_missing=allow_missing),
        _foreign_check(_average((sample.health.foreign, sample.seconds) for sample in samples), by_pressure=by_pressure),
        _pressure_check(_average((sample.health.pressure, sample.seconds) for sample in samples), by_pressure=by_pressure),
    )


def comparison_validity(checks: Iterable[ValidityCheck]) -> tuple[ValidityCheck, ...]:
    """The checks of a comparison: other programs affect both versions alike, so their share is only reported."""
    reported = "reported only, because both versions share the machine"
    return tuple(
        replace(check, ok=None, required=reported) if check.fault is Fault.OTHERS and check.ok is not None else check for check in checks
    )


def largest_lateness(samples: Sequence[BurstSample]) -> float:
    """The most that the generator can have added to a response time, in microseconds.

    Twice its largest delay: a stall delays both sending a request and reading its response.
    """
    return 2.0 * max((sample.health.loop_lag.max for sample in samples if sample.health.loop_lag.count), default=0)


def is_about_time(threshold: Threshold) -> bool:
    """Whether it judges a time, which depends on the CPU time left by other programs."""
    return threshold.selector.metric.type is MetricType.TREND


def holds_despite_foreign_load(threshold: Threshold, verdict: Verdict, samples: Sequence[BurstSample], alpha: float) -> bool:
    """Whether `verdict` holds regardless of the CPU time used by other programs.

    A FAIL does if wrong responses (by status or body) suffice for it, with `alpha` allowed per side; any other verdict
    does unless it is about time.
    """
    return missed_by_wrong_responses(threshold, samples, alpha) if verdict is Verdict.FAIL else not is_about_time(threshold)


def missed_by_wrong_responses(threshold: Threshold, samples: Sequence[BurstSample], alpha: float | None = None) -> bool:
    """Whether `threshold`, which is missed, would be missed if only responses with a wrong status or body counted as bad.

    For a threshold on a share, `alpha` selects the lower end of the interval; without `alpha` the share itself decides.
    """
    counts_per_burst = _wrong_responses(threshold, samples)
    if counts_per_burst is None:
        return True
    wrong, sizes = counts_per_burst
    if not sum(sizes):
        return _has_responses(threshold, samples)
    return sum(wrong) > 0 and _misses_by(threshold, Proportion.of(wrong, sizes), alpha)


def _lag_check(lag: Histogram, tightest: float | None) -> ValidityCheck:
    if not lag.count:
        return ValidityCheck("loop lag", None, "unknown")
    p99 = lag.percentile(99) / 1000
    if tightest is None:
        return ValidityCheck("loop lag", None, f"p99 {milliseconds(p99)}", "reported only, because no objective limits response times")
    allowed = max(LAG_FLOOR, LAG_SHARE * tightest)
    return ValidityCheck(
        "loop lag",
        p99 <= allowed,
        f"p99 {milliseconds(p99)}",
        f"at most {milliseconds(allowed)}",
        "lower the rate, send from more processes or another machine, or keep other work off this machine",
    )


def _on_time_check(samples: Sequence[BurstSample]) -> ValidityCheck:
    scheduled = sum(sample.health.scheduled for sample in samples)
    if not scheduled:
        return ValidityCheck("requests sent", None, "unknown")
    share = sum(sample.health.punctual for sample in samples) / scheduled
    advice = "lower the rate, or send from more processes or another machine"
    return ValidityCheck(
        "requests sent", share >= ON_TIME_SHARE, f"{percent(share)} of the schedule", f"at least {percent(ON_TIME_SHARE)}", advice
    )


def _steal_check(steal: float | None) -> ValidityCheck:
    if steal is None:
        return ValidityCheck("CPU steal", None, "unknown", fault=Fault.MACHINE)
    advice = "the machine's host is overcommitted: measure again later, or on a dedicated machine"
    return ValidityCheck("CPU steal", steal <= STEAL_SHARE, percent(steal), f"at most {percent(STEAL_SHARE)}", advice, fault=Fault.MACHINE)


def _cpu_check(share: float | None) -> ValidityCheck:
    if share is None:
        return ValidityCheck("generator CPU", None, "unknown")
    advice = "lower the rate, or send from more processes"
    return ValidityCheck("generator CPU", share < CPU_SHARE, f"{percent(share)} of its core", f"less than {percent(CPU_SHARE)}", advice)


def _missing_check(missing: float, *, allow_missing: bool) -> ValidityCheck:
    ok = missing <= 0 or allow_missing
    advice = "a load generator was lost: find out why, and measure again"
    return ValidityCheck("generators", ok, f"{percent(missing)} of the load missing", "none missing", advice)


def _foreign_check(share: float | None, *, by_pressure: bool) -> ValidityCheck:
    if share is None:
        why = "the server's CPU time is unknown" if by_pressure else "the CPU time of the cluster's nodes cannot be read from here"
        return ValidityCheck(FOREIGN, None, "unknown", why, fault=Fault.OTHERS)
    return ValidityCheck(
        FOREIGN,
        share <= FOREIGN_SHARE,
        f"{percent(share)} of the machine",
        f"at most {percent(FOREIGN_SHARE)}",
        "other programs took CPU time from the application: stop them, or measure on another machine",
        fault=Fault.OTHERS,
    )


def _pressure_check(pressure: float | None, *, by_pressure: bool) -> ValidityCheck:
    if pressure is None or not by_pressure:
        return ValidityCheck(PRESSURE, None, "unknown" if pressure is None else percent(pressure), "reported only")
    return ValidityCheck(
        PRESSURE,
        pressure <= PRESSURE_SHARE,
        percent(pressure),
        f"at most {percent(PRESSURE_SHARE)} if a limit is missed",
        "programs waited for a CPU: stop other programs on this machine, or lower the rate",
        fault=Fault.OTHERS,
    )


def _average(weighted: Iterable[tuple[float | None, float]]) -> float | None:
    """The average of the known values, weighted by seconds."""
    known = [(value, seconds) for value, seconds in weighted if value is not None]
    weight = sum(seconds for _, seconds in known)
    return sum(value * seconds for value, seconds in known) / weight if weight else None


def _misses_by(threshold: Threshold, wrong: Proportion, alpha: float | None) -> bool:
    """Whether this many wrong responses alone miss the threshold."""
    allowed = allowed_share(threshold)
    if wrong.bad == wrong.total:
        return True
    if allowed is not None:
        return (wrong.share if alpha is None else wrong.lower(alpha)) > allowed
    if is_about_time(threshold):
        return threshold.expression.aggregation == "max"  # one wrong response counts as slower than any limit
    failed = threshold.selector.metric.name == "http_req_failed"
    return not threshold.expression.holds(wrong.share if failed else 1 - wrong.share)


def _has_responses(threshold: Threshold, samples: Sequence[BurstSample]) -> bool:
    """Whether there were responses although nothing was counted: then no check is configured, whatever the machine does."""
    return any(series.response.count for sample in samples for series in sample.matching(threshold.selector.tag_map))


def _wrong_responses(threshold: Threshold, samples: Sequence[BurstSample]) -> tuple[list[int], list[int]] | None:
    """Wrong responses and requests of each burst; None if the threshold can only be missed by good responses."""
    selector, less = threshold.selector, threshold.expression.wants_less
    if selector.metric.type is MetricType.RATE:
        if less != (selector.metric.name == "http_req_failed") and not threshold.expression.compares_equal:
            return None
        counts = counts_of(selector, samples)
        return [count.wrong for count in counts], [count.size for count in counts]
    if selector.metric.type is MetricType.TREND:
        bursts = [times_of(selector, sample) for sample in samples]
        return [burst.wrong for burst in bursts], [burst.size for burst in bursts]
    return [0], [1]
