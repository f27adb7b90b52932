"""Compare two versions repeatedly on a real cluster, one of them deliberately slower, and count the verdicts.

    python -m bench.planted slower|misplaced [--runs 10] [--minutes 60]

`slower`: the pull request's version is 15 % slower at p(95), with a tolerance of 10 %: at least nine of ten runs must FAIL.
Both versions also take 40 ms for every answer: p(95) of a server that answers at once moves by a factor of ten with the
machine, so a fixed delay would not stay at 15 %. `misplaced`: the version in the first place is 6 % slower, as on a busier
core; the versions change places before the confirmation round, so no run of ten may FAIL. Each run is a full comparison as
in `python -m bench.record`. The servers of bench/planted_application wait before each answer for a time that trial bursts
calibrate to the wanted change; the change in the last trial is printed. Requires an otherwise idle machine. The cluster is
deleted at the end.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from bench.record import BURSTS, OBJECTIVES, RATE, SECONDS, progress
from kindgate.deploy.node_placement import pods_of
from kindgate.host.command import run
from kindgate.model import Verdict
from kindgate.pipeline.burst_samples import burst_sample
from kindgate.pipeline.burst_series import BurstSeries
from kindgate.pipeline.comparison import MeasuredComparison, measure_and_compare
from kindgate.pipeline.environment import DeployedApplication, VersionSwap
from kindgate.pipeline.judged_series import base_of, comparison_series
from kindgate.pipeline.load_lock import load_lock_of_run
from kindgate.pipeline.phases import new_run_id
from kindgate.pipeline.provisioner import Pipeline
from kindgate.settings import Settings
from kindgate.settings_sources import build_settings
from kindgate.slo.compare import compare
from kindgate.waiting import Deadline

APPLICATION = Path(__file__).with_name("planted_application")

TRIAL_BURSTS, TRIALS = 12, 3
"""Bursts per calibration trial, and the number of corrections."""

COMPARISON_SECONDS = 200.0
"""Maximum duration of one comparison in seconds."""

EXEC_SECONDS = 30.0

OVERLOAD = 3.0
"""Multiple of the service time from which response times show an overloaded machine instead of the planted slowdown."""

_SERVE = "import sys, urllib.request; urllib.request.urlopen('http://127.0.0.1:5678/serve/' + sys.argv[1], timeout=5).read()"


@dataclass(frozen=True)
class PlantedSlowdown:
    """The slowdown at p(95), whether it stays with the place, and how many of ten runs may or must FAIL.

    `service` is how long every answer of both versions takes, in microseconds of sleep. The slower version sleeps longer, or
    spins if the service time is 0, as on a busier core. `rate` is in requests per second: servers that sleep cost more CPU
    time, because more of their requests are open at once.
    """

    change: float
    stays_in_place: bool
    fails: range
    service: float = 0.0
    rate: float = RATE

    def delays(self, extra: float) -> tuple[float, float]:
        """Return how long a version sleeps and spins before an answer that takes `extra` microseconds more than its service time."""
        return (self.service + extra, 0.0) if self.service else (0.0, extra)


SLOWDOWNS: Mapping[str, PlantedSlowdown] = MappingProxyType(
    {
        "slower": PlantedSlowdown(0.15, stays_in_place=False, fails=range(9, 11), service=40_000.0, rate=200.0),
        "misplaced": PlantedSlowdown(0.06, stays_in_place=True, fails=range(1)),
    }
)


class DelayControl:
    """Sets how long the pods of both versions on one cluster wait before an answer."""

    def __init__(self, application: DeployedApplication, slowdown: PlantedSlowdown) -> None:
        self._application = application
        self._slowdown = slowdown

    def delay(self, head: float, base: float) -> None:
        """Make each version's answers take its number of microseconds more than their service time."""
        names = base_of(self._application).namespaces
        for namespaces, extra in ((names.keys(), head), (names.values(), base)):
            delays = "/".join(str(round(microseconds)) for microseconds in self._slowdown.delays(extra))
            for pod in pods_of(namespaces, self._application.address, Deadline.after(EXEC_SECONDS)):
                self._execute(pod["metadata"]["namespace"], pod["metadata"]["name"], delays)

    def _execute(self, namespace: str, pod: str, delays: str) -> None:
        cluster = self._application.cluster
        kubectl: list[str | Path] = [cluster.kubectl, "--kubeconfig", cluster.address.kubeconfig, "--namespace", namespace]
        command = ["exec", pod, "--", "/usr/bin/python3", "-c", _SERVE, delays]
        run([*kubectl, *command], deadline=Deadline.after(EXEC_SECONDS))


@dataclass(frozen=True)
class Trial:
    """The extra time of the slower version's answers in microseconds, and the slowdown it showed."""

    microseconds: float
    change: float


