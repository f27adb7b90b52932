"""Burst series against a real server, and the plans of their bursts: selected entries, or both versions of a comparison."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.deploy.entries import Entry, PathSource
from kindgate.errors import LoadError, SettingsError, SloError, WaitTimeout
from kindgate.load.generator_pool import WARM_UP_SEEDS
from kindgate.load.own_cpu import OwnCpu
from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.load.result import BurstResult
from kindgate.load.schedule import make_schedule
from kindgate.model import ClusterAddress, ObjectRef, Verdict
from kindgate.pipeline.burst_plans import abba_plans, chosen_entries, duet_plan, entry_routes
from kindgate.pipeline.burst_samples import burst_sample
from kindgate.pipeline.burst_series import SECOND_SEEDS, BurstSeries
from kindgate.pipeline.environment import DeployedApplication
from kindgate.pipeline.evaluation import measure_and_judge
from kindgate.pipeline.finish import collect_bursts
from kindgate.pipeline.judged_series import comparison_series
from kindgate.pipeline.load_lock import LoadLock
from kindgate.settings import LoadSettings, Settings, SloSettings
from kindgate.slo.grammar import parse_marker
from kindgate.slo.judge import LOOKS
from kindgate.slo.objectives import Objectives, Tolerance

ADDRESS = ClusterAddress("test", Path("kubeconfig"), "test", "http://127.0.0.1:8080")

HOSTS = {"foo.localhost": "foo-base.localhost", "bar.localhost": "bar-base.localhost"}
ROUTES = tuple(Route("http://127.0.0.1/", host) for host in (*HOSTS, "new.localhost"))
APPLICATION_PLAN = BurstPlan(ROUTES, OpenLoop.constant(400, seconds=2))
COMPARED = Objectives(compare=(Tolerance(95, 0.25),))


@pytest.fixture(name="plan")
def _plan(ingress_url: str) -> BurstPlan:
    return BurstPlan((Route(ingress_url, host="foo.localhost"),), OpenLoop.constant(100, requests=10, arrival="uniform"))


def burst_series(plan: BurstPlan, folder: Path) -> BurstSeries:
    """Create the burst series as each process of a run does."""
    return BurstSeries(plan, 0.0, folder / "measurements", LoadLock(folder / "run", folder / "machine"))


def test_bursts_are_measured_once_and_shared(plan: BurstPlan, tmp_path: Path) -> None:
    """A second process reads the bursts that the first one measured and adds only missing ones."""
    seen: list[int] = []
    first = burst_series(plan, tmp_path).extend(2, lambda number, _planned, _result: seen.append(number))
    more = burst_series(plan, tmp_path).extend(3, lambda number, _planned, _result: seen.append(number))

    assert seen == [1, 2, 3]
    assert [result.window for result in more[:2]] == [result.window for result in first]
    assert collect_bursts(tmp_path / "measurements") == more


def test_a_series_holds_the_lock_between_its_bursts(plan: BurstPlan, tmp_path: Path) -> None:
    """Another run's burst in between would be load that no figure accounts for."""
    other = LoadLock(tmp_path / "other-run", tmp_path / "machine")

    def try_another_burst(_number: int, _planned: int, _result: BurstResult) -> None:
        with pytest.raises(WaitTimeout, match="another run on this machine"), other.exclusive(0.1):
            pass

    assert len(burst_series(plan, tmp_path).extend(2, try_another_burst)) == 2


def test_a_series_within_an_episode_does_not_wait_for_it(plan: BurstPlan, tmp_path: Path) -> None:
    """The episode's process has reserved the machine already."""
    load_lock = LoadLock(tmp_path / "run", tmp_path / "machine")
    series = BurstSeries(plan, 0.0, tmp_path / "measurements", load_lock)
    with load_lock.exclusive():
        assert len(series.extend(1)) == 1


