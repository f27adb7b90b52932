"""Compare rules for one version on correlated neighboring bursts: the reason for the rule in `kindgate.slo.intervals`.

    python -m bench.serial [--runs 2000]

Prints a table: for each rule the share of runs that PASS and FAIL, in %, on both recordings and in simulation. All rules
are Korn and Graubard's with different estimates of the variance between bursts. Takes half a minute on one core.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, ndtri, stdtrit

from bench.generators import LIGHT, LOADED, SCALE, Generator, with_correlation
from bench.recorded import CONTIGUOUS, MEAN_BLOCK, Counts, Recording
from bench.verdicts import LIMIT_BURSTS, REQUESTS, recordings
from kindgate.slo.intervals import TYPICAL_CORRELATION, TYPICAL_WEIGHT
from kindgate.slo.judge import ALPHA, LOOKS

Numbers = NDArray[np.float64]
"""One row per run; one column per burst, if by burst."""


@dataclass(frozen=True)
class Spread:
    """A rule's estimate for each run: the variance of the share of bad requests, and its degrees of freedom."""

    variance: Numbers
    freedom: float


Rule = Callable[[Numbers, Numbers], Spread]
"""Takes the bad requests and all requests of each burst of each run."""


def between(bad: Numbers, sizes: Numbers) -> Spread:
    """Estimate the variance of independent bursts."""
    total, bursts = sizes.sum(axis=1), bad.shape[1]
    squares = np.square(_deviations(bad, sizes)).sum(axis=1)
    return Spread(bursts / (bursts - 1) * squares / total**2, bursts - 1)


def autoregressive(weight: float) -> Rule:
    """Inflate for the correlation between neighbors, which is shrunk to the typical one with a weight of `weight` bursts."""

    def spread(bad: Numbers, sizes: Numbers) -> Spread:
        spread_between, deviations, bursts = between(bad, sizes), _deviations(bad, sizes), bad.shape[1]
        squares = np.maximum(np.square(deviations).sum(axis=1), 1e-9)
        estimate = (deviations[:, 1:] * deviations[:, :-1]).sum(axis=1) / squares + 1 / bursts
        correlation = np.clip((bursts * estimate + weight * TYPICAL_CORRELATION) / (bursts + weight), 0, 0.98)
        return Spread(spread_between.variance * (1 + correlation) / (1 - correlation), spread_between.freedom)

    return spread


def batches(size: int) -> Rule:
    """Estimate the variance from batches of about `size` neighbors, as if those were independent."""

    def spread(bad: Numbers, sizes: Numbers) -> Spread:
        count = max(2, round(bad.shape[1] / size))
        starts = np.linspace(0, bad.shape[1], count, endpoint=False).round().astype(int)
        return between(np.add.reduceat(bad, starts, axis=1), np.add.reduceat(sizes, starts, axis=1))

    return spread


KINDGATE = f"AR(1), pulled to {TYPICAL_CORRELATION:g} by {TYPICAL_WEIGHT} bursts"
"""The rule that kindgate uses."""

RULES: Mapping[str, Rule] = {
    "independent bursts (as before)": between,
    "AR(1), own correlation": autoregressive(0),
    "batches of 4": batches(4),
    "batches of 5": batches(5),
    KINDGATE: autoregressive(TYPICAL_WEIGHT),
}


def outcomes(rule: Rule, bad: Numbers, sizes: Numbers, allowed: float, bursts: int = LIMIT_BURSTS) -> NDArray[np.int64]:
    """Return 1 for each run that ends as PASS, -1 for FAIL, 0 for INCONCLUSIVE, after up to three looks of `bursts` bursts."""
    verdicts = np.zeros(len(bad), np.int64)
    for look in range(1, LOOKS + 1):
        low, high = _bounds(rule, bad[:, : look * bursts], sizes[:, : look * bursts])
        verdicts = np.where(verdicts == 0, np.where(low > allowed, -1, np.where(high < allowed, 1, 0)), verdicts)
    return verdicts


def _bounds(rule: Rule, bad: Numbers, sizes: Numbers) -> tuple[Numbers, Numbers]:
    """Return both bounds of `kindgate.slo.intervals.Proportion`, for all runs at once."""
    alpha, total = ALPHA / LOOKS, sizes.sum(axis=1)
    share, spread = bad.sum(axis=1) / total, rule(bad, sizes)
    independent = share * (1 - share) / total
    effect = np.where(independent > 0, np.maximum(1, spread.variance / np.maximum(independent, 1e-30)), 5.0)
    effective = np.minimum(total, total / effect * float(ndtri(1 - alpha) / stdtrit(spread.freedom, 1 - alpha)) ** 2)
    wrong = share * effective
    low = np.where(wrong > 0, betaincinv(np.maximum(wrong, 1e-12), effective - wrong + 1, alpha), 0.0)
    return low, betaincinv(wrong + 1, np.maximum(effective - wrong, 1e-9), 1 - alpha)


