"""Measure how often verdicts are wrong, on simulated runs with fixed seeds and on runs drawn from recorded bursts.

    python -m bench.verdicts [--runs 2000] [--processes 2] [--only recorded]

Every run is decided look by look (an interim look judges all bursts so far) by the rules of `kindgate.slo`, as a real one
is; simulated runs omit output that decides nothing (intervals in ms, trends, sentences). An upper bound is the one-sided
exact 95 % bound for the share. Runs from a recording are blocks of neighboring bursts (`bench.recorded`): their error rates
are conditional on the recording.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from bench.generators import CORRELATED_GENERATORS, GENERATORS, LIGHT, LOADED, Generator
from bench.recorded import BUSY_RECORDING, RECORDING, Counts, Recording, read_recording
from kindgate.model import Verdict
from kindgate.progress import Progress
from kindgate.slo.compare import RatioTest, judge_ratios, log_ratios
from kindgate.slo.confirm import DECIDED, confirmed_verdict, judge_round, round_pairs
from kindgate.slo.intervals import Proportion
from kindgate.slo.judge import ALPHA, LOOKS, overall
from kindgate.slo.objectives import Tolerance

LIMIT_BURSTS = 25
"""Bursts in each of the three looks at one version: the default of `--slo-bursts`."""

DUET_BURSTS = 10
"""Bursts in each of the three looks at two versions: 30 bursts of 2 s are a minute of load."""

ROUND_BURSTS = round_pairs(DUET_BURSTS)
"""Bursts in the confirmation round."""

REQUESTS = 1_000
"""Requests per burst, which two versions share."""

RUNS = 2_000

TOLERANCE = 0.10

RECORDED_QUIET, RECORDED_BUSY = RECORDED = ("recorded, quiet", "recorded, busy")
"""The names of the generators that draw from a recording."""


@dataclass(frozen=True)
class Row:
    """One experiment: shares of the verdicts in `runs` runs, and a goal."""

    name: str
    generator: str
    runs: int
    passed: float
    failed: float
    inconclusive: float
    bursts: float
    """Average number of bursts per run."""
    goal: str = ""
    bound: float | None = None
    """The upper bound for the share that the goal is about."""
    met: bool | None = None

    def __str__(self) -> str:
        """A line of the printed table."""
        verdicts = f"PASS {self.passed:6.1%}  FAIL {self.failed:6.1%}  INCONCLUSIVE {self.inconclusive:6.1%}  {self.bursts:4.1f} bursts"
        mark = "" if self.met is None else "  met" if self.met else "  MISSED"
        bound = "" if self.bound is None else f"  bound {self.bound:6.2%}"
        return f"{self.name:40} {self.generator:9} {verdicts}{bound}  {self.goal}{mark}"


Run = Callable[[int], tuple[Verdict, int]]
"""Simulates the run with this number; returns its verdict and number of bursts."""


def limit_run(generator: Generator, quantile: float, limit: float, number: int) -> tuple[Verdict, int]:
    """Judge one version against `p(quantile) < limit`, in milliseconds."""
    rng = np.random.default_rng((number, 1))
    bad = rng.binomial(REQUESTS, generator.slow_shares(rng, LIMIT_BURSTS * LOOKS, limit)).tolist()
    allowed = 1 - quantile / 100
    return _looks(lambda bursts: Proportion.of(bad[:bursts], [REQUESTS] * bursts).verdict(allowed, ALPHA / LOOKS), LIMIT_BURSTS)


def recorded_limit_run(counts: Counts, allowed: float, number: int) -> tuple[Verdict, int]:
    """Judge one version, drawn from recorded bursts, against a limit that a share of `allowed` of its requests may exceed."""
    run = counts.run(np.random.default_rng((number, 4)), LIMIT_BURSTS * LOOKS)
    bad, sizes = run.bad.tolist(), run.sizes.tolist()
    return _looks(lambda bursts: Proportion.of(bad[:bursts], sizes[:bursts]).verdict(allowed, ALPHA / LOOKS), LIMIT_BURSTS)


def duet_run(generator: Generator, quantiles: tuple[float, ...], slower: float, number: int) -> tuple[Verdict, int]:
    """Compare the base with a version whose times are multiplied by `slower`."""
    base, head = generator.arms(np.random.default_rng((number, 2)), DUET_BURSTS * LOOKS + ROUND_BURSTS, REQUESTS // 2, arms=2)
    ratios = np.log(np.percentile(head * slower, quantiles, axis=1) / np.percentile(base, quantiles, axis=1))
    tolerances = [Tolerance(quantile, TOLERANCE) for quantile in quantiles]
    looks = DUET_BURSTS * LOOKS
    return compared(tolerances, ratios[:, :looks].tolist(), ratios[:, looks:].tolist())


def recorded_run(recording: Recording, slower: float, number: int) -> tuple[Verdict, int]:
    """Compare two equal versions in a run drawn from recorded bursts; the slower one is redrawn before the confirmation round."""
    rng = np.random.default_rng((number, 3))
    p95 = Tolerance(95.0, TOLERANCE)
    looks, second = (log_ratios(p95, recording.run(rng, bursts, slower)) for bursts in (DUET_BURSTS * LOOKS, ROUND_BURSTS))
    return compared([p95], [looks], [second])


def compared(tolerances: Sequence[Tolerance], looks: Sequence[Sequence[float]], second: Sequence[Sequence[float]]) -> tuple[Verdict, int]:
    """Return a comparison's verdict and number of bursts, from the log-ratios of all looks and of the confirmation round."""
    tests: list[RatioTest] = []

    def look(bursts: int) -> Verdict:
        tests[:] = judge_ratios(tolerances, [ratios[:bursts] for ratios in looks])
        return overall(test.verdict for test in tests)

    verdict, bursts = _looks(look, DUET_BURSTS)
    decided = [index for index, test in enumerate(tests) if test.verdict in DECIDED]
    if not decided:
        return verdict, bursts
    verdicts = [test.verdict for test in tests]
    firsts, ratios = [verdicts[index] for index in decided], [second[index] for index in decided]
    for index, test in zip(decided, judge_round(firsts, [tolerances[index] for index in decided], ratios), strict=True):
        verdicts[index] = confirmed_verdict(verdicts[index], test.verdict)
    return overall(verdicts), bursts + ROUND_BURSTS


