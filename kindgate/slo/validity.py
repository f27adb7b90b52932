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
from kindgate.model import Verdict
from kindgate.slo.counts import counts_of, requests_of, times_of
from kindgate.slo.intervals import Proportion
from kindgate.slo.load_health import LoadHealth, weighted_average
from kindgate.slo.rules import allowed_share
from kindgate.slo.sample import BurstSample
from kindgate.slo.threshold import MetricType, Selector, Threshold
from kindgate.slo.usage import usage_of

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


ARRIVALS = "arrivals"
"""Name of the check for a load that waits for responses."""


class Fault(enum.Enum):
    """The cause of a failed check, which determines the verdicts that hold in spite of it.

    `GENERATOR`: requests late or lost; a large enough FAIL holds. `MACHINE`: it slowed the service too; no verdict holds.
    `OTHERS`: other programs took CPU time, which makes responses late but never wrong. `CLOSED_LOOP`: the load waited for
    responses, so times are too good: only a FAIL of a time holds.
    """

    GENERATOR = enum.auto()
    MACHINE = enum.auto()
    OTHERS = enum.auto()
    CLOSED_LOOP = enum.auto()


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
    return (
        *check_generator(LoadHealth.of(samples), tightest_latency, allow_missing=allow_missing),
        check_foreign(weighted_average((sample.health.foreign, sample.seconds) for sample in samples), by_pressure=by_pressure),
        _pressure_check(weighted_average((sample.health.pressure, sample.seconds) for sample in samples), by_pressure=by_pressure),
    )


def check_generator(health: LoadHealth, tightest_latency: float | None, *, allow_missing: bool = False) -> tuple[ValidityCheck, ...]:
    """The checks of the generator and of CPU time stolen from its machine; arguments as for `check_validity`."""
    return (
        _lag_check(health.lag, tightest_latency),
        _on_time_check(health.punctual),
        _steal_check(health.steal),
        _cpu_check(health.cpu_share),
        _missing_check(health.missing, allow_missing=allow_missing),
    )


def check_foreign(share: float | None, *, by_pressure: bool = False) -> ValidityCheck:
    """The check of programs outside the run and its cluster; `by_pressure` as for `check_validity`."""
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


def closed_loop_checks(samples: Sequence[BurstSample], thresholds: Iterable[Threshold]) -> tuple[ValidityCheck, ...]:
    """The check that no objective on a time is judged from a closed loop; empty for open loops.

    In a closed loop a slow server gets fewer requests, and the users who would have come meanwhile are in no figure.
    """
    loops = dict.fromkeys(sample.closed_loop for sample in samples if sample.closed_loop)
    if not loops:
        return ()
    if not any(is_about_time(threshold) for threshold in thresholds):
        return (ValidityCheck(ARRIVALS, None, f"closed loop: {', '.join(loops)}", "reported only, because no objective is about a time"),)
    return (
        ValidityCheck(
            ARRIVALS,
            ok=False,
            measured=f"closed loop: {', '.join(loops)}",
            required="open loop, for objectives on times",
            advice="a load that waits for responses hides slow ones: judge times with a rate of requests (an open loop)",
            fault=Fault.CLOSED_LOOP,
        ),
    )


def holds_despite_closed_loop(threshold: Threshold, verdict: Verdict) -> bool:
    """Whether `verdict` holds although the load waited for responses, which can only make times look better."""
    return verdict is Verdict.FAIL or not is_about_time(threshold)


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


def _lag_check(p99: float | None, tightest: float | None) -> ValidityCheck:
    if p99 is None:
        return ValidityCheck("loop lag", None, "unknown")
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


def _on_time_check(share: float | None) -> ValidityCheck:
    if share is None:
        return ValidityCheck("requests sent", None, "unknown")
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
    return any(series.response.count for sample in samples for series in requests_of(threshold.selector, sample))


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


def usage_check(selector: Selector, samples: Sequence[BurstSample]) -> ValidityCheck:
    """Whether the resources of the selected workloads are known in every burst."""
    unknown = sum(usage_of(selector, sample) is None for sample in samples)
    known = sorted({usage.tags.get("workload", "") for sample in samples for usage in sample.usage})
    return ValidityCheck(
        "resource usage",
        ok=not unknown,
        measured=f"unknown in {unknown} of {len(samples)} bursts" if unknown else "known",
        required="known in every burst",
        advice=f"metered workloads: {', '.join(known)}" if known else "measure where the nodes' control groups can be read",
        fault=Fault.MACHINE,
    )
