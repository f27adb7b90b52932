"""The duration of a comparison, estimated before anything is created."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kindgate.pipeline.run_objectives import BETWEEN_BURSTS, comparison_seconds
from kindgate.settings import LoadSettings, Settings, SloSettings
from kindgate.slo.objectives import BurstSizes, Objectives

SETTINGS = Settings(load=LoadSettings(duration=2.0 - BETWEEN_BURSTS, warmup=1.0), slo=SloSettings(bursts=30, base="main"))
"""A burst every two seconds, after a warm-up of one second."""


def expected(sizes: BurstSizes | None = None, settings: Settings = SETTINGS) -> tuple[float, float]:
    """Return both bounds, rounded because floating-point sums are inexact."""
    least, most = comparison_seconds(Objectives(bursts=sizes or BurstSizes()), settings)
    return round(least, 6), round(most, 6)


def test_the_confirmation_round_is_counted() -> None:
    """The range is one to three looks plus a round as long as a look, each with its warm-up."""
    assert expected() == (2 * 61, 4 * 61)


def test_a_confirmation_round_has_at_least_twenty_bursts() -> None:
    """The SLO file's sizes take precedence over the options."""
    assert expected(BurstSizes(count=5, duration=1.0 - BETWEEN_BURSTS)) == (6 + 21, 3 * 6 + 21)


def test_abba_takes_four_times_as_long() -> None:
    """Four bursts yield one pair of figures."""
    assert expected(settings=replace(SETTINGS, slo=replace(SETTINGS.slo, compare="abba"))) == (2 * 241, 4 * 241)


@pytest.mark.parametrize(("how", "seconds"), [("duet", 3.0), ("abba", 9.0)])
def test_a_quick_look_takes_one_pair(how: str, seconds: float) -> None:
    """A quick look decides nothing, so no round follows."""
    slo = replace(SETTINGS.slo, quick=True, compare=how)  # type: ignore[arg-type]  # one of its words
    assert expected(settings=replace(SETTINGS, slo=slo)) == (seconds, seconds)
