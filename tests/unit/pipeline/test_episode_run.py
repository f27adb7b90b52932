"""The load and the targets of an episode against a run's application."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kindgate.errors import ScenarioError, SloError
from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.load.schedule import make_schedule
from kindgate.load.streams import all_entry_values
from kindgate.load.template import Encoding, Placeholder, Template
from kindgate.load.variables import Counter
from kindgate.model import ObjectRef
from kindgate.pipeline.environment import DeployedApplication
from kindgate.pipeline.episode_run import EPISODE_RATE, PEAK_FACTOR, episode_plan, episode_targets, ramp_to, with_own_seed
from kindgate.settings import LoadSettings
from kindgate.slo.objectives import Objectives
from kindgate.slo.slo_file import parse_document
from kindgate.workload.burst_plan import LoadedWorkload
from kindgate.workload.data_files import read_data_files
from kindgate.workload.document import parse_workload

JOURNEY = """
host: slow.localhost
load: {{rate: {rate}}}
routes:
  - {{name: list, path: /list}}
  - {{name: cart, path: /cart}}
journeys:
  - {{name: buy, steps: [{{route: list}}, {{route: cart}}, {{route: list}}]}}
mix: {{list: 1, buy: 1}}
"""


def with_workload(application: DeployedApplication, text: str) -> DeployedApplication:
    """The application with a workload."""
    workload = parse_workload(text)
    loaded = LoadedWorkload(workload, read_data_files(workload, {}))
    return replace(application, cluster=replace(application.cluster, workload=loaded))


def arrivals(application: DeployedApplication, rate: float | None = None, load: LoadSettings | None = None) -> float:
    """Arrivals per second of the episode's plan."""
    loop = episode_plan(load or LoadSettings(), Objectives(), application, rate).loop
    assert isinstance(loop, OpenLoop)
    return loop.peak_rate


def test_an_episode_has_a_rate_of_its_own(application: DeployedApplication) -> None:
    """Bursts of two seconds can have a higher one."""
    assert arrivals(application, load=LoadSettings(rate=1000)) == EPISODE_RATE
    assert arrivals(application, rate=50) == 50


@pytest.mark.parametrize(("rate", "expected"), [(10, EPISODE_RATE / 2), (300, 300)], ids=["lower", "higher"])
def test_the_rate_counts_requests_and_not_journeys(application: DeployedApplication, rate: int, expected: float) -> None:
    """Half of the arrivals are one request, and half are three; a workload's own rate is kept if it is higher."""
    assert arrivals(with_workload(application, JOURNEY.format(rate=rate))) == pytest.approx(expected)


def test_an_objective_about_a_route_that_is_not_sent_is_an_error(application: DeployedApplication) -> None:
    """It would never be missed, so the load does not begin; steps of journeys are sent too."""
    with_journey = with_workload(application, JOURNEY.format(rate=10))
    objectives = parse_document("scenarios: {rollout: {'lost{route:cart}': ['count==0'], 'outage{route:card}': ['max<5']}}")
    with pytest.raises(SloError, match=r"outage\{route:card\}: max<5: no request has this route"):
        episode_plan(LoadSettings(), objectives, with_journey)
    episode_plan(LoadSettings(), replace(objectives, scenarios=objectives.scenarios[:1]), with_journey)


def test_the_targets_are_behind_the_entries_unless_they_are_named(application: DeployedApplication) -> None:
    """A name must be that of a workload in the manifests."""
    web = ObjectRef("Deployment", "shop", "web")
    assert episode_targets(application) == (web,)
    assert episode_targets(application, ["web"]) == (web,)
    with pytest.raises(ScenarioError):
        episode_targets(application, ["other"])


def test_two_episodes_and_the_bursts_of_a_run_send_different_values(tmp_path: Path) -> None:
    """A repeated order number would be refused by the application, and count as a lost request."""
    path = Template(("/orders/", Placeholder("n", Encoding.URL)))
    burst = BurstPlan((Route("http://127.0.0.1/", path=path),), OpenLoop.constant(200, seconds=2), variables=(Counter("n"),))
    long = replace(burst, loop=OpenLoop.constant(200, seconds=900))
    plans = [*(replace(burst, seed=seed) for seed in range(1, 20)), *(with_own_seed(long, tmp_path / "episodes") for _ in range(3))]

    sent = [number for plan in plans for number in numbers(plan)]
    assert len(set(sent)) == len(sent) == 19 * 400 + 3 * 180_000


def numbers(plan: BurstPlan) -> list[object]:
    """The values of the plan's only variable."""
    assert isinstance(plan.loop, OpenLoop)
    schedule = make_schedule(plan.loop, plan.routes, plan.seed)
    (values,) = all_entry_values(plan, schedule.route)
    return [values.at(number)["n"] for number in range(len(schedule.route))]


def test_a_ramp_leads_to_the_peak_in_requests_and_not_in_arrivals(application: DeployedApplication) -> None:
    """Or to a multiple of the rate before it; a peak that is not higher is an error."""
    plan = episode_plan(LoadSettings(), Objectives(), with_workload(application, JOURNEY.format(rate=10)), 100)
    assert ramp_to(None, plan).factor == PEAK_FACTOR
    assert ramp_to(250, plan).factor == pytest.approx(2.5)
    with pytest.raises(ScenarioError, match="--scenario-peak 100 is not above the load before the ramp, 100"):
        ramp_to(100, plan)