def _looks(verdict_of: Callable[[int], Verdict], bursts: int) -> tuple[Verdict, int]:
    """Return the first look's verdict that decides, and the bursts so far; `verdict_of` judges that number of bursts."""
    for look in range(1, LOOKS + 1):
        verdict = verdict_of(look * bursts)
        if verdict is not Verdict.INCONCLUSIVE:
            break
    return verdict, look * bursts


def upper_bound(hits: int, runs: int) -> float:
    """Return the exact one-sided 95 % upper bound for a share (Clopper and Pearson)."""
    return 1.0 if hits == runs else float(beta.ppf(0.95, hits + 1, runs - hits))


@dataclass(frozen=True)
class VerdictGoal:
    """A requirement on the share of `verdict`: its upper bound is at most `bound_at_most`, or it is within `at_least` and `at_most`."""

    verdict: Verdict
    bound_at_most: float = 1.0
    at_most: float = 1.0
    at_least: float = 0.0

    def met(self, share: float, bound: float) -> bool:
        """Return whether the share and its upper bound meet the goal."""
        return bound <= self.bound_at_most and self.at_least <= share <= self.at_most

    def __str__(self) -> str:
        """The goal as shown in the table."""
        if self.bound_at_most < 1:
            return f"{self.verdict} bound <= {self.bound_at_most:.0%}"
        return f"{self.verdict} <= {self.at_most:.0%}" if self.at_most < 1 else f"{self.verdict} >= {self.at_least:.0%}"


