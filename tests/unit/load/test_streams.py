"""Values of a burst's requests: determined by the plan, equal for both versions, and unique where they promise to be."""

from __future__ import annotations

import re
import uuid
from collections import Counter as Tally
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kindgate.load.journey import Journey, Step
from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.load.schedule import make_schedule
from kindgate.load.streams import EntryValues, all_entry_values, entry_values
from kindgate.load.template import Placeholder, Template, Value
from kindgate.load.variables import Choice, Constant, Counter, RandomInt, Rows, Uuid, Variable

URL = "http://127.0.0.1/"
USERS = Rows("user", ("name", "age"), (("ann", 1), ("bob", 2), ("cid", 3)), "random")
VARIABLES: tuple[Variable, ...] = (
    USERS,
    replace(USERS, name="queue", order="sequential"),
    Counter("n", 7),
    Uuid("id"),
    RandomInt("size", -3, 3),
    Choice("color", ("red", "green", None)),
    Constant("key", "hush", secret=True),
)
NAMES = ("user.name", "user.age", "queue.name", "n", "id", "size", "color", "key", "run", "token")


def body(*names: str) -> Template:
    """A body with these values."""
    return Template(tuple(Placeholder(name) for name in names))


def plan_of(*arms: str, seed: int = 1, requests: int = 60) -> BurstPlan:
    """Search, home (without values) and a journey, for each arm."""
    routes: list[Route] = []
    journeys: list[Journey] = []
    for arm in arms:
        search = Route(URL, name="search", arm=arm, weight=2, body_template=body(*NAMES))
        step = Route(URL, name="cart", arm=arm, weight=0, journey="buy", body_template=body("n", "id", "size"))
        journeys.append(Journey("buy", (Step(len(routes) + 2),), arm=arm))
        routes += [search, Route(URL, name="home", arm=arm), step]
    setup: tuple[tuple[str, tuple[tuple[str, Value], ...]], ...] = tuple((arm, (("token", f"token of {arm}"),)) for arm in arms)
    loop = OpenLoop.constant(100, requests=requests)
    return BurstPlan(tuple(routes), loop, seed, variables=VARIABLES, setup_values=setup, salt="s1", journeys=tuple(journeys))


def values_of(plan: BurstPlan) -> tuple[EntryValues, ...]:
    """The values of every entry of the plan."""
    return all_entry_values(plan, schedule_entries(plan))


def schedule_entries(plan: BurstPlan) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The entries of the plan's schedule."""
    assert isinstance(plan.loop, OpenLoop)
    return make_schedule(plan.loop, (*plan.routes, *plan.journeys), plan.seed).route


def drawn(plan: BurstPlan, entry: int, name: str) -> list[Value]:
    """All values of one name for one entry."""
    count = int((schedule_entries(plan) == entry).sum())
    values = values_of(plan)[entry]
    return [values.at(number)[name] for number in range(count)]


@given(seed=st.integers(0, 2**32))
@settings(max_examples=30)
def test_both_versions_get_equal_values_except_those_of_their_own_setup(seed: int) -> None:
    """The n-th search of one version sends what the n-th search of the other sends."""
    plan = plan_of("base", "head", seed=seed)
    base, _, _, head, _, _, base_buy, head_buy = values_of(plan)
    for number in range(7):
        expected = base.at(number) | {"token": "token of head"}
        assert head.at(number) == expected
        assert head_buy.at(number) == base_buy.at(number)
    assert base.at(0)["token"] == "token of base"


def test_the_same_seed_gives_the_same_values_and_another_seed_others() -> None:
    """A burst can be repeated exactly, and a series of bursts does not repeat itself."""
    first, again, other = (drawn(plan_of("", seed=seed), 0, "id") for seed in (5, 5, 6))
    assert first == again
    assert set(first).isdisjoint(other)


def test_entries_and_variables_have_streams_of_their_own() -> None:
    """Two requests that use one variable, or one request that uses two, do not get equal numbers."""
    plan = plan_of("", requests=400)
    plan = replace(plan, variables=(*VARIABLES, RandomInt("other", -3, 3)))
    plan = replace(plan, routes=(replace(plan.routes[0], body_template=body("size", "other")), *plan.routes[1:]))
    assert drawn(plan, 0, "size") != drawn(plan, 0, "other")
    assert drawn(plan, 0, "size")[:50] != drawn(plan, 3, "size")[:50]


@given(count=st.integers(1, 40), more=st.integers(0, 40))
@settings(max_examples=30)
def test_a_longer_burst_begins_with_the_same_values(count: int, more: int) -> None:
    """Value number n does not depend on how many follow."""
    plan = plan_of("")
    short, long = entry_values(plan, 0, count), entry_values(plan, 0, count + more)
    assert [short.at(number) for number in range(count)] == [long.at(number) for number in range(count)]


@given(seed=st.integers(0, 10**6), requests=st.integers(3, 80))
@settings(max_examples=30)
def test_a_counter_is_unique_over_entries_and_bursts(seed: int, requests: int) -> None:
    """A store that keeps all orders of a run gets each number once."""
    seen: Tally[Value] = Tally()
    for number in range(3):
        plan = plan_of("", seed=seed + number, requests=requests)
        for entry in (0, 3):
            seen.update(drawn(plan, entry, "n"))
    assert max(seen.values()) == 1
    assert seed or min(value for value in seen if isinstance(value, int)) == 7


def test_sequential_rows_follow_each_other_also_from_burst_to_burst() -> None:
    """A burst of 60 requests continues where the one before would have ended, so a long table is used to its end."""
    plan = plan_of("", seed=0)
    long = replace(
        plan, variables=(Rows("queue", ("name",), tuple((f"u{n}",) for n in range(100)), "sequential"), *VARIABLES[:1], *VARIABLES[2:])
    )
    assert [drawn(long, 0, "queue.name")[index] for index in (0, 1, 2)] == ["u0", "u1", "u2"]
    assert drawn(replace(long, seed=1), 0, "queue.name")[0] == "u60"
    assert drawn(plan, 0, "queue.name")[:4] == ["ann", "bob", "cid", "ann"]


def test_the_columns_of_a_row_belong_together() -> None:
    """A random user has the age of that user."""
    plan = plan_of("")
    rows = set(zip(drawn(plan, 0, "user.name"), drawn(plan, 0, "user.age"), strict=True))
    assert rows == set(USERS.rows)


def test_generated_values_are_of_their_kind() -> None:
    """Numbers include both ends, choices every value, and UUIDs are of version 4 and distinct."""
    plan = plan_of("", requests=2000)
    assert set(drawn(plan, 0, "size")) == set(range(-3, 4))
    assert set(drawn(plan, 0, "color")) == {"red", "green", None}
    ids = drawn(plan, 0, "id")
    assert len(set(ids)) == len(ids)
    for text in ids:
        assert isinstance(text, str)
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text)
        assert (uuid.UUID(text).version, uuid.UUID(text).variant) == (4, uuid.RFC_4122)


def test_values_have_the_types_of_json() -> None:
    """Numpy's integers could not be written into a body."""
    values = values_of(plan_of(""))[0].at(3)
    assert [type(values[name]) for name in ("size", "n", "id", "run", "key")] == [int, int, str, str, str]


def test_an_entry_gets_only_values_that_it_uses() -> None:
    """Nothing is computed for nothing."""
    values = values_of(plan_of(""))
    assert set(values[0].at(0)) == set(NAMES)
    assert values[1].at(0) == {}
    assert set(values[3].at(0)) == {"n", "id", "size"}
