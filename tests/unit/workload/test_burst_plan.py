"""A workload as a burst: for one version, for both, and parts of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kindgate.errors import SloError
from kindgate.load.expectation import Extraction
from kindgate.load.k6_script import InspectedScript
from kindgate.load.plan import BurstPlan, ClosedLoop, OpenLoop, Stage
from kindgate.load.program import K6Script, LocustUsers
from kindgate.load.schedule import make_schedule
from kindgate.load.streams import all_entry_values
from kindgate.load.variables import Constant, Counter, Rows
from kindgate.slo.objectives import BurstSizes
from kindgate.workload.burst_plan import (
    Endpoint,
    LoadedWorkload,
    PlanSettings,
    duet_of,
    one_arm,
    refuse_unusable,
    setup_routes,
    shaped_loop,
    workload_plan,
    workload_sizes,
)
from kindgate.workload.data_files import WorkloadData
from kindgate.workload.document import parse_workload
from kindgate.workload.model import LoadShape, LoadStage

TEXT = """\
host: shop.localhost
http: "2"
redirects: 2
data:
  user: {csv: users.csv}
  n: counter
  key: {secret: API_KEY}
setup:
  - {name: register, path: /users, body: {text: "{run}"}, extract: {session: {json: token}}}
teardown:
  - {name: remove, method: DELETE, path: "/users/{session}", host: pay.localhost}
routes:
  - {name: search, path: "/products?q=shoe", weight: 6, headers: {X-Session: "{session}"}}
  - name: checkout
    path: /checkout/{n}
    host: pay.localhost
    weight: 0
    body: {json: {email: "{user.email}"}}
    extract: {id: {json: id}}
  - {name: upload, path: /blob}
journeys:
  - name: buy
    weight: 2
    steps:
      - {name: login, path: /login, body: {form: {user: "{user.email}"}}, extract: {token: {cookie: sid}}}
      - {route: checkout, extract: {receipt: {header: Location}}, think: 1500ms}
      - {name: receipt, path: "/r/{receipt}/{id}", headers: {Authorization: "Bearer {token}", X-Key: "{key}"}}
