"""The frequency with which the check for other programs fails."""

from __future__ import annotations

import pytest

from bench.strangers import OBJECTIVES, JudgedRun, summary_line
from kindgate.histogram import Histogram
from kindgate.slo.judge import judge
from kindgate.slo.sample import BurstSample, Health, Series


def _run(foreign: float) -> JudgedRun:
    """Judge ten bursts of fast answers next to programs that used this share."""
    times = Histogram.of([1000] * 1000)
    series = Series({"host": "foo.localhost"}, 1000, 1000, response=times)
    health = Health(Histogram.of([20] * 1000), 1000, 1000, cpu_share=0.1, steal=0.0, foreign=foreign)
    samples = [BurstSample(2.0 * place, 1.0, (series,), Histogram.of([20] * 1000), health) for place in range(10)]
    return JudgedRun(judge(OBJECTIVES, samples, looks=1), foreign)


@pytest.mark.parametrize(("foreign", "failed"), [(0.1, False), (0.2, True)])
def test_a_run_fails_by_its_foreign_cpu_check(foreign: float, failed: bool) -> None:  # noqa: FBT001  # a parameter of the table
    """Other checks do not matter."""
    assert _run(foreign).failed is failed


def test_a_case_is_summarized_as_a_count_with_its_interval() -> None:
    """One of two runs was disturbed."""
    assert summary_line("quiet", [_run(0.1), _run(0.9)], 500.0) == (
        "quiet: check failed in 1 of 2 (95 % interval 1% to 99%), 1 PASS, 1 INVALID; "
        "foreign CPU 10.0% to 90.0% of the machine, 500 requests per second"
    )