def calibrate_delay(change: float, measure: Callable[[float], tuple[float, float]]) -> Trial:
    """Calibrate the extra time for `change`.

    `measure` runs both versions while the slower one's answers take the given microseconds more, and returns the change and
    the other version's p(95) in microseconds. Response times grow by about the extra time.
    """
    measured, usual = measure(0.0)
    microseconds = change * usual
    for _ in range(TRIALS):
        measured, usual = measure(microseconds)
        microseconds = max(0.0, microseconds + (change - measured) * usual)
    measured, _ = measure(microseconds)
    return Trial(microseconds, measured)


def is_overloaded(usual: float, slowdown: PlantedSlowdown) -> bool:
    """Return whether a p(95) of `usual` microseconds is that of an overloaded machine, on which no slowdown can be planted."""
    return slowdown.service > 0 and usual > OVERLOAD * slowdown.service


class Comparisons:
    """Full comparisons on one cluster, with one version slower by the planted amount."""

    def __init__(self, pipeline: Pipeline, settings: Settings, slowdown: PlantedSlowdown) -> None:
        self._pipeline, self._settings, self._slowdown = pipeline, settings, slowdown
        self._application = pipeline.environment_at(DeployedApplication)
        self._pods = DelayControl(self._application, slowdown)
        self._series = 0

    def trial(self) -> Trial:
        """Calibrate the slower version's extra time for the planted change."""

        def measure(microseconds: float) -> tuple[float, float]:
            self._pods.delay(microseconds, 0.0)
            bursts = self._new_series().extend(TRIAL_BURSTS)
            (result,) = compare(OBJECTIVES.compare, [burst_sample(burst) for burst in bursts], look=1, looks=1).results
            if result.change is None or result.base is None:
                raise SystemExit(f"the trial shows nothing: {result.explanation}")
            progress(f"{microseconds:.0f} us more: {result.change:+.1%}, base {result.base:.2f} ms")
            if is_overloaded(result.base * 1000, self._slowdown):
                raise SystemExit(
                    f"the machine is overloaded: p(95) of servers that take {self._slowdown.service / 1000:.0f} ms is {result.base:.0f} ms"
                )
            return result.change, result.base * 1000

        return calibrate_delay(self._slowdown.change, measure)

    def compare(self, microseconds: float) -> MeasuredComparison:
        """Run one comparison with the head slower, or the base after the swap if the slowdown stays with the place."""
        self._pods.delay(microseconds, 0.0)

        def swap_versions() -> VersionSwap:
            swap = self._pipeline.swap_versions()
            self._pods.delay(*((0.0, microseconds) if self._slowdown.stays_in_place else (microseconds, 0.0)))
            return swap

        compared = measure_and_compare(OBJECTIVES, self._new_series(), BURSTS, swap_versions, placement=self._application.placement)
        if compared.origin.confirmation is not None:
            self._application = replace(self._application, placement=compared.origin.confirmation.placement)
        return compared

    def _new_series(self) -> BurstSeries:
        """Start a new series with a new seed: bursts with the same plan and seed would be read from disk."""
        self._series += 1
        seeded = replace(self._settings, load=replace(self._settings.load, seed=1000 * self._series))
        return comparison_series(seeded, OBJECTIVES, self._application, load_lock_of_run(self._pipeline.run_id))


def main() -> int:
    """Compare, and print the count of each verdict; return 1 if there are too few or too many FAILs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plant", choices=SLOWDOWNS)
    parser.add_argument("--runs", type=int, default=10, help="comparisons")
    parser.add_argument("--minutes", type=float, default=60.0, help="how long to go on, the cluster's creation included")
    options = parser.parse_args()
    slowdown, deadline, verdicts = SLOWDOWNS[options.plant], Deadline.after(options.minutes * 60), Counter[str]()
    requested = {"app_overlay": str(APPLICATION), "slo_base": str(APPLICATION), "load_rate": slowdown.rate, "load_duration": SECONDS}
    settings = build_settings(Path.cwd(), requested, {}, os.environ)
    pipeline = Pipeline(settings, new_run_id(), progress)
    try:
        comparisons = Comparisons(pipeline, settings, slowdown)
        trial = comparisons.trial()
        while verdicts.total() < options.runs and deadline.remaining > COMPARISON_SECONDS:
            compared = comparisons.compare(trial.microseconds)
            (result,) = compared.comparison.results
            verdicts[result.verdict.value] += 1
            bursts = len(compared.bursts) + len(compared.confirmation)
            progress(f"{verdicts.total()}: {result.verdict.value} after {bursts} bursts, {result.explanation}")
    finally:
        pipeline.cleanup.close(failed=False)
    counts = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items())
    sys.stdout.write(f"{options.plant}: {trial.microseconds:.0f} us more showed {trial.change:+.1%} at p(95); {counts}\n")
    return int(not has_expected_fails(verdicts[Verdict.FAIL.value], verdicts.total(), slowdown))


def has_expected_fails(fails: int, runs: int, slowdown: PlantedSlowdown) -> bool:
    """Return whether the number of FAILs is as required for ten runs, or in proportion."""
    return runs > 0 and slowdown.fails.start * runs / 10 <= fails <= (slowdown.fails.stop - 1) * runs / 10


if __name__ == "__main__":
    sys.exit(main())