"""
DATA = WorkloadData((Rows("user", ("email",), (("a@x",), ("b@x",), ("c@x",))), Counter("n"), Constant("key", "k", secret=True)))
ENDPOINTS = (Endpoint("shop.localhost", "https://127.0.0.1:8443"), Endpoint("pay.localhost", "http://127.0.0.1:8080"))
SETTINGS = PlanSettings(OpenLoop.constant(100, seconds=3), seed=7, timeout=4, ca_file="ca.pem", salt="r1")


def loaded(text: str = TEXT) -> LoadedWorkload:
    """A document with its data."""
    return LoadedWorkload(parse_workload(text, "slo.yaml"), DATA)


def plan(text: str = TEXT, endpoints: tuple[Endpoint, ...] = ENDPOINTS, only: tuple[str, ...] = ()) -> BurstPlan:
    """The plan of a document."""
    return workload_plan(loaded(text), endpoints, SETTINGS, only)


def test_a_plan_holds_the_routes_of_the_mix_and_the_steps_of_journeys() -> None:
    """A step has what its route extracts, and what the step adds."""
    made = plan()

    assert [(route.name, route.journey, route.weight, route.host) for route in made.routes] == [
        ("search", "", 6, "shop.localhost"),
        ("upload", "", 1, "shop.localhost"),
        ("login", "buy", 0, "shop.localhost"),
        ("checkout", "buy", 0, "pay.localhost"),
        ("receipt", "buy", 0, "shop.localhost"),
    ]
    assert [(made.routes[step.route].name, step.think) for step in made.journeys[0].steps] == [
        ("login", 0),
        ("checkout", 1.5),
        ("receipt", 0),
    ]
    assert made.routes[3].extract == (Extraction("id", "json", "id"), Extraction("receipt", "header", "Location"))
    assert [(journey.name, journey.weight) for journey in made.journeys] == [("buy", 2)]
    assert {route.url for route in made.routes} == {"https://127.0.0.1:8443", "http://127.0.0.1:8080"}
    assert (made.loop, made.seed, made.timeout, made.ca_file, made.salt) == (SETTINGS.loop, 7, 4, "ca.pem", "r1")
    assert (made.http_version, made.redirects, made.variables) == ("2", 2, DATA.variables)


@pytest.mark.parametrize(
    ("shape", "loop"),
    [
        (LoadShape(), OpenLoop.constant(300, seconds=2, arrival="poisson")),
        (LoadShape(rate=20, arrival="uniform"), OpenLoop.constant(20, seconds=2, arrival="uniform")),
        (LoadShape(duration=1), OpenLoop.constant(300, seconds=1, arrival="poisson")),
        (LoadShape(rate=10, stages=(LoadStage(1, 30), LoadStage(2, 0))), OpenLoop((Stage(1, 10, 30), Stage(2, 30, 0)), "poisson")),
        (LoadShape(stages=(LoadStage(1, 30),)), OpenLoop((Stage(1, 0, 30),), "poisson")),
        (LoadShape(streams=(("buy", "uniform"),)), replace(OpenLoop.constant(300, seconds=2), streams=(("buy", "uniform"),))),
        (
            LoadShape(stages=(LoadStage(1, 30),), streams=(("buy", "uniform"),)),
            OpenLoop((Stage(1, 0, 30),), "poisson", streams=(("buy", "uniform"),)),
        ),
    ],
)
def test_the_load_is_that_of_the_workload_then_of_the_settings(shape: LoadShape, loop: OpenLoop) -> None:
    """Each size on its own."""
    assert shaped_loop(shape, 300, 2, "poisson") == loop


@pytest.mark.parametrize(
    ("load", "sizes", "expected"),
    [
        ("", BurstSizes(9, 50, 4), BurstSizes(9, 50, 4)),
        ("load: {arrival: uniform}\n", BurstSizes(9, 50, 4), BurstSizes(9, 50, 4)),
        ("load: {rate: 20}\n", BurstSizes(9), BurstSizes(9, 20, 2)),
        ("load: {stages: [{duration: 1s, target: 40}, {duration: 3s, target: 40}]}\n", BurstSizes(), BurstSizes(None, 35, 4)),
    ],
)
def test_bursts_have_the_size_of_the_workload(load: str, sizes: BurstSizes, expected: BurstSizes) -> None:
    """Stages count with their average rate."""
    assert workload_sizes(parse_workload(load + TEXT), sizes, rate=300, seconds=2, arrival="poisson") == expected


@pytest.mark.parametrize("sizes", [BurstSizes(rate=20), BurstSizes(duration=2)])
def test_a_size_in_two_places_is_refused(sizes: BurstSizes) -> None:
    """The one that counts would be a guess."""
    workload = parse_workload("load: {rate: 20}\n" + TEXT, "slo.yaml")

    with pytest.raises(SloError, match=r"^slo\.yaml:1:7: the size of a burst is set twice"):
        workload_sizes(workload, sizes, rate=300, seconds=2, arrival="poisson")


@pytest.mark.parametrize(
    ("old", "new", "endpoints", "problem"),
    [
        ("host: pay.localhost\n", "host: paid.localhost\n", ENDPOINTS, "slo.yaml:16:11: "),
        ("host: shop", "host: shops", ENDPOINTS, "slo.yaml:1:7: "),
        ("host: shop.localhost\n", "", ENDPOINTS, "slo.yaml:12:12: the request has no host"),
        ("host: shop.localhost\n", "", (), "slo.yaml:12:12: the application's manifests route no host"),
    ],
)
def test_a_host_that_the_manifests_do_not_route_is_refused(old: str, new: str, endpoints: tuple[Endpoint, ...], problem: str) -> None:
    """So is a request without a host if there are several."""
    with pytest.raises(SloError) as caught:
        plan(TEXT.replace(old, new, 1), endpoints)

    assert caught.value.message.startswith(problem)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("host: shop", "host: §shops"),
        ("path: /users, body", "path: /users, host: §x, body"),
        ("host: pay.localhost}", "host: §paid.localhost}"),
        ("{name: upload, path: /blob}", "{name: upload, path: /blob, weight: 0, host: §x}"),
        ("{name: login, path: /login,", "{name: login, path: /login, host: §x,"),
    ],
)
def test_a_workload_is_checked_before_there_is_a_cluster(old: str, new: str) -> None:
    """Every request, also those that are not in the mix; § is before the place of the mistake."""
    refuse_unusable(loaded(), [endpoint.host for endpoint in ENDPOINTS])

    before, after = TEXT.replace(old, new, 1).split("§")
    place = f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"
    with pytest.raises(SloError, match=rf"^slo\.yaml:{place}: the application's manifests do not route"):
        refuse_unusable(loaded(before + after), [endpoint.host for endpoint in ENDPOINTS])


def test_the_only_host_needs_no_name_and_an_entry_without_a_host_serves_any() -> None:
    """An Ingress without a host routes all of them."""
    text = "routes: [{name: a, path: /}]"

    only = plan(text, (Endpoint("only.localhost", "http://x"),)).routes[0]
    anything = plan(text.replace("path: /", "path: /, host: any.localhost"), (Endpoint("", "http://x"),)).routes[0]

    assert only.host == "only.localhost"
    assert (anything.url, anything.host) == ("http://x", "any.localhost")


def test_a_part_of_the_workload_keeps_its_weights() -> None:
    """A test can send one route, several, or a journey; a route that the mix leaves out is sent too."""
    one, two, alone = plan(only=("upload",)), plan(only=("search", "buy")), plan(only=("checkout",))

    assert [(route.name, route.weight) for route in one.routes] == [("upload", 1)]
    assert [(route.name, route.weight) for route in two.routes] == [("search", 6), ("login", 0), ("checkout", 0), ("receipt", 0)]
    assert [(route.name, route.weight, route.journey) for route in alone.routes] == [("checkout", 1, "")]
    assert one.journeys == alone.journeys == ()


@pytest.mark.parametrize(
    ("text", "name", "problem"),
    [
        (TEXT, "serach", "no route or journey 'serach'"),
        (TEXT.replace("/checkout/{n}", "/checkout/{token}"), "checkout", "cannot be sent outside of its journey: it needs token"),
    ],
)
def test_a_part_that_cannot_be_sent_is_refused(text: str, name: str, problem: str) -> None:
    """An unknown name, and a route that needs the values of a journey."""
    with pytest.raises(SloError, match=problem):
        plan(text, only=(name,))


def test_a_duet_sends_everything_to_both_versions() -> None:
    """At the same total rate, each version with its own hosts."""
    duet = duet_of(plan(), {"shop.localhost": "shop-base.localhost", "pay.localhost": "pay-base.localhost"})

    half = len(duet.routes) // 2
    assert [(route.name, route.journey, route.weight) for route in duet.routes[:half]] == [
        (route.name, route.journey, route.weight) for route in duet.routes[half:]
    ]
    assert {(route.arm, route.host) for route in duet.routes} == {
        ("head", "shop.localhost"),
        ("head", "pay.localhost"),
        ("base", "shop-base.localhost"),
        ("base", "pay-base.localhost"),
    }
    assert [(journey.arm, [duet.routes[step.route].arm for step in journey.steps]) for journey in duet.journeys] == [
        ("head", ["head"] * 3),
        ("base", ["base"] * 3),
    ]
    assert duet.loop == plan().loop


def test_one_version_of_a_duet_is_the_whole_plan() -> None:
    """Its journeys lead to its own routes."""
    duet = duet_of(plan(), {endpoint.host: f"base-{endpoint.host}" for endpoint in ENDPOINTS})

    base = one_arm(duet, "base")

    assert [route.name for route in base.routes] == [route.name for route in plan().routes]
    assert {route.arm for route in base.routes} == {"base"}
    assert [journey.steps for journey in base.journeys] == [plan().journeys[0].steps]


def test_both_versions_get_the_same_data_in_the_same_order() -> None:
    """Otherwise a difference between requests would look like one between versions."""
    duet = duet_of(plan(), {endpoint.host: f"base-{endpoint.host}" for endpoint in ENDPOINTS})
    assert isinstance(duet.loop, OpenLoop)
    values = all_entry_values(duet, make_schedule(duet.loop, (*duet.routes, *duet.journeys), duet.seed).route)

    head, base = values[len(duet.routes) :]
    assert [head.at(number) for number in range(9)] == [base.at(number) for number in range(9)]
    assert len({head.at(number)["n"] for number in range(9)}) == 9


def test_routes_and_journeys_know_their_stream() -> None:
    """By their own name or their group's, in both versions of a comparison."""
    text = TEXT.replace("routes:\n", "load: {arrival: {reading: uniform, buy: uniform}}\nroutes:\n", 1).replace(
        "weight: 6,", "weight: 6, group: reading,"
    )
    made = workload_plan(LoadedWorkload(parse_workload(text), DATA), ENDPOINTS, SETTINGS)
    duet = duet_of(made, {})

    assert [(route.name, route.stream) for route in made.routes if route.weight] == [("search", "reading"), ("upload", "")]
    assert [route.stream for route in duet.routes if route.weight] == ["reading", "", "reading", ""]
    assert [journey.stream for journey in (*made.journeys, *duet.journeys)] == ["buy"] * 3


