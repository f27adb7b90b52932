"""Objectives about resources: CPU time per request and memory, alone and compared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kindgate.errors import SloError
from kindgate.histogram import Histogram
from kindgate.model import Verdict
from kindgate.slo.compare import BASE, HEAD, compare
from kindgate.slo.confirm import confirm
from kindgate.slo.judge import judge
from kindgate.slo.judgement import ThresholdResult
from kindgate.slo.sample import BurstSample, Health, Series, WorkloadUsage
from kindgate.slo.slo_file import parse_document

MEBIBYTE = 2**20
REQUESTS = 500


def burst(place: int, *arms: str) -> BurstSample:
    """Return a burst of 500 requests for each arm, without usage."""
    times = Histogram.of(np.full(REQUESTS, 10_000, np.int64))
    series = tuple(Series({"arm": arm} if arm else {}, REQUESTS, REQUESTS, response=times) for arm in arms)
    health = Health(loop_lag=Histogram.of([50] * REQUESTS * len(arms)), scheduled=REQUESTS * len(arms), punctual=REQUESTS * len(arms))
    return BurstSample(3.0 * place, 2.0, series, health=health)


def used(sample: BurstSample, cpu: float, memory: float | None = 50.0, *, workload: str = "shop", arm: str = "") -> BurstSample:
    """Return the burst with one more workload's usage: milliseconds per request, and mebibytes."""
    tags = {"workload": workload, **({"arm": arm} if arm else {})}
    usage = WorkloadUsage(tags, cpu * REQUESTS / 1000, None if memory is None else memory * MEBIBYTE)
    return replace(sample, usage=(*sample.usage, usage))


def noise(seed: int, bursts: int = 25, spread: float = 0.03) -> list[float]:
    """Return factors by which bursts differ."""
    return list(np.exp(np.random.default_rng(seed).normal(0, spread, bursts)))


def duet(change: float, *, memory: float = 1.0, seed: int = 1) -> list[BurstSample]:
    """Return bursts of both versions; the pull request's uses more CPU time and memory by these factors."""
    samples = []
    for place, (shared, own) in enumerate(zip(noise(seed, spread=0.1), noise(seed + 1), strict=True)):
        with_base = used(burst(place, HEAD, BASE), 0.8 * shared, 60 * shared, arm=BASE)
        samples.append(used(with_base, 0.8 * shared * own * change, 60 * shared * memory, arm=HEAD))
    return samples


def judged(expression: str, samples: list[BurstSample]) -> ThresholdResult:
    """Judge one threshold."""
    (result,) = judge(parse_document(f"thresholds: {{{expression}}}"), samples).results
    return result


@pytest.mark.parametrize(("limit", "verdict"), [(0.9, Verdict.PASS), (0.8, Verdict.INCONCLUSIVE), (0.7, Verdict.FAIL)])
def test_cpu_time_per_request_is_judged_by_its_average(limit: float, verdict: Verdict) -> None:
    """The unit is milliseconds per request sent, of all workloads together."""
    samples = [used(used(burst(place, ""), 0.6 * factor), 0.2 * factor, workload="db") for place, factor in enumerate(noise(1))]
    result = judged(f'cpu_per_request: ["avg<{limit}"]', samples)
    assert (result.verdict, result.unit) == (verdict, "ms")
    assert result.measured == pytest.approx(0.8, rel=0.05)


def test_one_workload_can_be_selected() -> None:
    """The database has a budget of its own."""
    samples = [used(used(burst(place, ""), 0.6), 0.2, 120, workload="db") for place in range(25)]
    assert judged('"cpu_per_request{workload:db}": ["avg<0.3"]', samples).measured == pytest.approx(0.2)
    assert judged('"memory{workload:db}": ["max<200"]', samples).measured == pytest.approx(120)


