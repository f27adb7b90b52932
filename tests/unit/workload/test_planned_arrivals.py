"""The load that a workload plans, by the tags of its document."""

from __future__ import annotations

from kindgate.workload.document import parse_slo_document
from kindgate.workload.model import Workload
from kindgate.workload.planned_arrivals import planned_load

TEXT = """
workload:
  data:
    user: {csv: users.csv}
    product: {json: products.json}
  setup:
    - {name: seed, method: POST, path: /seed, body: {file: seed.bin}}
  routes:
    - {name: search, path: "/products?q={product.name}", weight: 6, group: catalog, tags: {team: a}}
    - {name: login, method: POST, path: /login, body: {json: {email: "{user.email}"}}, weight: 0}
    - {name: checkout, method: POST, path: /checkout, expect: {schema: order.schema.json}, weight: 2}
  journeys:
    - name: buy
      weight: 2
      steps:
        - {route: login}
        - {name: cart, path: /cart, expect: {schema: cart.schema.json}}
        - {route: checkout}
"""


def _workload(text: str = TEXT) -> Workload:
    workload = parse_slo_document(text)
    assert isinstance(workload, Workload)
    return workload


def test_arrivals_are_shared_by_weight_and_each_step_counts_once_per_journey() -> None:
    """Of 100 arrivals, 60 are searches, 20 checkouts and 20 journeys of three steps; what is not in the mix is not planned."""
    load = planned_load(_workload(), 100)

    assert [(one.tags.get("journey", ""), one.tags["route"], one.count) for one in load.requests] == [
        ("", "search", 60),
        ("", "checkout", 20),
        ("buy", "login", 20),
        ("buy", "cart", 20),
        ("buy", "checkout", 20),
    ]
    assert [(one.tags, one.count) for one in load.journeys] == [({"journey": "buy"}, 20)]
    assert load.requests[0].tags == {"route": "search", "method": "GET", "group": "catalog", "team": "a"}


def test_the_mix_decides_what_is_planned() -> None:
    """What the mix does not name is not sent."""
    load = planned_load(_workload(TEXT + "  mix: {checkout: 1}\n"), 100)

    assert [(one.tags["route"], one.count) for one in load.requests] == [("checkout", 100)]
    assert load.journeys == ()


def test_what_the_users_of_a_locustfile_send_is_unknown() -> None:
    """No objective can be refused for its tags or for too few requests."""
    load = planned_load(_workload("workload: {locust: {file: users.py, users: 5}}"), 100)

    assert load.unknown
    assert not load.has_tags
