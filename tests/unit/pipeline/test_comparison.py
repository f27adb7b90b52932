"""A comparison from the first burst to the verdict: its looks, its end, and the settings it refuses."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from kindgate.errors import SloError
from kindgate.load.aggregate import burst_result
from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.load.raw_samples import OK
from kindgate.load.result import Health
from kindgate.model import Verdict
from kindgate.pipeline.burst_plans import TURNS, abba_plans
from kindgate.pipeline.burst_samples import burst_sample
from kindgate.pipeline.burst_series import BurstSeries
from kindgate.pipeline.comparison import measure_and_compare, pairs_per_look, resources_of_both
from kindgate.pipeline.environment import DeployedApplication, MonitoredApplication, VersionSwap
from kindgate.pipeline.evaluation import planned_load
from kindgate.pipeline.judged_series import comparison_series
from kindgate.pipeline.load_lock import LoadLock
from kindgate.settings import LoadSettings, Settings, SloSettings
from kindgate.slo.answers import AnswerChange, RouteAnswers
from kindgate.slo.answers_verdict import AnswersResult, judge_answers
from kindgate.slo.confirm import LEAST_PAIRS
from kindgate.slo.objectives import RESPONSE_TIMES, AnswersObjective, BurstSizes, Objectives, Tolerance
from kindgate.workload.burst_plan import LoadedWorkload
from kindgate.workload.data_files import read_data_files
from kindgate.workload.document import parse_slo_document
from kindgate.workload.model import Workload
from tests.unit.report.bursts import shop_burst
from tests.unit.report.judged_runs import GeneratedSeries

COMPARED = Objectives(compare=(Tolerance(50, 0.2),))
DUET = BurstPlan(
    (Route("http://127.0.0.1/", "foo.localhost", arm="head"), Route("http://127.0.0.1/", "foo-base.localhost", arm="base")),
    OpenLoop.constant(100, seconds=1),
)


def keep_bursts(burst_series: BurstSeries, count: int, slower: float, seed: int = 11) -> None:
    """Write bursts as another worker would leave them: 50 requests per arm, with head `slower` times as slow."""
    rng = np.random.default_rng(seed)
    burst_series.folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, count + 1):
        plan = (DUET, *abba_plans(DUET))[0 if burst_series.turns == 1 else 1 + (number - 1) % len(TURNS)]
        rows = []
        for place, route in enumerate(plan.routes):
            took = 20e6 * np.exp(rng.normal(0, 0.05)) * (slower if route.arm == "head" else 1) * np.exp(rng.normal(0, 0.05, 50))
            rows += [(place, n, n, n + int(microseconds), 0, 1, OK, 200) for n, microseconds in enumerate(took)]
        result = burst_result(plan, np.array(rows, np.int64), started=2.0 * number, health=Health())
        (burst_series.folder / f"burst-{number:04d}.json").write_text(json.dumps(result.to_json()))


def measured_before(
    folder: Path, count: int, slower: float, how: Literal["duet", "abba"] = "duet", *, then: float | None = None
) -> BurstSeries:
    """Return a series with existing bursts and an existing confirmation round, in which head is `then` times as slow."""
    load_lock = LoadLock(folder / "run", folder / "machine")
    burst_series = BurstSeries(DUET, 0.0, folder / "measurements", load_lock, abba_plans(DUET) if how == "abba" else ())
    keep_bursts(burst_series, count, slower)
    keep_bursts(burst_series.second(), LEAST_PAIRS * burst_series.turns, slower if then is None else then, seed=12)
    return burst_series


@dataclass
class SwapCounter:
    """Counts how often the two versions are redeployed, which takes no time here."""

    placement: str = ""
    times: int = 0

    def __call__(self) -> VersionSwap:
        """Redeploy as the pipeline does."""
        self.times += 1
        return VersionSwap("both versions were deployed again", self.placement)


@pytest.mark.parametrize(("slower", "verdict"), [(1.0, Verdict.PASS), (1.5, Verdict.FAIL)])
@pytest.mark.parametrize(("how", "bursts"), [("duet", 10), ("abba", 40)])
def test_a_clear_difference_is_decided_at_the_first_look(
    slower: float, verdict: Verdict, how: Literal["duet", "abba"], bursts: int, tmp_path: Path
) -> None:
    """Ten pairs suffice and twenty new ones confirm it, for duet bursts and for blocks of four."""
    swap = SwapCounter()
    compared = measure_and_compare(COMPARED, measured_before(tmp_path, bursts, slower, how), 10, swap)
    (result,) = compared.comparison.results

    assert (compared.comparison.verdict, compared.comparison.look, swap.times) == (verdict, 1, 1)
    assert (len(compared.bursts), len(compared.confirmation)) == (bursts, 2 * bursts)
    assert result.first is not None
    assert (result.bursts, result.first.bursts) == (20, 10)


def test_a_verdict_the_round_does_not_confirm_is_inconclusive(tmp_path: Path) -> None:
    """Head is 50 % slower at the interim looks but equal after redeployment, so nothing is known."""
    verdicts: list[Verdict] = []
    compared = measure_and_compare(
        COMPARED,
        measured_before(tmp_path, 10, 1.5, then=1.0),
        10,
        SwapCounter(),
        on_confirmation=lambda shown: verdicts.append(shown.verdict),
    )
    (result,) = compared.comparison.results

    assert compared.comparison.verdict is Verdict.INCONCLUSIVE
    assert verdicts == [Verdict.INCONCLUSIVE]
    assert result.not_confirmed
    assert result.change == pytest.approx(0.0, abs=0.1)
    assert compared.shown == compared.confirmation


def test_answers_are_compared_before_the_versions_change_places(tmp_path: Path) -> None:
    """A swap ends the setup's values. The answers count next to the figures, and those of other routes do not."""
    swap = SwapCounter()
    swaps: list[int] = []

    def answers(_series: BurstSeries) -> tuple[AnswersResult, ...]:
        swaps.append(swap.times)
        change = AnswerChange("status", "200", "500", 10, 10)
        return judge_answers(AnswersObjective(same=True), [RouteAnswers("detail", 10, (change,)), RouteAnswers("list", 10, ())])

    compared = measure_and_compare(COMPARED, measured_before(tmp_path, 10, 1.0), 10, swap, compare_answers=answers)
    assert (swaps, swap.times) == ([0], 1)
    assert [result.verdict for result in compared.comparison.results] == [Verdict.PASS]
    assert (compared.comparison.verdict, len(compared.comparison.answers)) == (Verdict.FAIL, 2)


