"""A burst series against a real server: measured once, shared through files, never lost."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from kindgate.errors import SloError, WaitTimeout
from kindgate.load.own_cpu import OwnCpu
from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.load.result import BurstResult
from kindgate.model import Verdict
from kindgate.pipeline.burst_samples import burst_sample
from kindgate.pipeline.burst_series import BurstSeries
from kindgate.pipeline.evaluation import measure_and_judge
from kindgate.pipeline.finish import collect_bursts
from kindgate.pipeline.load_lock import LoadLock
from kindgate.slo.grammar import parse_marker
from kindgate.slo.objectives import Objectives


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


def test_a_series_keeps_the_machine_between_its_bursts(plan: BurstPlan, tmp_path: Path) -> None:
    """Another run's burst in between would be load that no figure accounts for."""
    other = LoadLock(tmp_path / "other-run", tmp_path / "machine")

    def try_to_send(_number: int, _planned: int, _result: BurstResult) -> None:
        with pytest.raises(WaitTimeout, match="another run on this machine"), other.exclusive(0.1):
            pass

    assert len(burst_series(plan, tmp_path).extend(2, try_to_send)) == 2


def test_each_burst_has_a_schedule_of_its_own(plan: BurstPlan, tmp_path: Path) -> None:
    """Bursts are replicates: the same plan with another seed."""
    results = burst_series(plan, tmp_path).extend(2)

    assert len({result.plan.seed for result in results}) == 2
    assert {result.scheduled for result in results} == {10}


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_bursts_say_what_other_programs_used(plan: BurstPlan, tmp_path: Path) -> None:
    """The share is also in the file, so any process that judges the bursts sees it."""
    load_lock = LoadLock(tmp_path / "run", tmp_path / "machine")
    series = BurstSeries(plan, 0.0, tmp_path / "measurements", load_lock, own_cpu=OwnCpu(os.getpid(), ()))
    (result,), (repeated,) = series.extend(1), series.second().extend(1)

    assert result.health.foreign is not None
    assert repeated.health.foreign is not None
    assert burst_series(plan, tmp_path).bursts()[0].health.foreign == result.health.foreign


def test_another_plan_is_another_campaign(plan: BurstPlan, tmp_path: Path) -> None:
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


def test_facts_are_decided_at_the_first_look(plan: BurstPlan, tmp_path: Path) -> None:
    """An objective without an interval needs no second interim look."""
    objectives = Objectives(parse_marker(("http_reqs: count>=10",)))
    looks: list[int] = []
    judged = measure_and_judge(objectives, burst_series(plan, tmp_path), 1, on_look=lambda judgement: looks.append(judgement.look))

    assert looks == [1]
    assert judged.judgement.verdict in (Verdict.PASS, Verdict.INVALID)
    assert all(isinstance(result, BurstResult) for result in judged.bursts)


def test_an_objective_that_the_planned_load_could_not_confirm_is_refused_before_any_load(plan: BurstPlan, tmp_path: Path) -> None:
    """The error states the required size, and no load is sent."""
    bursts = burst_series(plan, tmp_path)

    with pytest.raises(SloError, match=r"p\(99\)"):
        measure_and_judge(Objectives(parse_marker(("p(99)<500",))), bursts, 2)

    assert bursts.bursts() == ()


def aborting(text: str, delay: float = 0.0) -> Objectives:
    """Return one threshold with `abortOnFail`."""
    return Objectives((replace(parse_marker((text,))[0], abort_on_fail=True, delay_abort_eval=delay),))


def test_a_fact_that_is_lost_ends_the_series_between_looks(plan: BurstPlan, tmp_path: Path) -> None:
    """The objective allows no failures, so a failure in the first burst cancels the other nine planned ones."""
    broken = replace(plan, routes=(replace(plan.routes[0], host="broken.localhost"),))
    judged = measure_and_judge(aborting("http_req_failed: rate<=0"), burst_series(broken, tmp_path), 10)

    assert len(judged.bursts) == 1
    assert judged.judgement.abort
    assert judged.judgement.verdict is Verdict.FAIL


def test_before_its_delay_a_lost_fact_ends_nothing(plan: BurstPlan, tmp_path: Path) -> None:
    """`delayAbortEval` counts from the start of the first burst."""
    broken = replace(plan, routes=(replace(plan.routes[0], host="broken.localhost"),))
    judged = measure_and_judge(aborting("http_req_failed: rate<=0", delay=600), burst_series(broken, tmp_path), 2)

    assert len(judged.bursts) == 2
    assert not judged.judgement.abort


def test_a_percentile_waits_for_its_look(plan: BurstPlan, tmp_path: Path) -> None:
    """Every request exceeds the limit, but the interval is not computed before all planned bursts are done."""
    broken = replace(plan, routes=(replace(plan.routes[0], host="broken.localhost"),), loop=OpenLoop.constant(1000, requests=100))
    judged = measure_and_judge(aborting("p(50)<100"), burst_series(broken, tmp_path), 3)

    assert len(judged.bursts) == 3
    assert judged.judgement.abort


def test_the_warm_ups_connections_serve_the_bursts(plan: BurstPlan, tmp_path: Path) -> None:
    """At a low rate, bursts reuse the warm-up's connections and open almost none."""
    warmed = BurstSeries(plan, 0.3, tmp_path / "measurements", LoadLock(tmp_path / "run", tmp_path / "machine"))

    assert sum(result.connections for result in warmed.extend(3)) < 3


def test_an_interrupted_burst_is_kept_and_not_judged(plan: BurstPlan, tmp_path: Path) -> None:
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
