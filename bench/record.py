"""Compares an application with itself on a real cluster, again and again, and keeps verdicts and bursts.

    python -m bench.record [--minutes 6] [--runs 30]

Two deployments of this folder's application stand side by side, as `kindgate compare` has them; each run is a whole
comparison with a schedule of its own: 10 duet bursts of 2 s at 500 requests per second a look, up to three looks, and
the confirmation round, before which both are deployed again; p(95) may be 10 % slower. What is there already is kept and
added to, so that the work can be done in several sittings. The cluster is deleted at the end.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.provide import Say
from bench.real_runs import RUNS_WANTED, RealRun, read_real_runs, write_real_runs
from bench.recorded import RECORDING, read_recording, write_recording
from kindgate.load.result import BurstResult
from kindgate.pipeline.comparing import Compared, measure_and_compare
from kindgate.pipeline.duet import comparison_campaign
from kindgate.pipeline.lease import lease_of_run
from kindgate.pipeline.phases import new_run_id
from kindgate.pipeline.samples import burst_sample
from kindgate.pipeline.session import Pipeline
from kindgate.pipeline.stages import Provisioned, Stage
from kindgate.settings import Settings, build_settings
from kindgate.slo.objectives import Objectives, Tolerance
from kindgate.waiting import Deadline

RATE, SECONDS, BURSTS = 500.0, 2.0, 10
"""Requests per second over both versions, seconds of a burst, and bursts of a look."""

OBJECTIVES = Objectives(compare=(Tolerance(95.0, 0.10),))

LONGEST = 200.0
"""Seconds that one comparison takes at most: three looks, the confirmation round, warm-ups, and both deployments anew."""


def record(settings: Settings, wanted: int, minutes: float, say: Say) -> None:
    """Add runs until there are `wanted` decided or undecided ones, or until the time is up."""
    deadline = Deadline.after(minutes * 60)
    pipeline = Pipeline(settings, new_run_id(), say)
    try:
        standing = pipeline.reach(Stage.APP)
        while missing(wanted) and deadline.remaining > LONGEST:
            compared = compare_once(pipeline, standing, settings)
            keep(compared, say)
            if compared.origin.confirmation is not None:
                standing = replace(standing, placement=compared.origin.confirmation.placement)
    finally:
        pipeline.close(failed=False)


def missing(wanted: int) -> bool:
    """Whether fewer than `wanted` runs say something about the versions."""
    real = read_real_runs()
    return real is None or real.total < wanted


def compare_once(pipeline: Pipeline, standing: Provisioned, settings: Settings) -> Compared:
    """A whole comparison, with seeds that no other run has."""
    real = read_real_runs()
    seeded = replace(settings, load=replace(settings.load, seed=1000 * (1 + len(real.runs) if real else 1)))
    campaign = comparison_campaign(seeded, OBJECTIVES, standing, lease_of_run(pipeline.run_id))
    return measure_and_compare(OBJECTIVES, campaign, BURSTS, pipeline.exchange, placement=standing.placement)


def keep(compared: Compared, say: Say) -> None:
    """Add a run and its bursts to the files."""
    (result,) = compared.comparison.results
    real, bursts = read_real_runs(), (*compared.bursts, *compared.confirmation)
    run = RealRun(result.verdict.value, len(bursts), result.change, _busy(bursts))
    write_real_runs([*(real.runs if real else ()), run])
    earlier = read_recording(RECORDING, least=0).bursts if RECORDING.exists() else ()
    write_recording(RECORDING, RATE, [*earlier, *(burst_sample(burst) for burst in bursts)])
    say(f"{run}: {result.explanation}")


def _busy(bursts: Sequence[BurstResult]) -> float:
    return round(sum(burst.health.other_cpu for burst in bursts) / len(bursts), 2)


def main() -> None:
    """Record, and say what there is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=6.0, help="how long to go on, the cluster's creation included")
    parser.add_argument("--runs", type=int, default=RUNS_WANTED, help="how many runs there are to be in all")
    options = parser.parse_args()
    overlay = build_settings(Path.cwd(), {}, {}, os.environ).deploy.overlay
    given = {"slo_base": str(overlay), "load_rate": RATE, "load_duration": SECONDS}
    record(build_settings(Path.cwd(), given, {}, os.environ), options.runs, options.minutes, _say)
    real = read_real_runs()
    sys.stdout.write(f"{real.summary if real else 'no run'}\n")


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
