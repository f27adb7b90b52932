"""The load of a comparison: both versions share one schedule equally at random, or alternate."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.errors import SettingsError
from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.load.schedule import make_schedule
from kindgate.pipeline.burst_series import abba_plans, comparison_series, duet_plan
from kindgate.pipeline.environment import Environment
from kindgate.pipeline.load_lock import LoadLock
from kindgate.settings import LoadSettings, Settings, SloSettings
from kindgate.slo.objectives import Objectives, Tolerance

HOSTS = {"foo.localhost": "foo-base.localhost", "bar.localhost": "bar-base.localhost"}
PLAN = BurstPlan(tuple(Route("http://127.0.0.1/", host) for host in (*HOSTS, "new.localhost")), OpenLoop.constant(400, seconds=2))
COMPARED = Objectives(compare=(Tolerance(95, 0.25),))


def settings(**slo: str) -> Settings:
    """Bursts of 0.2 s at 200 per second, without a warm-up."""
    return Settings(load=LoadSettings(rate=200, duration=0.2, warmup=0), slo=SloSettings(base="main", **slo))  # type: ignore[arg-type]  # tests give valid words


def test_every_host_of_the_base_is_an_arm_beside_the_new_versions() -> None:
    """A host missing from the baseline is left out, and the total rate stays the same."""
    duet = duet_plan(PLAN, HOSTS)

    assert [(route.host, route.arm) for route in duet.routes] == [
        ("foo.localhost", "head"),
        ("bar.localhost", "head"),
        ("foo-base.localhost", "base"),
        ("bar-base.localhost", "base"),
    ]
    assert {route.url for route in duet.routes} == {"http://127.0.0.1/"}
    assert duet.loop == PLAN.loop


@given(seed=st.integers(0, 2**32))
def test_each_version_gets_half_of_the_requests_in_no_fixed_order(seed: int) -> None:
    """Every block of four requests contains both hosts of both versions once, with any seed, and the order varies between blocks."""
    duet = duet_plan(PLAN, HOSTS)
    assert isinstance(duet.loop, OpenLoop)
    order = make_schedule(duet.loop, duet.routes, seed).route

    assert Counter(duet.routes[place].arm for place in order.tolist()) == {"head": 400, "base": 400}
    blocks = order.reshape(-1, 4)
    assert np.all(np.sort(blocks, axis=1) == np.arange(4))
    assert len(np.unique(blocks, axis=0)) > 10


def test_abba_bursts_send_the_whole_rate_to_one_version_each() -> None:
    """In the order base, head, head, base, a steady drift affects both equally."""
    plans = abba_plans(duet_plan(PLAN, HOSTS))

    assert [{route.arm for route in plan.routes} for plan in plans] == [{"base"}, {"head"}, {"head"}, {"base"}]
    assert {plan.loop for plan in plans} == {PLAN.loop}


def test_the_bursts_of_a_duet_serve_both_versions(env: Environment, load_lock: LoadLock) -> None:
    """Each burst yields one pair of figures."""
    burst_series = comparison_series(settings(), COMPARED, env, load_lock)
    (burst,) = burst_series.extend(1)

    assert burst_series.turns == 1
    assert {(series.arm, series.host, series.completed) for series in burst.series} == {
        ("head", "slow.localhost", 20),
        ("base", "slow-base.localhost", 20),
    }


def test_abba_takes_turns_and_warms_both_versions_up(env: Environment, load_lock: LoadLock, tmp_path: Path) -> None:
    """Four bursts yield one pair of figures; the warm-up does not count as a burst."""
    requested = settings(compare="abba")
    requested = replace(requested, load=replace(requested.load, warmup=0.2))
    burst_series = comparison_series(requested, COMPARED, env, load_lock)
    bursts = burst_series.extend(5)

    assert burst_series.turns == 4
    assert {route.arm for route in burst_series.plan.routes} == {"base", "head"}
    assert ["".join(series.arm for series in burst.series) for burst in bursts] == ["base", "head", "head", "base", "base"]
    assert len(list((tmp_path / "measurements").rglob("burst-*.json"))) == 5


def test_without_a_base_version_there_is_nothing_to_plan(env: Environment, load_lock: LoadLock) -> None:
    """The error says how to specify a baseline."""
    with pytest.raises(SettingsError, match="no baseline") as raised:
        comparison_series(settings(), COMPARED, replace(env, base=None), load_lock)

    assert "--slo-base" in raised.value.next_step
