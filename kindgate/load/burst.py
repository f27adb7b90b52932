"""Send one burst: the entry point for callers of this package."""

from __future__ import annotations

from dataclasses import replace

from kindgate.load.plan import BurstPlan, ClosedLoop, OpenLoop
from kindgate.load.pool import GeneratorPool, OnRows, StopAsked
from kindgate.load.progress import OnProgress
from kindgate.load.result import BurstResult


def run_burst(
    plan: BurstPlan,
    *,
    pool: GeneratorPool | None = None,
    on_progress: OnProgress | None = None,
    stop: StopAsked | None = None,
    on_rows: OnRows | None = None,
) -> BurstResult:
    """Send `plan` with the generators of `pool`, or with new ones that exit after the burst.

    Ctrl-C, or `stop` returning True, ends the burst early; the result is then marked as interrupted and holds what was
    measured. `on_rows` receives the raw samples. Raises `LoadError` if the plan cannot be sent from this machine.
    """
    if pool is not None:
        return pool.run(plan, on_progress=on_progress, stop=stop, on_rows=on_rows)
    with GeneratorPool() as own:
        return own.run(plan, on_progress=on_progress, stop=stop, on_rows=on_rows)


def warm_up(plan: BurstPlan, seconds: float, pool: GeneratorPool, *, stop: StopAsked | None = None) -> BurstResult:
    """Send `plan` for `seconds` at its own rate or number of users, to warm caches and connections on both sides; not judged.

    The schedule differs from the plan's, so caches are not warmed for the exact order of requests that follows.
    """
    loop = plan.loop
    if isinstance(loop, OpenLoop):
        calm: OpenLoop | ClosedLoop = OpenLoop.constant(loop.peak_rate, seconds=seconds, arrival=loop.arrival)
    else:
        calm = ClosedLoop(loop.users, seconds=seconds)
    return run_burst(replace(plan, loop=calm, seed=plan.seed + 1_000_003), pool=pool, stop=stop)