def test_the_report_distinguishes_the_confirmation_round(tmp_path: Path) -> None:
    """The report's input has the round's bursts, placement and preparation."""
    compared = measure_and_compare(COMPARED, measured_before(tmp_path, 10, 1.5), 10, SwapCounter("foo: a 1 and 0"))
    second = compared.origin.confirmation

    assert second is not None
    assert (second.prepared, second.placement) == ("both versions were deployed again", "foo: a 1 and 0")
    assert second.starts == tuple(burst.window.start for burst in compared.confirmation)
    assert compared.comparison.verdict is Verdict.INVALID


def test_the_second_series_has_other_schedules_than_the_first(tmp_path: Path) -> None:
    """Otherwise its bursts would send the same requests in the same order."""
    burst_series = BurstSeries(DUET, 0.0, tmp_path, LoadLock(tmp_path / "run", tmp_path / "machine"), abba_plans(DUET))
    second = burst_series.second()

    assert second.folder != burst_series.folder
    assert second.turns == burst_series.turns
    assert second.plan.seed > burst_series.plan.seed + 4 * 3 * 200
    assert replace(second.plan, seed=burst_series.plan.seed) == burst_series.plan


def test_a_change_below_the_tolerance_takes_every_look(tmp_path: Path) -> None:
    """Two new pairs per look decide nothing; the third look ends the series, decided or not."""
    looks: list[int] = []
    swap = SwapCounter()
    compared = measure_and_compare(
        COMPARED, measured_before(tmp_path, 6, 1.1), 2, swap, on_look=lambda comparison: looks.append(comparison.look)
    )

    assert looks == [1, 2, 3]
    assert len(compared.bursts) == 6
    assert (swap.times, compared.confirmation) == (0, ())


def test_too_few_pairs_to_decide_anything_are_refused_before_any_load(tmp_path: Path) -> None:
    """Three pairs at most cannot reach the error rate; the error states how many can."""
    burst_series = BurstSeries(DUET, 0.0, tmp_path / "measurements", LoadLock(tmp_path / "run", tmp_path / "machine"))

    with pytest.raises(SloError, match="cannot be decided with 3 bursts") as raised:
        measure_and_compare(COMPARED, burst_series, 1, SwapCounter())

    assert "at least 2 bursts per look" in raised.value.next_step
    assert burst_series.bursts() == ()


def test_a_quick_look_shows_figures_and_decides_nothing(tmp_path: Path) -> None:
    """The user requested one pair and one look."""
    swap = SwapCounter()
    compared = measure_and_compare(COMPARED, measured_before(tmp_path, 3, 1.5), 10, swap, quick=True)
    (result,) = compared.comparison.results

    assert (compared.comparison.verdict, compared.comparison.looks, len(compared.bursts)) == (Verdict.INCONCLUSIVE, 1, 1)
    assert (swap.times, compared.confirmation) == (0, ())
    assert result.head is not None
    assert result.base is not None


def test_versions_on_different_nodes_are_not_compared(tmp_path: Path) -> None:
    """Even a clear difference is INVALID at the first look, and nothing more is measured."""
    swap = SwapCounter()
    compared = measure_and_compare(COMPARED, measured_before(tmp_path, 10, 1.5), 10, swap, placement="foo: a 2 and 0, b 0 and 2")

    assert (compared.comparison.verdict, compared.comparison.look, swap.times) == (Verdict.INVALID, 1, 0)