@dataclass(frozen=True)
class Experiment:
    """The simulated runs, and the goals for their verdicts."""

    name: str
    generator: str
    run: Run
    goals: tuple[VerdictGoal, ...] = ()
    times: int = 1
    """Multiplier of the number of runs, for a goal that is close."""

    def rows(self, outcomes: Iterable[tuple[Verdict, int]]) -> Iterator[Row]:
        """Yield a row for each goal, or a single row without one."""
        results = list(outcomes)
        runs, counts = len(results), Counter(verdict for verdict, _ in results)
        for goal in self.goals or (None,):
            hits = counts[goal.verdict] if goal else 0
            bound = upper_bound(hits, runs)
            yield Row(
                name=self.name,
                generator=self.generator,
                runs=runs,
                passed=counts[Verdict.PASS] / runs,
                failed=counts[Verdict.FAIL] / runs,
                inconclusive=counts[Verdict.INCONCLUSIVE] / runs,
                bursts=sum(bursts for _, bursts in results) / runs,
                goal=str(goal or ""),
                bound=bound if goal else None,
                met=goal.met(hits / runs, bound) if goal else None,
            )


NO_FALSE_FAIL = VerdictGoal(Verdict.FAIL, bound_at_most=0.05)
POWER = VerdictGoal(Verdict.FAIL, at_least=0.80)

CORRELATED_AT_LIMIT = (VerdictGoal(Verdict.PASS, at_most=0.20), VerdictGoal(Verdict.FAIL, at_most=0.08))
"""With correlated neighboring bursts, no rule keeps the error rates of independent bursts and still decides anything."""


def simulated() -> Iterator[Experiment]:
    """Yield every experiment that needs no recording."""
    for generator in GENERATORS:
        name, p95 = generator.name, (95.0,)
        three = partial(duet_run, generator, (50.0, 90.0, 95.0), 1.0)
        yield Experiment("A/A, three tolerances of 10 %", name, three, (NO_FALSE_FAIL,))
        yield Experiment("A/A, p(95) tolerance 10 %", name, partial(duet_run, generator, p95, 1.0), (NO_FALSE_FAIL,))
        yield Experiment("p(95) 5 % slower, tolerance 10 %", name, partial(duet_run, generator, p95, 1.05))
        goals = (VerdictGoal(Verdict.PASS, bound_at_most=0.05), *((POWER,) if generator is LIGHT else ()))
        yield Experiment("p(95) 10 % slower, tolerance 10 %", name, partial(duet_run, generator, p95, 1 + TOLERANCE), goals)
        for quantile in (95, 99):
            run = partial(limit_run, generator, quantile, generator.truth(quantile))
            goals = (NO_FALSE_FAIL, *((VerdictGoal(Verdict.PASS, at_most=0.10),) if generator in {LIGHT, LOADED} else ()))
            yield Experiment(f"p({quantile}) exactly at its limit", name, run, goals)
    for generator in CORRELATED_GENERATORS:
        run = partial(limit_run, generator, 95, generator.truth(95))
        yield Experiment("p(95) exactly at its limit, neighbors alike", generator.name, run, CORRELATED_AT_LIMIT)


def recorded(recording: Recording, name: str) -> Iterator[Experiment]:
    """Yield the experiments on real bursts of two equal versions; `name` is the recording's, which determines the goals.

    A busy machine changes during the recording, so its average is no basis for a goal for one version.
    """
    quiet = name == RECORDED_QUIET
    equal = (VerdictGoal(Verdict.FAIL, at_most=0.05), VerdictGoal(Verdict.PASS, at_least=0.95 if quiet else 0.65))
    slower = (VerdictGoal(Verdict.PASS, at_most=0.05), VerdictGoal(Verdict.FAIL, at_least=0.90 if quiet else 0.60))
    yield Experiment("A/A, p(95) tolerance 10 %", name, partial(recorded_run, recording, 1.0), equal)
    yield Experiment("p(95) 10 % slower, tolerance 10 %", name, partial(recorded_run, recording, 1 + TOLERANCE), slower)
    goals = {1.0: CORRELATED_AT_LIMIT, 0.9: (VerdictGoal(Verdict.PASS, at_least=0.60),), 0.8: (VerdictGoal(Verdict.PASS, at_least=0.90),)}
    for share, wanted in goals.items():
        position = f"at {share:g} of its limit" if share < 1 else "exactly at its limit"
        run = partial(recorded_limit_run, recording.counts(95, share), 0.05)
        yield Experiment(f"p(95) {position}", name, run, wanted if quiet else (), times=5)


