"""Error rates of the decision rules: a small part of what `python -m bench.verdicts` measures with 2,000 runs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from bench.generators import LIGHT, LOADED, Generator, samples_of
from bench.recorded import LEAST_BURSTS, read_recording, write_recording
from bench.verdicts import Experiment, VerdictGoal, duet_run, failure_rates, limit_run, recorded_run, upper_bound
from kindgate.model import Verdict
from kindgate.slo.compare import compare, judge_ratios
from kindgate.slo.grammar import parse_marker
from kindgate.slo.intervals import Proportion
from kindgate.slo.judge import ALPHA, LOOKS, judge
from kindgate.slo.objectives import Objectives, Tolerance
from kindgate.slo.statistics import hodges_lehmann

RUNS = 40


def _share(outcomes: Iterable[tuple[Verdict, int]], verdict: Verdict) -> float:
    return float(np.mean([found is verdict for found, _ in outcomes]))


def test_equal_versions_rarely_fail() -> None:
    """The bound is 5 % FAIL; at a true 5 %, more than 6 FAILs in 40 runs have a chance of 1 in 200."""
    assert _share(map(partial(duet_run, LIGHT, (95.0,), 1.0), range(RUNS)), Verdict.FAIL) <= 6 / RUNS


def test_a_version_that_is_ten_percent_slower_fails() -> None:
    """A minute of load at 500 requests per second detects +10 % in p(95) in well over 80 % of the runs."""
    assert _share(map(partial(duet_run, LIGHT, (95.0,), 1.1), range(RUNS)), Verdict.FAIL) >= 0.8


@pytest.mark.parametrize(("generator", "share"), [(LIGHT, 0.8), (LOADED, 0.6)])
def test_a_service_well_below_its_limit_passes(generator: Generator, share: float) -> None:
    """With the headroom that docs/slo.md recommends, a PASS comes at the first or second look."""
    limit = generator.truth(95) / share
    outcomes = [limit_run(generator, 95, limit, number) for number in range(RUNS)]

    assert _share(outcomes, Verdict.PASS) >= 0.9
    assert np.mean([bursts for _, bursts in outcomes]) < 40


def test_a_service_at_its_limit_is_rarely_decided_wrongly() -> None:
    """Exactly at the limit both PASS and FAIL are wrong, and almost all runs are INCONCLUSIVE."""
    limit = LIGHT.truth(95)
    outcomes = [limit_run(LIGHT, 95, limit, number) for number in range(150)]

    assert _share(outcomes, Verdict.PASS) <= 0.12
    assert _share(outcomes, Verdict.FAIL) <= 0.07


def test_a_simulated_run_is_decided_as_a_real_one() -> None:
    """The simulation's omissions change no verdict: judging and comparing the bursts themselves gives the same results."""
    arms = LOADED.arms(np.random.default_rng(5), 20, 500, arms=2)
    samples = samples_of(arms)
    limit = 6.0
    judged = judge(Objectives(parse_marker((f"http_req_duration{{arm:base}}: p(95)<={limit}",))), samples).results[0]
    slow = Proportion.of((np.rint(arms[0] * 1000) > limit * 1000).sum(axis=1).tolist(), [500] * 20)
    compared = compare([Tolerance(95.0, 0.1)], samples).results[0]
    ratios = np.log(np.percentile(arms[1], 95, axis=1) / np.percentile(arms[0], 95, axis=1))

    assert judged.verdict is slow.verdict(0.05, ALPHA / LOOKS)
    assert compared.verdict is judge_ratios([Tolerance(95.0, 0.1)], [ratios.tolist()])[0].verdict
    assert compared.change == pytest.approx(np.expm1(hodges_lehmann(ratios.tolist())), abs=1e-3)