def test_setup_and_teardown_are_requests_in_order() -> None:
    """They go to the same hosts as the load."""
    setup, teardown = setup_routes(loaded(), "setup", ENDPOINTS), setup_routes(loaded(), "teardown", ENDPOINTS)

    assert [(route.name, route.host, route.extract) for route in setup] == [
        ("register", "shop.localhost", (Extraction("session", "json", "token"),))
    ]
    assert [(route.name, route.host, route.method) for route in teardown] == [("remove", "pay.localhost", "DELETE")]


LOCUST = """\
host: shop.localhost
locust: {file: users.py, users: 20, spawn_rate: 4, workers: 2}
"""


def _locust(text: str = LOCUST) -> LoadedWorkload:
    return LoadedWorkload(parse_workload(text, "workload.yaml", Path("/suite")), WorkloadData())


def test_the_users_of_a_locustfile_are_a_closed_loop_to_one_host() -> None:
    """The loop's duration is that of the settings; Locust makes the requests."""
    plan = workload_plan(_locust(), ENDPOINTS, PlanSettings(OpenLoop.constant(300, seconds=7), timeout=3.0))

    assert plan.loop == ClosedLoop(20, 7.0)
    assert plan.program == LocustUsers("/suite/users.py", 4.0, 2)
    assert [(route.url, route.host) for route in plan.routes] == [("https://127.0.0.1:8443", "shop.localhost")]
    assert plan.timeout == 3.0


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("host: pay.example\nlocust: {file: users.py, users: 1}", "do not route 'pay.example'"),
        ("locust: {file: users.py, users: 1}", "the workload has no host, and the manifests route several"),
    ],
)
def test_a_locustfile_needs_one_routed_host(text: str, problem: str) -> None:
    """Its users have one address."""
    with pytest.raises(SloError, match=problem) as caught:
        refuse_unusable(_locust(text), [endpoint.host for endpoint in ENDPOINTS])
    assert caught.value.message.startswith("workload.yaml:")