def test_each_burst_has_its_own_schedule(plan: BurstPlan, tmp_path: Path) -> None:
    """Bursts are replicates: the same plan with another seed."""
    results = burst_series(plan, tmp_path).extend(2)

    assert len({result.plan.seed for result in results}) == 2
    assert {result.scheduled for result in results} == {10}


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_bursts_record_the_cpu_use_of_other_programs(plan: BurstPlan, tmp_path: Path) -> None:
    """The share is also in the file, so any process that judges the bursts sees it."""
    load_lock = LoadLock(tmp_path / "run", tmp_path / "machine")
    series = BurstSeries(plan, 0.0, tmp_path / "measurements", load_lock, own_cpu=OwnCpu(os.getpid(), ()))
    (result,), (repeated,) = series.extend(1), series.second().extend(1)

    assert result.health.foreign is not None
    assert repeated.health.foreign is not None
    assert burst_series(plan, tmp_path).bursts()[0].health.foreign == result.health.foreign


def test_another_plan_is_another_series(plan: BurstPlan, tmp_path: Path) -> None:
    """Bursts of different plans are never mixed."""
    other = BurstPlan(plan.routes, OpenLoop.constant(100, requests=5, arrival="uniform"))
    burst_series(plan, tmp_path).extend(1)

    assert burst_series(other, tmp_path).bursts() == ()


def test_the_judge_gets_the_engines_figures_unchanged(plan: BurstPlan, tmp_path: Path) -> None:
    """No count or time changes between the engine and the judge."""
    (result,) = burst_series(plan, tmp_path).extend(1)
    result = replace(result, health=replace(result.health, foreign=0.25))
    sample = burst_sample(result)

    assert [series.tags["host"] for series in sample.series] == ["foo.localhost"]
    assert sample.series[0].response == result.series[0].response
    assert (sample.health.scheduled, sample.health.punctual) == (result.scheduled, result.scheduled - result.late)
    assert (sample.health.foreign, sample.health.steal) == (0.25, result.health.steal)


@pytest.mark.usefixtures("quiet_machine")
def test_facts_are_decided_at_the_first_look(plan: BurstPlan, tmp_path: Path) -> None:
    """An objective without an interval needs no second interim look."""
    objectives = Objectives(parse_marker(("http_reqs: count>=10",)))
    looks: list[int] = []
    judged = measure_and_judge(objectives, burst_series(plan, tmp_path), 1, on_look=lambda judgement: looks.append(judgement.look))

    assert looks == [1]
    assert judged.judgement.verdict is Verdict.PASS
    assert all(isinstance(result, BurstResult) for result in judged.bursts)


def test_an_unconfirmable_objective_is_refused_before_any_load(plan: BurstPlan, tmp_path: Path) -> None:
    """The error states the required size, and no load is sent."""
    bursts = burst_series(plan, tmp_path)

    with pytest.raises(SloError, match=r"p\(99\)"):
        measure_and_judge(Objectives(parse_marker(("p(99)<500",))), bursts, 2)

    assert bursts.bursts() == ()


def aborting(text: str, delay: float = 0.0) -> Objectives:
    """Return one threshold with `abortOnFail`."""
    return Objectives((replace(parse_marker((text,))[0], abort_on_fail=True, delay_abort_eval=delay),))


@pytest.mark.usefixtures("quiet_machine")
def test_an_irreversible_miss_ends_the_series_between_looks(plan: BurstPlan, tmp_path: Path) -> None:
    """The objective allows no failures, so a failure in the first burst cancels the other nine planned ones."""
    broken = replace(plan, routes=(replace(plan.routes[0], host="broken.localhost"),))
    judged = measure_and_judge(aborting("http_req_failed: rate<=0"), burst_series(broken, tmp_path), 10)

    assert len(judged.bursts) == 1
    assert judged.judgement.abort
    assert judged.judgement.verdict is Verdict.FAIL


@pytest.mark.usefixtures("quiet_machine")
def test_an_irreversible_miss_ends_nothing_before_its_delay(plan: BurstPlan, tmp_path: Path) -> None:
    """`delayAbortEval` counts from the start of the first burst."""
    broken = replace(plan, routes=(replace(plan.routes[0], host="broken.localhost"),))
    judged = measure_and_judge(aborting("http_req_failed: rate<=0", delay=600), burst_series(broken, tmp_path), 2)

    assert len(judged.bursts) == 2
    assert not judged.judgement.abort


