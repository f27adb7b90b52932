"""Compare an application with itself repeatedly on a real cluster, and record verdicts and bursts.

    python -m bench.record [--minutes 6] [--runs 30] [--foreign CORES]

Two copies of this folder's application are deployed as for `kindgate compare`. Each run is a full comparison with its own
request schedule: 10 duet bursts of 2 s at 500 requests per second for each interim look, up to three looks, and the
confirmation round, before which both copies are redeployed; the tolerance at p(95) is 10 %. New runs are added to the
recorded ones, so several sessions can share the work, each on a new cluster: delete bench/real_runs.json first if the
rules have changed. `--foreign` keeps 0, 0.3, 1 or 2 cores busy with other programs; without it the machine must be
otherwise idle. The cluster is deleted at the end.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.busy import busy_programs
from bench.real_runs import RUNS_WANTED, RealRun, RealRuns, read_real_runs, write_real_runs
from bench.recorded import LEAST_BURSTS, RECORDING, read_recording, write_recording
from kindgate.load.result import BurstResult
from kindgate.pipeline.burst_samples import burst_sample
from kindgate.pipeline.comparison import MeasuredComparison, measure_and_compare
from kindgate.pipeline.environment import DeployedApplication
from kindgate.pipeline.judged_series import comparison_series
from kindgate.pipeline.load_lock import load_lock_of_run
from kindgate.pipeline.phases import new_run_id
from kindgate.pipeline.provisioner import Pipeline
from kindgate.progress import Progress
from kindgate.settings import Settings
from kindgate.settings_sources import build_settings
from kindgate.slo.objectives import Objectives, Tolerance
from kindgate.waiting import Deadline

RATE, SECONDS, BURSTS = 500.0, 2.0, 10
"""Requests per second over both versions, seconds of a burst, and bursts of a look."""

OBJECTIVES = Objectives(compare=(Tolerance(95.0, 0.10),))

FOREIGN = (0.0, 0.3, 1.0, 2.0)
"""Choices for the number of cores that other programs keep busy."""

COMPARISON_SECONDS = 200.0
"""Maximum duration of one comparison in seconds: three looks, confirmation round, warm-ups, and both redeployments."""


@dataclass(frozen=True)
class RecordedRun:
    """One comparison, with the bursts that decided it and its explanation."""

    run: RealRun
    bursts: tuple[BurstResult, ...]
    explanation: str


def comparisons(
    settings: Settings, minutes: float, more: Callable[[], bool], progress: Progress, *, first: int = 1, foreign: float = 0.0
) -> Iterator[RecordedRun]:
    """Run full comparisons on one cluster, each with its own schedule (from number `first`), while `more()` and time remains.

    `foreign` cores are kept busy during the comparisons, but not while the cluster is created.
    """
    deadline, number = Deadline.after(minutes * 60), first
    pipeline = Pipeline(settings, new_run_id(), progress)
    try:
        application = pipeline.environment_at(DeployedApplication)
        with busy_programs(foreign, minutes * 60):
            while more() and deadline.remaining > COMPARISON_SECONDS:
                compared = compare_once(pipeline, application, settings, number)
                if compared.origin.confirmation is not None:
                    application = replace(application, placement=compared.origin.confirmation.placement)
                yield _recorded_run(compared, foreign, pipeline.run_id)
                number += 1
    finally:
        pipeline.cleanup.close(failed=False)


def compare_once(pipeline: Pipeline, application: DeployedApplication, settings: Settings, number: int) -> MeasuredComparison:
    """Run a full comparison with the seeds of this number."""
    seeded = replace(settings, load=replace(settings.load, seed=1000 * number))
    burst_series = comparison_series(seeded, OBJECTIVES, application, load_lock_of_run(pipeline.run_id))
    return measure_and_compare(OBJECTIVES, burst_series, BURSTS, pipeline.swap_versions, placement=application.placement)


def _recorded_run(compared: MeasuredComparison, foreign: float, cluster: str) -> RecordedRun:
    (result,) = compared.comparison.results
    bursts = (*compared.bursts, *compared.confirmation)
    run = RealRun(
        result.verdict.value, len(bursts), result.change, _average_other_cpu(bursts), foreign, cluster, _average_foreign_cores(bursts)
    )
    return RecordedRun(run, bursts, result.explanation)


def _average_other_cpu(bursts: Sequence[BurstResult]) -> float:
    return round(sum(burst.health.other_cpu for burst in bursts) / len(bursts), 2)


def _average_foreign_cores(bursts: Sequence[BurstResult]) -> float | None:
    """Return the CPU use of programs outside the run, in cores; `None` if it is unknown for all bursts."""
    known = [burst.health.foreign for burst in bursts if burst.health.foreign is not None]
    return round(sum(known) / len(known) * (os.cpu_count() or 1), 2) if known else None


def needs_more_runs(real: RealRuns, runs_needed: int, foreign: float) -> bool:
    """Return whether more runs are needed; on a quiet machine only valid runs count, otherwise all do."""
    runs = real.at(foreign)
    return (len(runs.runs) if foreign else runs.total) < runs_needed


def store(recorded: RecordedRun, stored: RealRuns, progress: Progress) -> None:
    """Add a run to its file, and its bursts to the quiet machine's recording while that is too short."""
    write_real_runs([*stored.runs, recorded.run])
    bursts = read_recording(RECORDING, least=0).bursts if RECORDING.exists() else ()
    if not recorded.run.foreign and len(bursts) < LEAST_BURSTS:
        write_recording(RECORDING, RATE, [*bursts, *(burst_sample(burst) for burst in recorded.bursts)])
    progress(f"{recorded.run}: {recorded.explanation}")


def recording_settings(environ: Mapping[str, str]) -> Settings:
    """Return settings that compare this folder's application with itself."""
    overlay = build_settings(Path.cwd(), {}, {}, environ).deploy.overlay
    requested = {"slo_base": str(overlay), "load_rate": RATE, "load_duration": SECONDS}
    return build_settings(Path.cwd(), requested, {}, environ)


def main() -> None:
    """Record comparisons, and print a summary of all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=6.0, help="how long to go on, the cluster's creation included")
    parser.add_argument("--runs", type=int, default=RUNS_WANTED, help="how many runs there are to be in all, of this kind of machine")
    parser.add_argument("--foreign", type=float, default=0.0, choices=FOREIGN, help="cores that other programs keep busy")
    options = parser.parse_args()
    settings, first = recording_settings(os.environ), 1 + len(_stored_runs().runs)

    def is_incomplete() -> bool:
        return needs_more_runs(_stored_runs(), options.runs, options.foreign)

    for recorded in comparisons(settings, options.minutes, is_incomplete, progress, first=first, foreign=options.foreign):
        store(recorded, _stored_runs(), progress)
    for level in _stored_runs().levels:
        sys.stdout.write(f"{level:g} cores used by others: {_stored_runs().at(level).summary}\n")


def _stored_runs() -> RealRuns:
    return read_real_runs() or RealRuns(())


def progress(text: str) -> None:
    """Print progress to stderr."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