def test_parts_of_a_locustfile_cannot_be_sent_alone() -> None:
    """Its requests have no names in the document."""
    with pytest.raises(SloError, match="no route or journey 'search'"):
        workload_plan(_locust(), ENDPOINTS, PlanSettings(OpenLoop.constant(1, seconds=1)), ("search",))


@pytest.mark.parametrize(
    ("sizes", "text", "problem"),
    [
        (BurstSizes(), LOCUST, "20 users take 5 s to start"),
        (BurstSizes(duration=4.0), LOCUST, "20 users take 5 s to start"),
        (BurstSizes(rate=100.0), LOCUST, "the pace is that of locust:"),
        (BurstSizes(duration=4.0), "k6: {file: load.js}", "the pace is that of k6:"),
    ],
)
def test_bursts_that_do_not_fit_the_users_are_rejected(sizes: BurstSizes, text: str, problem: str) -> None:
    """Some users would never start, and a rate would have no effect."""
    with pytest.raises(SloError, match=problem):
        workload_sizes(_locust(text).workload, sizes, rate=300.0, seconds=2.0, arrival="poisson")


def test_bursts_in_which_all_users_start_are_accepted() -> None:
    """The duration is that of the workload, or of the bursts."""
    longer = _locust(LOCUST + "load: {duration: 30s}").workload

    assert workload_sizes(longer, BurstSizes(), rate=300.0, seconds=2.0, arrival="poisson").duration == 30.0
    assert workload_sizes(_locust().workload, BurstSizes(duration=5.0), rate=300.0, seconds=2.0, arrival="poisson").duration == 5.0


def test_a_k6_script_is_sent_with_its_own_load() -> None:
    """Users and duration are what k6 says about it."""
    script = InspectedScript(K6Script("/suite/load.js", open_loop=True), 25, 90.0, ())
    loaded = LoadedWorkload(parse_workload("host: shop.localhost\nk6: {file: load.js}"), WorkloadData(), script)

    plan = workload_plan(loaded, ENDPOINTS, PlanSettings(OpenLoop.constant(300, seconds=7), ca_file="ca.pem"))

    assert (plan.program, plan.loop, plan.ca_file) == (script.program, ClosedLoop(25, 90.0), "ca.pem")
    assert plan.routes[0].host == "shop.localhost"
