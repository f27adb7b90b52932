"""Workloads as documents: what is written means the same, and is pleasant to read."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings

from kindgate.workload.document import parse_workload
from kindgate.workload.model import (
    CountedNumber,
    ExpectedResponse,
    FileRows,
    LoadShape,
    LocustLoad,
    RandomUuid,
    TextBody,
    Workload,
    WorkloadJourney,
    WorkloadRoute,
    WorkloadStep,
)
from kindgate.workload.writer import workload_yaml
from tests.unit.workload.workloads import workloads


@settings(max_examples=40, deadline=None)
@given(workloads())
def test_a_written_workload_is_read_back(workload: Workload) -> None:
    """Whatever its texts contain."""
    assert parse_workload(workload_yaml(workload)) == workload


def test_a_document_is_written_as_a_person_would() -> None:
    """Defaults are left out, and short mappings take one line."""
    workload = Workload(
        host="shop.localhost",
        load=LoadShape(rate=200, duration=0.5),
        data=(FileRows("user", "users.csv", "csv"), RandomUuid("order"), CountedNumber("n")),
        routes=(
            WorkloadRoute("search", "/products?q={n}", weight=6, expect=ExpectedResponse(((200, 299),), contains="shoe")),
            WorkloadRoute("note", "/notes", "POST", body=TextBody("first\nsecond\n"), timeout=2),
        ),
        journeys=(
            WorkloadJourney(
                "buy", (WorkloadStep("search"), WorkloadStep(WorkloadRoute("cart", "/cart", headers=(("X-Id", "{order}"),)), think=1.5))
            ),
        ),
    )

    text = workload_yaml(workload, header=["Written from openapi.json", "", "Dropped: nothing"])

    assert (
        text
        == """\
# Written from openapi.json
#
# Dropped: nothing
host: shop.localhost
load: {rate: 200, duration: 500ms}
data:
  user: {csv: users.csv}
  order: uuid
  n: counter
routes:
  - name: search
    path: /products?q={n}
    weight: 6
    expect: {status: 2xx, contains: shoe}
  - name: note
    path: /notes
    body:
      text: |
        first
        second
    timeout: 2s
journeys:
  - name: buy
    steps:
      - {route: search}
      - {name: cart, path: /cart, headers: {X-Id: '{order}'}, think: 1.5s}
"""
    )


def routes(*names: str) -> tuple[WorkloadRoute, ...]:
    """One route per name that uses the data of the same name."""
    return tuple(WorkloadRoute(name, f"/{name}/{{{name}}}") for name in names)


def test_disabled_entries_are_comments_that_can_be_removed() -> None:
    """They are not sent, and removing the comment signs sends them."""
    workload = Workload(routes=routes("a", "b", "c"), data=tuple(RandomUuid(name) for name in "abc"))

    text = workload_yaml(workload, disabled=[("routes", "b"), ("data", "b")])

    assert parse_workload(text) == Workload(routes=routes("a", "c"), data=(RandomUuid("a"), RandomUuid("c")))
    assert parse_workload(text.replace("# ", "")) == workload


def test_a_section_with_disabled_entries_only_is_a_comment() -> None:
    """A key without a value would be an error."""
    journey = WorkloadJourney("buy", (WorkloadStep("a"),))
    workload = Workload(routes=routes("a"), data=(RandomUuid("a"),), setup=(WorkloadRoute("login", "/login", "POST"),), journeys=(journey,))

    text = workload_yaml(workload, disabled=[("setup", "login"), ("journeys", "buy")])

    assert parse_workload(text) == replace(workload, setup=(), journeys=())
    assert parse_workload(text.replace("# ", "")) == workload


def test_a_comment_cannot_break_out() -> None:
    """Texts of comments come from files of others."""
    workload = Workload(routes=(WorkloadRoute("a", "/"), WorkloadRoute("b", "/b", "PUT", body=TextBody("x\n\nroutes: []\u2028y\x85z"))))

    text = workload_yaml(workload, header=["one\ntwo\rthree\u2028four"], disabled=[("routes", "b")])

    assert parse_workload(text) == replace(workload, routes=workload.routes[:1])


def test_the_users_of_a_locustfile_are_written() -> None:
    """Without defaults, and read back."""
    workload = Workload(host="shop.localhost", load=LoadShape(duration=30.0), locust=LocustLoad("users.py", 50, 5.0))

    text = workload_yaml(workload)

    assert "locust: {file: users.py, users: 50, spawn_rate: 5" in text
    assert parse_workload(text) == workload