def recordings() -> Iterator[tuple[str, Recording]]:
    """Yield the existing recordings, by name."""
    for name, path in zip(RECORDED, (RECORDING, BUSY_RECORDING), strict=True):
        if path.exists():
            yield name, read_recording(path, least=1)


def headroom(runs: int) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield the chance of a PASS in one look of 10, 20 and 30 bursts, if the true percentile is a given share of the limit."""
    for quantile, share in ((95, 0.9), (95, 0.8), (95, 0.7), (99, 0.8), (99, 0.6)):
        for generator in (LIGHT, LOADED):
            limit = generator.truth(quantile) / share
            rng = np.random.default_rng(quantile)
            bad = rng.binomial(REQUESTS, generator.slow_shares(rng, runs * 30, limit).reshape(runs, 30))
            yield f"p({quantile}) at {share:g} of the limit, {generator.name}", _chances(bad, 1 - quantile / 100)


def failure_rates(runs: int) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield the chance that "fewer than 1 % fail" is a PASS in one look, for independent failures and for whole bad bursts."""
    rng = np.random.default_rng(1)
    for share in (0.002, 0.005, 0.01, 0.02):
        yield f"{share:.1%} fail, limit 1 %", _chances(rng.binomial(REQUESTS, share, (runs, 30)), 0.01)
    in_bad_bursts = rng.binomial(REQUESTS, 0.1, (runs, 30)) * (rng.random((runs, 30)) < 0.1)
    yield "10% fail in one burst of ten, limit 1 %", _chances(in_bad_bursts, 0.01)


def _chances(bad: NDArray[np.int64], allowed: float) -> dict[str, float]:
    """Return the share of runs that pass in one look of 10, 20 and 30 bursts; `bad` has one row of bursts per run."""
    chances = {}
    for bursts in (10, 20, 30):
        passed = sum(Proportion.of(row[:bursts].tolist(), [REQUESTS] * bursts).upper(ALPHA) < allowed for row in bad)
        chances[str(bursts)] = passed / len(bad)
    return chances


@dataclass(frozen=True)
class ErrorRates:
    """All experiments' rows, and the number of bursts in the quiet machine's recording."""

    rows: tuple[Row, ...] = ()
    recorded_bursts: int = 0

    def with_recorded(self, bursts: int, recorded_rates: ErrorRates) -> ErrorRates:
        """Replace all rows about recordings with those of `recorded_rates`; the quiet recording has `bursts` bursts."""
        others = tuple(row for row in self.rows if row.generator not in RECORDED)
        return ErrorRates((*others, *recorded_rates.rows), bursts)


def error_rates(experiments: Iterable[Experiment], runs: int, progress: Progress, processes: int = 2) -> ErrorRates:
    """Simulate `runs` runs of each experiment."""
    rows: list[Row] = []
    with ProcessPoolExecutor(processes) as pool:
        for experiment in experiments:
            for row in experiment.rows(pool.map(experiment.run, range(runs * experiment.times), chunksize=25)):
                rows.append(row)
                progress(str(row))
    return ErrorRates(tuple(rows))


def chances_of_pass(runs: int, progress: Progress) -> None:
    """Print the chance of a PASS with some headroom, by the number of bursts."""
    for name, by_bursts in (*headroom(runs), *failure_rates(runs)):
        progress(f"{name:40} PASS {'  '.join(f'{bursts} bursts {chance:.0%}' for bursts, chance in by_bursts.items())}")


def main() -> None:
    """Simulate everything and print it."""
    parser = argparse.ArgumentParser(description="Measure how often the verdicts are wrong.")
    parser.add_argument("--runs", type=int, default=RUNS, help="simulated runs of each experiment")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--only", choices=("simulated", "recorded", "headroom"), help="a part of it")
    options = parser.parse_args()
    parts = {options.only} if options.only else {"simulated", "recorded", "headroom"}
    experiments = [*(simulated() if "simulated" in parts else ())]
    if "recorded" in parts:
        experiments += [experiment for name, recording in recordings() for experiment in recorded(recording, name)]
    error_rates(experiments, options.runs, print, options.processes)
    if "headroom" in parts:
        chances_of_pass(options.runs, print)


if __name__ == "__main__":
    main()