@pytest.mark.usefixtures("quiet_machine")
def test_a_percentile_waits_for_its_look(plan: BurstPlan, tmp_path: Path) -> None:
    """Every request exceeds the limit, but the interval is not computed before all planned bursts are done."""
    broken = replace(plan, routes=(replace(plan.routes[0], host="broken.localhost"),), loop=OpenLoop.constant(1000, requests=100))
    judged = measure_and_judge(aborting("p(50)<100"), burst_series(broken, tmp_path), 3)

    assert len(judged.bursts) == 3
    assert judged.judgement.abort


def test_bursts_reuse_the_connections_of_the_warm_up(plan: BurstPlan, tmp_path: Path) -> None:
    """At a low rate, bursts reuse the warm-up's connections and open almost none."""
    warmed = BurstSeries(plan, 0.3, tmp_path / "measurements", LoadLock(tmp_path / "run", tmp_path / "machine"))

    assert sum(result.connections for result in warmed.extend(3)) < 3


def test_an_interrupted_burst_is_kept_but_not_judged(plan: BurstPlan, tmp_path: Path) -> None:
    """On Ctrl-C in the second burst, the first stays for the judge, the partial one for the report, and the interrupt propagates."""
    bursts = burst_series(replace(plan, loop=OpenLoop.constant(50, seconds=2)), tmp_path)
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))

    with pytest.raises(KeyboardInterrupt):
        bursts.extend(2, lambda _number, _planned, _result: timer.start())
    timer.join()

    assert [result.interrupted for result in bursts.bursts()] == [False]
    (kept,) = bursts.folder.glob("interrupted-*.json")
    assert 0 < BurstResult.from_json(json.loads(kept.read_text())).scheduled < 100
    assert [result.interrupted for result in collect_bursts(tmp_path)] == [False, True]


def entry(host: str, path: str) -> Entry:
    """An entry of the Ingress shop/web."""
    ref = ObjectRef("Ingress", "shop", "web")
    return Entry(host, path, tls=False, source=PathSource.ROUTE, object=ref, service=None, route_path=path)


TEA, COFFEE, HOME, ANY = (
    entry("cafe.localhost", "/tea"),
    entry("cafe.localhost", "/coffee"),
    entry("shop.localhost", "/"),
    entry("", "/foo"),
)


def test_each_entry_is_a_route_with_its_own_name() -> None:
    """Objectives can select by route, and two paths of a host are kept apart."""
    routes = entry_routes((TEA, COFFEE, HOME, ANY), ADDRESS)
    assert [(route.url, route.host, route.label) for route in routes] == [
        ("http://127.0.0.1:8080/tea", "cafe.localhost", "cafe.localhost/tea"),
        ("http://127.0.0.1:8080/coffee", "cafe.localhost", "cafe.localhost/coffee"),
        ("http://127.0.0.1:8080/", "shop.localhost", "shop.localhost"),
        ("http://127.0.0.1:8080/foo", "", "*/foo"),
    ]


def test_hosts_and_path_select_entries() -> None:
    """A test can target one host, or a path that no manifest names."""
    assert chosen_entries((TEA, COFFEE, HOME)) == (TEA, COFFEE, HOME)
    assert chosen_entries((TEA, COFFEE, HOME), ["cafe.localhost"]) == (TEA, COFFEE)
    chosen = chosen_entries((TEA, COFFEE, HOME), path="/menu")
    assert [(entry.host, entry.path) for entry in chosen] == [("cafe.localhost", "/menu"), ("shop.localhost", "/menu")]


def test_an_unknown_host_is_refused_with_the_known_ones() -> None:
    """The error lists the valid hosts, and no load is sent."""
    with pytest.raises(LoadError, match=r"no entry has the host bar\.localhost") as caught:
        chosen_entries((TEA, HOME), ["bar.localhost"])
    assert caught.value.next_step == "known hosts: cafe.localhost, shop.localhost"


def test_an_application_without_entries_is_refused() -> None:
    """Without a target the error says how to add one."""
    with pytest.raises(LoadError, match="nothing routes requests to the application"):
        chosen_entries(())


