"""Requests whose templates are filled in for each send, and responses judged by more than their status."""

from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from kindgate.load.expectation import Expectation, Extraction
from kindgate.load.generator_pool import GeneratorPool, run_burst
from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.load.result import BurstResult, FailureKind
from kindgate.load.template import Encoding, Placeholder, Template
from kindgate.load.variables import Counter, Rows, Variable
from tests.unit.load.conftest import Serve, hanging
from tests.unit.load.shop_server import Shop

NASTY = ("..", "a/b?c=d#e", "caf\u00e9 \u2603", "{", '"}\\', "%2F", "+", "")
NAMES = Rows("name", ("",), tuple((name,) for name in NASTY))


def burst(route: Route, pool: GeneratorPool, *variables: Variable, requests: int = 8) -> BurstResult:
    """Send a few requests of one route, with seed 0 so that rows start with the first."""
    loop = OpenLoop.constant(100, requests=requests)
    return run_burst(BurstPlan((route,), loop, 0, variables=variables, salt="s1", processes=1, timeout=20), pool=pool)


def test_each_request_is_filled_with_its_own_values(serve: Serve, pool: GeneratorPool) -> None:
    """The server decodes path, query, header, form and JSON to the values, whatever characters they contain."""
    shop = Shop()
    route = Route(
        serve(shop.handle) + "replaced",
        "shop.localhost",
        "PUT",
        (("X-Fixed", "1"),),
        path=Template(("/caf\u00e9/", Placeholder("name", Encoding.URL), "?q=", Placeholder("name", Encoding.FORM))),
        header_templates=(("X-Name", Template((Placeholder("name"),))), ("X-Run", Template((Placeholder("run"), "!")))),
        body_template=Template(('{"name": ', Placeholder("name", Encoding.JSON), ', "n": ', Placeholder("n", Encoding.JSON), "}")),
    )
    result = burst(route, pool, NAMES, Counter("n"))

    assert (result.failed, result.total.completed) == ({}, 8)
    received = sorted(shop.received, key=lambda each: int(json.loads(each.body)["n"]))
    assert [json.loads(each.body) for each in received] == [{"name": name, "n": n} for n, name in enumerate(NASTY, 1)]
    for each, name in zip(received, NASTY, strict=True):
        assert (each.method, each.headers["host"], each.headers["x-fixed"], each.headers["x-run"]) == ("PUT", "shop.localhost", "1", "s1!")
        assert each.headers["x-name"] == name
        url = urlsplit(each.path)
        assert [unquote(part) for part in url.path.split("/")[1:]] == ["caf\u00e9", name]
        assert parse_qsl(url.query, keep_blank_values=True) == [("q", name)]
        assert "expect" not in each.headers


def test_templates_without_placeholders_are_sent_as_they_are(serve: Serve, pool: GeneratorPool) -> None:
    """They are set once, and equal every time."""
    shop = Shop()
    route = Route(
        serve(shop.handle),
        method="POST",
        path=Template(("/a b?c={d}",)),
        header_templates=(("X-A", Template(("1",))), ("X-Empty", Template(()))),
        body_template=Template(("{}",)),
    )
    assert burst(route, pool, requests=3).failed == {}
    assert {(each.path, each.headers["x-a"], each.headers["x-empty"], each.body) for each in shop.received} == {
        ("/a%20b?c={d}", "1", "", b"{}")
    }


@pytest.mark.parametrize(("method", "length"), [("POST", "0"), ("PUT", "0"), ("PATCH", "0"), ("GET", None), ("DELETE", None)])
def test_a_request_that_should_have_a_body_states_that_it_has_none(
    method: str, length: str | None, serve: Serve, pool: GeneratorPool
) -> None:
    """Some servers reject a POST without a length (RFC 9110, section 8.6)."""
    shop = Shop()
    assert burst(Route(serve(shop.handle), method=method), pool, requests=1).failed == {}
    assert shop.received[0].headers.get("content-length") == length


@pytest.mark.parametrize(
    ("status", "expect", "failed"),
    [
        (404, Expectation(((404, 404),)), {}),
        (404, Expectation(substring="items"), {FailureKind.HTTP: 4}),
        (404, Expectation(((200, 299),)), {FailureKind.HTTP: 4}),
        (200, Expectation(((201, 201),)), {FailureKind.CHECK: 4}),
        (200, Expectation(headers=(("location", "/else"),)), {}),
        (200, Expectation(headers=(("location", "/nowhere"),)), {FailureKind.CHECK: 4}),
        (200, Expectation(json=(("items.0.id", "7"),), exists=("items",)), {}),
        (200, Expectation(schema='{"required": ["items"]}', sample=1), {}),
        (200, Expectation(schema='{"required": ["item"]}', sample=1), {FailureKind.CHECK: 4}),
        (200, Expectation(schema='{"required": ["item"]}', sample=0.5), {FailureKind.CHECK: 2}),
    ],
)
def test_a_response_is_judged_by_what_is_expected(
    status: int, expect: Expectation, failed: dict[FailureKind, int], serve: Serve, pool: GeneratorPool
) -> None:
    """An expected error is a success; an unexpected status is an HTTP failure from 400 on, and a wrong answer below."""
    shop = Shop(fail={"/": status})
    result = burst(Route(serve(shop.handle), expect=expect), pool, requests=4)

    assert result.failed == failed
    assert result.total.checks_failed == failed.get(FailureKind.CHECK, 0)


def test_a_missing_value_fails_a_request_of_the_mix_too(serve: Serve, pool: GeneratorPool) -> None:
    """A route that provides values is judged alike wherever it is sent."""
    route = Route(serve(Shop().handle), extract=(Extraction("id", "json", "items.1.id"),))
    result = burst(route, pool, requests=4)
    assert (result.failed, result.total.checks_failed) == ({FailureKind.CHECK: 4}, 4)


def test_a_route_can_have_a_timeout_of_its_own(serve: Serve, pool: GeneratorPool) -> None:
    """A silent route fails after its own time, and the others keep theirs."""
    silent = Route(serve(hanging), name="silent", timeout=0.3)
    plan = BurstPlan((silent, replace(silent, name="patient", timeout=None)), OpenLoop.constant(50, requests=8), timeout=1.2, processes=1)
    result = run_burst(plan, pool=pool)

    assert result.failed == {FailureKind.TIMEOUT: 8}
    quick, patient = (series.failed_response for series in result.series)
    assert 300_000 <= quick.min <= quick.max < 1_200_000 <= patient.min