@pytest.mark.usefixtures("quiet_machine")
def test_a_slower_version_is_detected_under_real_load(application: DeployedApplication, load_lock: LoadLock) -> None:
    """Head waits 80 ms before each answer: six bursts and twenty more find it."""
    settings = Settings(load=LoadSettings(rate=100, duration=0.3, warmup=0.1), slo=SloSettings(base="main"))
    objectives = Objectives(compare=(Tolerance(50.0, 0.25),))
    burst_series = comparison_series(settings, objectives, application, load_lock)
    compared = measure_and_compare(objectives, burst_series, 2, SwapCounter())
    (result,) = compared.comparison.results

    assert compared.comparison.verdict is Verdict.FAIL
    assert result.change is not None
    assert result.change > 0.2
    assert result.head is not None
    assert result.head > 80


def test_the_slo_file_overrides_the_option_for_the_number_of_pairs() -> None:
    """The file takes precedence, as it does for thresholds."""
    assert pairs_per_look(Objectives(), SloSettings(bursts=7)) == 7
    assert pairs_per_look(Objectives(bursts=BurstSizes(count=9)), SloSettings(bursts=7)) == 9


def test_without_prometheus_no_resources_are_reported(application: DeployedApplication) -> None:
    """The comparison itself does not need Prometheus."""
    assert resources_of_both(MonitoredApplication(application, "it is off"), ()) == ()


CHECKOUT, SEARCH = RESPONSE_TIMES.with_tag("route", "checkout"), RESPONSE_TIMES.with_tag("route", "search")


@pytest.mark.parametrize(("route", "verdict"), [("checkout", Verdict.FAIL), ("search", Verdict.PASS)])
def test_one_route_is_judged_from_the_same_bursts(route: str, verdict: Verdict) -> None:
    """Only the route's tolerance counts, and the bursts are those of all routes."""
    series = GeneratedSeries(lambda number: shop_burst(number, slower=1.5))
    each = Objectives(compare=(Tolerance(95.0, 0.15, each="route"),))

    compared = measure_and_compare(each, series, 10, SwapCounter(), route=route)

    (result,) = compared.comparison.results
    assert (result.tolerance.selector, result.verdict) == (RESPONSE_TIMES.with_tag("route", route), verdict)
    assert (len(series.sent), len(compared.bursts), len(compared.confirmation)) == (10, 10, 20)


def test_every_look_of_all_routes_is_measured_before_the_versions_are_swapped() -> None:
    """Search stays undecided, so its bursts are measured before checkout's round: another test of search needs no burst after it."""
    series = GeneratedSeries(lambda number: shop_burst(number, slower=1.5))
    objectives = Objectives(compare=(Tolerance(95.0, 0.15, selector=CHECKOUT), Tolerance(95.0, 0.0001, selector=SEARCH)))
    swapped_after: list[int] = []

    def swap() -> VersionSwap:
        swapped_after.append(len(series.sent))
        return VersionSwap("both versions were deployed again")

    checkout = measure_and_compare(objectives, series, 10, swap, route="checkout")
    search = measure_and_compare(objectives, series, 10, swap, route="search")

    assert swapped_after == [30]
    assert (len(checkout.bursts), len(search.bursts)) == (10, 30)


def test_an_unknown_route_is_refused_before_any_load() -> None:
    """The error lists the routes with tolerances."""
    series = GeneratedSeries(shop_burst)
    with pytest.raises(SloError, match="no tolerance is about the route 'login'") as raised:
        measure_and_compare(Objectives(compare=(Tolerance(95.0, 0.15, each="route"),)), series, 10, SwapCounter(), route="login")

    assert "checkout, search" in raised.value.next_step
    assert series.sent == ()


SHOP = """
workload:
  routes:
    - {name: home, path: /, weight: 2, tags: {team: web}}
  journeys:
    - {name: buy, steps: [{route: home}, {name: cart, path: /cart}]}
"""


def test_a_workloads_bursts_carry_the_planned_tags_in_both_versions(application: DeployedApplication, load_lock: LoadLock) -> None:
    """Every route and journey that objectives are checked against is sent and measured, with the same tags."""
    workload = parse_slo_document(SHOP)
    assert isinstance(workload, Workload)
    loaded = LoadedWorkload(workload, read_data_files(workload, {}))
    shop = replace(application, cluster=replace(application.cluster, workload=loaded))
    settings = Settings(load=LoadSettings(rate=60, duration=0.5, warmup=0.0), slo=SloSettings(base="main"))

    burst_series = comparison_series(settings, Objectives(), shop, load_lock)
    sample = burst_sample(burst_series.extend(1)[0])

    planned = planned_load(*burst_series.plans)
    assert {str(sorted(one.tags.items())) for one in planned.requests} == {str(sorted(one.tags.items())) for one in sample.series}
    assert {str(sorted(one.tags.items())) for one in planned.journeys} == {str(sorted(one.tags.items())) for one in sample.journeys}
    assert {(one.tags["arm"], one.tags["route"], one.tags.get("journey")) for one in sample.series} == {
        (arm, *route) for arm in ("head", "base") for route in (("home", None), ("home", "buy"), ("cart", "buy"))
    }
    assert [journey.completed for journey in sample.journeys] == [5, 5]
