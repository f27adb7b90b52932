"""The goals for the results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.arrival_timing import ArrivalTiming
from bench.coordinated_omission import OmissionResult
from bench.noise_filter import is_quiet
from bench.real_runs import FAILS_ALLOWED, RUNS_WANTED, RealRuns
from bench.recorded import LEAST_BURSTS
from bench.sizes import Sizes
from bench.throughput import KINDGATE, ThroughputSample
from bench.verdicts import RECORDED_BUSY, RECORDED_QUIET, ErrorRates, Row
from bench.workload_cost import FILLED, JOURNEYS, WorkloadCost
from kindgate.model import Verdict

_SOURCES = {
    RECORDED_QUIET: "on bursts of equal deployments, quiet machine",
    RECORDED_BUSY: "on bursts of equal deployments, busy machine",
}
"""The source of error rates on recordings, as goal names show it."""


@dataclass(frozen=True)
class Goal:
    """One goal: the measurement, the required value, and the measured one."""

    name: str
    wanted: str
    seen: str
    met: bool


def load_goals(
    throughput: Sequence[ThroughputSample], timings: Sequence[ArrivalTiming], omissions: Sequence[OmissionResult], sizes: Sizes
) -> Iterator[Goal]:
    """Yield the load engine's goals. A goal that needs a missing tool is not met."""
    by_name = {flood.tool: flood for flood in throughput}
    kindgate = by_name[KINDGATE]
    yield Goal(
        "closed loop on 2 cores, requests/s relative to `wrk -t2`",
        ">= 0.60",
        f"{kindgate.of_wrk:.2f}{_disturbance_note(kindgate)}",
        kindgate.of_wrk >= 0.60,
    )
    for name, factor in (("Locust FastHttpUser x2", 3), ("k6", 2)):
        tool = by_name.get(name)
        ratio = kindgate.of_wrk / tool.of_wrk if tool else 0.0
        seen = f"{ratio:.1f}x{_disturbance_note(kindgate, *([tool] if tool else []))}" if tool else "not installed"
        yield Goal(f"throughput relative to {name}", f">= {factor}x", seen, ratio >= factor)
    yield from _timing_goals(timings, by_name["wrk -t2"])
    for row in omissions:
        if row.tool.startswith("kindgate"):
            wanted = f"p90 {row.low[0]:.0f}-{row.high[0]:.0f}, p99 {row.low[1]:.0f}-{row.high[1]:.0f} ms, FAIL"
            seen = f"p90 {row.p90:.0f}, p99 {row.p99:.0f} ms, {row.verdict} (T = {row.frozen:.1f} ms){_disturbance_note(row)}"
            met = row.within_bounds and row.verdict == Verdict.FAIL.value
            yield Goal(f"server frozen for 0.5 s of 3 at 1,000/s: {row.tool}", wanted, seen, met)
    yield Goal("merge of 8 workers' histograms", "bit-exact", "bit-exact" if sizes.merge_is_exact else "differs", sizes.merge_is_exact)
    yield Goal("histogram of a million samples on disk", "<= 15,000 bytes", f"{sizes.million:,} bytes", sizes.million <= 15_000)


def _timing_goals(timings: Sequence[ArrivalTiming], wrk: ThroughputSample) -> Iterator[Goal]:
    for row in timings:
        lag, note = f"p50 {row.lag_p50:.0f} us, p99 {row.lag_p99:.0f} us", _disturbance_note(row)
        if row.rate == 1000:
            yield Goal("loop lag at 1,000/s", "p50 <= 20 us, p99 <= 250 us", lag + note, row.lag_p50 <= 20 and row.lag_p99 <= 250)
            is_cheap = row.cpu_share <= 0.15 or row.cpu_us <= 10 * wrk.cpu_us
            figures = f"{row.cpu_share:.1%}, {row.cpu_us / wrk.cpu_us:.1f}x{note}"
            yield Goal("generator CPU at 1,000/s", "<= 15 % of a core, or <= 10x wrk's per request", figures, is_cheap)
        elif row.rate == 5000:
            met = row.lag_p99 <= 1000 and not row.dropped
            yield Goal("loop lag at 5,000/s on one core", "p99 <= 1 ms, 0 dropped", f"{lag}, {row.dropped} dropped{note}", met)
        else:
            met = row.achieved >= 0.99 and row.lag_p99 <= 2000
            yield Goal("10,000/s on two cores", ">= 99 % sent, lag p99 <= 2 ms", f"{row.achieved:.2%}, {lag}{note}", met)


def workload_goals(costs: Sequence[WorkloadCost]) -> Iterator[Goal]:
    """Yield the goals for requests that differ and for journeys."""
    for row in costs:
        note = _disturbance_note(row)
        if row.name == FILLED:
            yield Goal("CPU per filled POST relative to a plain GET", "<= 1.3x", f"{row.of_plain:.2f}x{note}", row.of_plain <= 1.3)
        if row.name in {FILLED, JOURNEYS}:
            sent = f"{row.achieved:.2%}, {row.failed} failed, loop lag p99 {row.lag_p99:.0f} us{note}"
            met = row.achieved >= 0.99 and not row.failed and row.lag_p99 <= 250
            yield Goal(f"on time: {row.name}", ">= 99 % sent, 0 failed, loop lag p99 <= 250 us", sent, met)


def verdict_goals(rates: ErrorRates, real: RealRuns | None) -> Iterator[Goal]:
    """Yield the verdicts' goals; those about real bursts are not met without a recording."""
    experiments: dict[tuple[str, str], list[Row]] = {}
    for row in rates.rows:
        if row.goal:
            source = _SOURCES.get(row.generator, "simulated")
            experiments.setdefault((f"{row.name}, {source}", row.goal), []).append(row)
    for (name, goal), rows in experiments.items():
        verdict, _, wanted = goal.partition(" ")
        yield Goal(f"{verdict} in {rows[0].runs:,} runs: {name}", wanted, "; ".join(map(_rate, rows)), all(row.met for row in rows))
    is_long_enough = rates.recorded_bursts >= LEAST_BURSTS
    yield Goal(
        "bursts of two equal deployments recorded on a real cluster", f">= {LEAST_BURSTS}", str(rates.recorded_bursts), is_long_enough
    )
    name, wanted = "FAIL of two equal deployments on a real cluster, end to end", "at most 2 in 30 runs"
    quiet = real.at(0.0) if real else RealRuns(())
    met = quiet.total >= RUNS_WANTED and quiet.failed <= FAILS_ALLOWED
    yield Goal(name, wanted, quiet.summary if quiet.runs else "not run", met)


def _rate(row: Row) -> str:
    """Format the share that a goal is about, with its upper bound."""
    share = row.failed if row.goal.startswith(Verdict.FAIL) else row.passed
    return f"{row.generator} {share:.1%} (bound {row.bound:.1%})"


def _disturbance_note(*rows: ThroughputSample | ArrivalTiming | OmissionResult | WorkloadCost) -> str:
    """Format the remark on rows without any quiet sample."""
    loudest = max(rows, key=lambda row: row.foreign)
    return "" if is_quiet(loudest) else f" (others used {loudest.foreign:.1f} cores)"
