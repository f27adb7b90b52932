"""Redirects alone never earn a PASS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from kindgate.model import Verdict
from kindgate.slo.grammar import parse_marker
from kindgate.slo.judge import judge
from kindgate.slo.objectives import Objectives
from kindgate.slo.sample import BurstSample

MakeRun = Callable[..., list[BurstSample]]


def redirected(samples: list[BurstSample], share: float) -> list[BurstSample]:
    """Return the same bursts with this share of their answers replaced by redirects."""
    return [
        replace(sample, series=tuple(replace(one, redirects=round(one.response.count * share)) for one in sample.series))
        for sample in samples
    ]


@pytest.mark.parametrize("objective", ["p(95)<200", "http_req_failed: rate<0.01", "max<1000"])
def test_redirects_alone_are_never_a_pass(run: MakeRun, objective: str) -> None:
    """They are fast and never fail, but say nothing about the application."""
    objectives = Objectives(parse_marker((objective,)))
    assert judge(objectives, run()).verdict is Verdict.PASS

    (result,) = judge(objectives, redirected(run(), 1.0)).results

    assert result.verdict is Verdict.INCONCLUSIVE
    assert "every response was a redirect" in result.explanation


def test_some_redirects_among_other_answers_are_an_application_s_own(run: MakeRun) -> None:
    """A site may redirect some of its pages."""
    assert judge(Objectives(parse_marker(("p(95)<200",))), redirected(run(), 0.5)).verdict is Verdict.PASS


def test_a_missed_objective_stays_missed(run: MakeRun) -> None:
    """Slow redirects still miss the objective."""
    assert judge(Objectives(parse_marker(("p(95)<50",))), redirected(run(), 1.0)).verdict is Verdict.FAIL