def test_slow_shares_match_the_drawn_times() -> None:
    """The share computed for a limit equals the share of simulated times above it."""
    times = LOADED.arms(np.random.default_rng(6), 2000, 100)[0]

    assert LOADED.slow_shares(np.random.default_rng(7), 20_000, 5.0).mean() == pytest.approx((times > 5.0).mean(), rel=0.1)
    assert LOADED.truth(95) == pytest.approx(np.percentile(times, 95), rel=0.1)


@pytest.mark.parametrize(("generator", "spread", "duet"), [(LIGHT, (0.15, 0.42), 0.14), (LOADED, (0.34, 0.50), 0.24)])
def test_the_simulated_bursts_vary_like_measured_ones(generator: Generator, spread: tuple[float, float], duet: float) -> None:
    """The standard deviations between bursts, and between two versions in one burst, match a real cluster's."""
    rng = np.random.default_rng(4)
    percentiles = np.log(np.percentile(generator.arms(rng, 600, 1000)[0], [95, 99], axis=1)).std(axis=1)
    base, head = (np.percentile(arm, 95, axis=1) for arm in generator.arms(rng, 600, 500, arms=2))

    assert percentiles == pytest.approx(spread, rel=0.2)
    assert np.log(head / base).std() == pytest.approx(duet, rel=0.2)


def test_a_row_shows_whether_its_goal_is_met() -> None:
    """A goal is met if the bound on a share is low enough, or the share itself high enough."""
    outcomes = [(Verdict.FAIL, 10)] * 2 + [(Verdict.PASS, 30)] * 98
    goals = (
        VerdictGoal(Verdict.FAIL, bound_at_most=0.07),
        VerdictGoal(Verdict.FAIL, bound_at_most=0.05),
        VerdictGoal(Verdict.PASS, at_least=0.8),
        VerdictGoal(Verdict.PASS, at_most=0.1),
    )
    rows = list(Experiment("name", "light", lambda _number: outcomes[0], goals).rows(outcomes))

    assert [row.met for row in rows] == [True, False, True, False]
    assert rows[0].bound == pytest.approx(upper_bound(2, 100))
    assert rows[0].bursts == pytest.approx(29.6)
    assert str(rows[1]).endswith("FAIL bound <= 5%  MISSED")


def test_a_recording_keeps_every_request(tmp_path: Path) -> None:
    """A recording reads back exactly, and runs drawn from it are slower if requested."""
    arms = LIGHT.arms(np.random.default_rng(2), LEAST_BURSTS, 100, arms=2)
    samples = samples_of(arms)
    path = tmp_path / "recorded.json"
    write_recording(path, 100.0, samples)

    recording = read_recording(path)

    assert recording.rate == 100
    assert [burst.series for burst in recording.bursts] == [burst.series for burst in samples]
    assert recorded_run(recording, 1.5, 0)[0] is Verdict.FAIL
    assert recorded_run(recording, 0.8, 0)[0] is Verdict.PASS


def test_failures_of_one_bad_burst_are_less_certain() -> None:
    """10 bursts decide clear error rates; the same 1 % concentrated in single bad bursts takes more bursts to detect."""
    chances = dict(failure_rates(100))

    assert chances["0.2% fail, limit 1 %"]["10"] == 1
    assert chances["2.0% fail, limit 1 %"]["10"] == 0
    assert chances["10% fail in one burst of ten, limit 1 %"]["10"] > chances["10% fail in one burst of ten, limit 1 %"]["30"]


def test_a_short_recording_is_rejected(tmp_path: Path) -> None:
    """Runs drawn from a handful of bursts would all be alike, and a file in another format is not a recording."""
    path = tmp_path / "recorded.json"
    write_recording(path, 400.0, samples_of(LIGHT.arms(np.random.default_rng(2), 10, 50, arms=2)))
    with pytest.raises(ValueError, match="10 bursts, and 300 are needed"):
        read_recording(path)
    path.write_text(json.dumps({"format": 2}), encoding="utf-8")
    with pytest.raises(ValueError, match="format 2"):
        read_recording(path)
