"""Measure how few requests of a route still allow its comparison with the baseline, on bursts drawn from recordings.

    python -m bench.small_routes [--runs 400]

From each recorded burst, `n` requests of each version are drawn, as if they were those of one route. Every run is judged as
a real one is: three looks of 25 pairs, a confirmation round of 25, Holm's correction over several routes of which only one
changes. The table shows, by percentile and `n`, the share of runs with the right verdict; `kindgate.slo.planning` takes its
limits from it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.recorded import RECORDING, Recording, read_recording, stationary
from kindgate.model import Verdict
from kindgate.slo.compare import BASE, HEAD, LARGEST_RATIO, judge_ratios
from kindgate.slo.confirm import DECIDED, confirmed_verdict, judge_round
from kindgate.slo.judge import LOOKS
from kindgate.slo.objectives import Tolerance
from kindgate.slo.sample import BurstSample

QUANTILES = (50.0, 90.0, 95.0, 99.0)

SIZES = (5, 10, 20, 40, 60, 100, 200, 400)
"""Requests of the route, per version and burst."""

PAIRS = 25
"""Pairs per look, and in the confirmation round: the default."""

TOLERANCE = 0.15

SLOWER = 1.30

_LOST = 1e12
"""Microseconds of a request without an answer."""

OTHERS = 4
"""Other routes that are compared and unchanged."""


@dataclass(frozen=True)
class Row:
    """Outcome of the runs with `requests` of the route per version and burst; shares of runs."""

    quantile: float
    requests: int
    spread: float
    """Standard deviation of a burst's log-ratio for equal versions."""
    equal_passed: float
    equal_failed: float
    slower_failed: float
    slower_passed: float

    def __str__(self) -> str:
        """A line of the documentation's table."""
        beyond = self.requests * (1 - self.quantile / 100)
        shares = " | ".join(
            f"{100 * share:.0f}" for share in (self.equal_passed, self.equal_failed, self.slower_failed, self.slower_passed)
        )
        return f"| p({self.quantile:g}) | {self.requests} | {beyond:.3g} | {100 * self.spread:.0f} | {shares} |"


def rows(recording: Recording, runs: int) -> Iterator[Row]:
    """Judge `runs` runs for each percentile and size."""
    arms = [tuple(_times(burst, arm) for arm in (BASE, HEAD)) for burst in recording.bursts]
    for requests in SIZES:
        ratios = np.stack([_ratios(arms, requests, np.random.default_rng((number, requests))) for number in range(runs)])
        for place, quantile in enumerate(QUANTILES):
            equal = ratios[:, :, :, place]
            slower = equal.copy()
            slower[:, 0] += np.log(SLOWER)
            kept, changed = (
                [_verdict(quantile, run) for run in part.tolist()] for part in (equal, np.clip(slower, -LARGEST_RATIO, LARGEST_RATIO))
            )
            yield Row(
                quantile,
                requests,
                float(equal[:, 0].std()),
                *(sum(verdict is wanted for verdict in kept) / runs for wanted in (Verdict.PASS, Verdict.FAIL)),
                *(sum(verdict is wanted for verdict in changed) / runs for wanted in (Verdict.FAIL, Verdict.PASS)),
            )


def _times(burst: BurstSample, arm: str) -> NDArray[np.float64]:
    """The times of one version in a burst; a lost request is slower than any."""
    (series,) = burst.matching({"arm": arm})
    answered = np.repeat(series.response.values, series.response.counts)
    times: NDArray[np.float64] = np.concatenate([answered, np.full(series.scheduled - len(answered), _LOST)])
    return times


def _ratios(arms: Sequence[tuple[NDArray[np.float64], ...]], requests: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """The log-ratios of one run: routes x bursts x percentiles; roles are drawn before the looks and again before the round."""
    looks = stationary(rng, len(arms), PAIRS * LOOKS)
    second = stationary(rng, len(arms), PAIRS)
    turned = np.concatenate([np.full(len(looks), rng.integers(2)), np.full(len(second), rng.integers(2))])
    figures = np.stack(
        [_figures(arms[burst], requests, rng) for burst in (*looks, *second)], axis=1
    )  # routes x bursts x arms x percentiles
    base, head = figures[:, :, 0], figures[:, :, 1]
    signs: NDArray[np.float64] = np.where(turned, -1.0, 1.0)[None, :, None]
    ratios: NDArray[np.float64] = signs * np.log(head / base)
    return ratios


def _figures(arms: tuple[NDArray[np.float64], ...], requests: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """The percentiles of each route and version of one burst; routes may share requests if the recording has too few."""
    drawn = np.stack([np.stack([rng.choice(times, requests, replace=False) for times in arms]) for _ in range(1 + OTHERS)])
    percentiles: NDArray[np.float64] = np.moveaxis(np.percentile(drawn, QUANTILES, axis=2), 0, -1)
    return percentiles


def _verdict(quantile: float, routes: Sequence[Sequence[float]]) -> Verdict:
    """The verdict of the first of the `routes`, each with its log-ratios of the looks and of the round."""
    tolerances = [Tolerance(quantile, TOLERANCE)] * len(routes)
    for look in range(1, LOOKS + 1):
        tests = judge_ratios(tolerances, [ratios[: PAIRS * look] for ratios in routes])
        if tests[0].verdict in DECIDED:
            break
    decided = [place for place, test in enumerate(tests) if test.verdict in DECIDED]
    if not decided or decided[0]:
        return Verdict.INCONCLUSIVE
    firsts = [tests[place].verdict for place in decided]
    second = judge_round(firsts, [tolerances[place] for place in decided], [routes[place][PAIRS * LOOKS :] for place in decided])
    return confirmed_verdict(firsts[0], second[0].verdict)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Measure how few requests still allow a comparison.")
    parser.add_argument("--runs", type=int, default=400)
    for line in map(str, rows(read_recording(RECORDING), parser.parse_args().runs)):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