def _deviations(bad: Numbers, sizes: Numbers) -> Numbers:
    deviations: Numbers = bad - bad.sum(axis=1, keepdims=True) / sizes.sum(axis=1, keepdims=True) * sizes
    return deviations


@dataclass(frozen=True)
class Case:
    """Runs of one kind: bad requests and all requests of each burst, and the allowed share of bad ones."""

    name: str
    bad: Numbers
    sizes: Numbers
    allowed: float = 0.05


def from_recordings(runs: int) -> Iterator[Case]:
    """Yield both recordings at, below and far below the limit, in blocks of 30 bursts on average, and at the limit unbroken."""
    for name, recording in recordings():
        for share in (1.0, 0.9, 0.8):
            yield _drawn(f"{name}: p(95) at {share:g}", recording, share, MEAN_BLOCK, runs)
        yield _drawn(f"{name}: p(95) at 1, contiguous", recording, 1.0, CONTIGUOUS, runs)


def _drawn(name: str, recording: Recording, share: float, mean_block: float, runs: int) -> Case:
    counts = recording.counts(95, share)
    drawn = [_resampled(counts, number, mean_block) for number in range(runs)]
    return Case(name, np.array([run.bad for run in drawn], np.float64), np.array([run.sizes for run in drawn], np.float64))


def _resampled(counts: Counts, number: int, mean_block: float) -> Counts:
    return counts.run(np.random.default_rng((number, 5)), LIMIT_BURSTS * LOOKS, mean_block)


def from_simulation(runs: int) -> Iterator[Case]:
    """Yield services at and below the limit, with increasing correlation between neighbors, and with heavy tails."""
    for generator in (LIGHT, LOADED):
        for correlation in (0.0, 0.3, 0.6):
            for share in (1.0, 0.8):
                yield _simulated(with_correlation(generator, correlation), share, runs)
    yield _simulated(with_correlation(SCALE, 0.3), 1.0, runs)
    for length in (1, 4):
        yield Case(f"bad episodes of {length}: failures at the limit", *_episodes(length, runs), 0.1 * 0.1 + 0.9 * 0.0005)


def _simulated(generator: Generator, share: float, runs: int) -> Case:
    limit = generator.truth(95) / share
    shares = [generator.slow_shares(np.random.default_rng((number, 6)), LIMIT_BURSTS * LOOKS, limit) for number in range(runs)]
    bad = np.random.default_rng(6).binomial(REQUESTS, np.array(shares)).astype(np.float64)
    return Case(f"{generator.name}: p(95) at {share:g}", bad, np.full(bad.shape, float(REQUESTS)))


def _episodes(length: int, runs: int) -> tuple[Numbers, Numbers]:
    """Simulate one bad burst in ten, with 10 % failures; bad bursts come in episodes of `length` on average."""
    rng = np.random.default_rng(7)
    is_bad = np.empty((runs, LIMIT_BURSTS * LOOKS), bool)
    is_bad[:, 0] = rng.random(runs) < 0.1
    for burst in range(1, is_bad.shape[1]):
        chance = rng.random(runs)
        is_bad[:, burst] = np.where(is_bad[:, burst - 1], chance > 1 / length, chance < 1 / length / 9)
    bad = rng.binomial(REQUESTS, np.where(is_bad, 0.1, 0.0005)).astype(np.float64)
    return bad, np.full(bad.shape, float(REQUESTS))


def table(cases: Iterator[Case]) -> Iterator[str]:
    """Yield the lines of a Markdown table: PASS / FAIL in % of the runs."""
    yield f"| PASS / FAIL, % of runs | {' | '.join(RULES)} |"
    yield "|---|" + "---|" * len(RULES)
    for case in cases:
        results = [outcomes(rule, case.bad, case.sizes, case.allowed) for rule in RULES.values()]
        cells = (f"{np.mean(result == 1):.1%} / {np.mean(result == -1):.1%}".replace("%", "") for result in results)
        yield f"| {case.name} | {' | '.join(cells)} |"


def main() -> None:
    """Simulate all cases and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2_000, help="runs of each kind")
    runs = parser.parse_args().runs
    for cases in (from_recordings(runs), from_simulation(runs)):
        for line in table(cases):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
        sys.stdout.write("\n")


if __name__ == "__main__":
    main()