def test_memory_is_the_sum_of_all_workloads() -> None:
    """The largest burst decides a maximum, as a fact without an interval."""
    samples = [used(used(burst(place, ""), 1, 50 + place), 1, 10, workload="db") for place in range(5)]
    result = judged('memory: ["max<60"]', samples)
    assert result.verdict is Verdict.FAIL
    assert result.measured == pytest.approx(64)
    assert result.interval is None


@pytest.mark.parametrize("lost", [0, 24])
def test_unknown_usage_is_invalid_and_never_a_fail(lost: int) -> None:
    """A machine that hides its control groups says nothing about the application."""
    samples = [burst(place, "") if place <= lost else used(burst(place, ""), 9.0) for place in range(25)]
    result = judged('cpu_per_request: ["avg<1"]', samples)
    assert result.verdict is Verdict.INVALID
    assert f"unknown in {lost + 1} of 25 bursts" in result.explanation


def test_an_unknown_workload_is_named_with_those_that_are_metered() -> None:
    """A misspelled workload must not look like one that uses nothing."""
    result = judged('"cpu_per_request{workload:shpo}": ["avg<1"]', [used(burst(place, ""), 1.0) for place in range(25)])
    assert result.verdict is Verdict.INVALID
    assert "metered workloads: shop" in result.explanation


@pytest.mark.parametrize(("change", "verdict"), [(0.9, Verdict.PASS), (1.0, Verdict.PASS), (1.1, Verdict.FAIL), (1.3, Verdict.FAIL)])
def test_cpu_time_is_compared_within_bursts(change: float, verdict: Verdict) -> None:
    """Bursts that differ by 10 % resolve a change of 10 % where 5 % is tolerated."""
    (tolerance,) = parse_document("compare: {cpu_per_request: {max_regression: 5%}}").compare
    (result,) = compare([tolerance], duet(change)).results
    assert result.verdict is verdict
    assert result.change == pytest.approx(change - 1, abs=0.02)
    assert "slower" not in result.explanation


def test_memory_is_compared_apart_from_cpu_time() -> None:
    """Each resource has its own tolerance and verdict."""
    objectives = parse_document("compare: {cpu_per_request: {max_regression: 10%}, memory: {max_regression: 20%}}")
    cpu, memory = compare(objectives.compare, duet(1.0, memory=1.5)).results
    assert (cpu.verdict, memory.verdict) == (Verdict.PASS, Verdict.FAIL)
    assert memory.base == pytest.approx(60, rel=0.1)
    assert "MiB" in memory.explanation


def test_a_decision_about_resources_is_confirmed_like_any_other() -> None:
    """A second series that disagrees leaves it undecided."""
    (tolerance,) = parse_document("compare: {cpu_per_request: {max_regression: 5%}}").compare
    first = compare([tolerance], duet(1.2))
    assert confirm(first, duet(1.2, seed=9)).verdict is Verdict.FAIL
    (unconfirmed,) = confirm(first, duet(1.0, seed=9)).results
    assert unconfirmed.not_confirmed


def test_usage_of_only_one_version_is_invalid() -> None:
    """Half of a comparison is none."""
    (tolerance,) = parse_document("compare: {cpu_per_request: {max_regression: 5%}}").compare
    samples = [replace(sample, usage=sample.usage[:1]) for sample in duet(1.2)]
    assert compare([tolerance], samples).verdict is Verdict.INVALID


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('thresholds: {"cpu_per_request{route:buy}": ["avg<1"]}', "has no tag route"),
        ('thresholds: {cpu_per_request: ["p(95)<1"]}', r"p\(95\) does not apply"),
        ("compare: {cpu_per_request: {p(95): {max_regression: 5%}}}", "has no key"),
        ("compare: {memory: {max_regression: 0%}}", "not a percentage above 0"),
        ('compare: {"memory{arm:base}": {max_regression: 5%}}', "the tag arm names the two versions"),
    ],
)
def test_wrong_objectives_are_refused(text: str, message: str) -> None:
    """Resources are measured per workload, with one figure per burst."""
    with pytest.raises(SloError, match=message):
        parse_document(text)
