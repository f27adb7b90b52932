"""What the figures are held against."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.closed import OURS, Flood
from bench.frozen import Honesty
from bench.punctual import Punctuality
from bench.sizes import Sizes


@dataclass(frozen=True)
class Goal:
    """One goal: what is measured, what it has to be, what it was."""

    name: str
    wanted: str
    measured: str
    met: bool


def goals(floods: Sequence[Flood], lags: Sequence[Punctuality], honesties: Sequence[Honesty], sizes: Sizes) -> Iterator[Goal]:
    """All goals of the load engine."""
    by_name = {flood.tool: flood for flood in floods}
    ours = by_name[OURS]
    yield Goal("closed loop relative to wrk -t2", ">= 0.60", f"{ours.of_wrk:.2f}", ours.of_wrk >= 0.60)
    for name, factor in (("Locust FastHttpUser x2", 7), ("k6", 3), ("requests loop", 60)):
        if name in by_name:
            ratio = ours.of_wrk / by_name[name].of_wrk
            yield Goal(f"throughput relative to {name}", f">= {factor}x", f"{ratio:.1f}x", ratio >= factor)
    yield from _lag_goals(lags, by_name["wrk -t2"])
    for row in honesties:
        if row.tool.startswith("kindgate"):
            bounds = f"p90 {row.low[0]:.0f}-{row.high[0]:.0f}, p99 {row.low[1]:.0f}-{row.high[1]:.0f} ms"
            yield Goal(f"frozen server, {row.tool}", bounds, f"p90 {row.p90:.0f}, p99 {row.p99:.0f} ms", row.honest)
    yield Goal("merge of 8 workers' histograms", "bit-exact", "exact" if sizes.merge_is_exact else "differs", sizes.merge_is_exact)
    yield Goal("a million samples on disk", "<= 15,000 bytes", f"{sizes.million:,} bytes", sizes.million <= 15_000)


def _lag_goals(lags: Sequence[Punctuality], wrk: Flood) -> Iterator[Goal]:
    for row in lags:
        shown = f"p50 {row.lag_p50:.0f} us, p99 {row.lag_p99:.0f} us, {row.achieved:.2%} achieved, {row.dropped} dropped"
        if row.rate == 1000:
            yield Goal("loop lag at 1,000/s", "p50 <= 20 us, p99 <= 250 us", shown, row.lag_p50 <= 20 and row.lag_p99 <= 250)
            cheap = row.cpu_share <= 0.15 or row.cpu_us <= 10 * wrk.cpu_us
            figures = f"{row.cpu_share:.1%}, {row.cpu_us / wrk.cpu_us:.1f}x"
            yield Goal("generator CPU at 1,000/s", "<= 15 % of a core, or <= 10x wrk's per request", figures, cheap)
        elif row.rate == 5000:
            yield Goal("loop lag at 5,000/s, one core", "p99 <= 1 ms, 0 dropped", shown, row.lag_p99 <= 1000 and not row.dropped)
        else:
            yield Goal("10,000/s, two cores", ">= 99 %, p99 <= 2 ms", shown, row.achieved >= 0.99 and row.lag_p99 <= 2000)