def settings(**slo: str) -> Settings:
    """Bursts of 0.2 s at 200 per second, without a warm-up."""
    return Settings(load=LoadSettings(rate=200, duration=0.2, warmup=0), slo=SloSettings(base="main", **slo))  # type: ignore[arg-type]  # tests give valid words


def test_every_host_of_the_baseline_gets_its_own_arm() -> None:
    """A host missing from the baseline is left out, and the total rate stays the same."""
    duet = duet_plan(APPLICATION_PLAN, HOSTS)

    assert [(route.host, route.arm) for route in duet.routes] == [
        ("foo.localhost", "head"),
        ("bar.localhost", "head"),
        ("foo-base.localhost", "base"),
        ("bar-base.localhost", "base"),
    ]
    assert {route.url for route in duet.routes} == {"http://127.0.0.1/"}
    assert duet.loop == APPLICATION_PLAN.loop


def test_a_warm_up_has_a_schedule_of_its_own() -> None:
    """Its seed is none of those of the longest series of bursts and the second series that confirms it."""
    longest = 200 * LOOKS
    used = {start + number for start in (0, SECOND_SEEDS) for number in range(longest + 1)}

    assert {WARM_UP_SEEDS, SECOND_SEEDS + WARM_UP_SEEDS}.isdisjoint(used)


@given(seed=st.integers(0, 2**32))
def test_each_version_gets_half_of_the_requests_in_random_order(seed: int) -> None:
    """Every block of four requests contains both hosts of both versions once, with any seed, and the order varies between blocks."""
    duet = duet_plan(APPLICATION_PLAN, HOSTS)
    assert isinstance(duet.loop, OpenLoop)
    order = make_schedule(duet.loop, duet.routes, seed).route

    assert Counter(duet.routes[index].arm for index in order.tolist()) == {"head": 400, "base": 400}
    blocks = order.reshape(-1, 4)
    assert np.all(np.sort(blocks, axis=1) == np.arange(4))
    assert len(np.unique(blocks, axis=0)) > 10


def test_abba_bursts_send_the_whole_rate_to_one_version_each() -> None:
    """In the order base, head, head, base, a steady drift affects both equally."""
    plans = abba_plans(duet_plan(APPLICATION_PLAN, HOSTS))

    assert [{route.arm for route in plan.routes} for plan in plans] == [{"base"}, {"head"}, {"head"}, {"base"}]
    assert {plan.loop for plan in plans} == {APPLICATION_PLAN.loop}


def test_the_bursts_of_a_duet_serve_both_versions(application: DeployedApplication, load_lock: LoadLock) -> None:
    """Each burst yields one pair of figures."""
    burst_series = comparison_series(settings(), COMPARED, application, load_lock)
    (burst,) = burst_series.extend(1)

    assert burst_series.turns == 1
    assert {(series.arm, series.host, series.completed) for series in burst.series} == {
        ("head", "slow.localhost", 20),
        ("base", "slow-base.localhost", 20),
    }


def test_abba_alternates_versions_and_warms_up_both(application: DeployedApplication, load_lock: LoadLock, tmp_path: Path) -> None:
    """Four bursts yield one pair of figures; the warm-up does not count as a burst."""
    requested = settings(compare="abba")
    requested = replace(requested, load=replace(requested.load, warmup=0.2))
    burst_series = comparison_series(requested, COMPARED, application, load_lock)
    bursts = burst_series.extend(5)

    assert burst_series.turns == 4
    assert {route.arm for route in burst_series.plan.routes} == {"base", "head"}
    assert ["".join(series.arm for series in burst.series) for burst in bursts] == ["base", "head", "head", "base", "base"]
    assert len(list((tmp_path / "measurements").rglob("burst-*.json"))) == 5


def test_a_comparison_without_a_baseline_is_refused(application: DeployedApplication, load_lock: LoadLock) -> None:
    """The error says how to specify a baseline."""
    alone = replace(application, cluster=replace(application.cluster, base=None))

    with pytest.raises(SettingsError, match="no baseline") as raised:
        comparison_series(settings(), COMPARED, alone, load_lock)

    assert "--slo-base" in raised.value.next_step
