"""A workload from a k6 script: every shape of script that is read, and everything that is listed instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindgate.errors import SettingsError, SloError
from kindgate.load.expectation import Extraction
from kindgate.scaffold.workload_sources.importing import SourceKind
from kindgate.scaffold.workload_sources.selection import Selection
from kindgate.workload.model import (
    CountedNumber,
    EnvironmentValue,
    FormBody,
    JsonBody,
    RandomChoice,
    RandomNumber,
    RandomUuid,
    TextBody,
    Workload,
    WorkloadRoute,
)
from tests.unit.scaffold.workload_sources.imports import UNSAFE, imported, imported_text, sent

K6 = SourceKind.K6
SCRIPTS = Path(__file__).parent / "k6"
BASE = "https://shop.example.com"

IMPORTS = """import http from 'k6/http';
import { check, group, sleep } from 'k6';
import { randomItem, randomIntBetween, uuidv4 } from 'https://jslib.k6.io/k6-utils/1.4.0/index.js';
"""


def workload(folder: Path, body: str, before: str = "") -> Workload:
    """The workload of a script whose default function has a body."""
    return imported_text(folder, K6, f"{IMPORTS}{before}\nexport default function () {{\n{body}\n}}\n", UNSAFE).workload


def requests_of(found: Workload) -> list[str]:
    """Methods and paths in the order of the script."""
    routes = {one.name: one for one in found.routes}
    steps = [step.route for journey in found.journeys for step in journey.steps]
    return [f"{one.method} {one.path}" for one in ([routes[step] for step in steps if isinstance(step, str)] or found.routes)]


def test_a_journey_of_requests_with_a_login_is_read() -> None:
    """Constants, templates, groups, pauses, checks, and values of answers in later requests."""
    result = imported(K6, SCRIPTS / "login-journey.js", UNSAFE)

    login, orders, order = result.workload.routes
    (journey,) = result.workload.journeys
    assert login == WorkloadRoute(
        "login",
        "/login",
        "POST",
        body=JsonBody({"email": "demo@example.com", "password": "{password}"}),
        weight=0,
        expect=login.expect,
        tags=(("group", "account"),),
    )
    assert login.expect.statuses == ((200, 299),)
    assert (orders.headers, orders.timeout) == ((("Authorization", "Bearer {token}"),), 5.0)
    assert order.path == "/orders/{id}"
    assert [(step.route, step.think) for step in journey.steps] == [("login", 0), (orders.name, 1.5), (order.name, 0.5)]
    assert [step.extract for step in journey.steps] == [
        (Extraction("token", "json", "session.token"),),
        (Extraction("id", "json", "id"),),
        (),
    ]


def test_setup_and_teardown_are_read() -> None:
    """What setup returns is used by the other functions."""
    result = imported(K6, SCRIPTS / "setup-token.js", UNSAFE)

    (login,), (me,), (leave,) = result.workload.setup, result.workload.routes, result.workload.teardown
    assert login.extract == (Extraction("token", "json", "token"),)
    assert login.body == FormBody((("user", "demo"), ("password", "{shop_password}")))
    assert me.headers == leave.headers == (("Authorization", "Bearer {token}"),)
    assert result.workload.data == (EnvironmentValue("shop_password", "SHOP_PASSWORD", secret=True),)


def test_without_unsafe_nothing_that_needs_an_unsafe_login_is_sent() -> None:
    """The only request of the script uses a token that only a POST provides."""
    with pytest.raises(SettingsError, match="every request may change data"):
        imported(K6, SCRIPTS / "setup-token.js")


def test_scenarios_have_weights_and_thresholds_are_suggested() -> None:
    """Arrival rates are a load; the metrics of the script itself have no counterpart."""
    result = imported(K6, SCRIPTS / "arrival-scenarios.js")

    assert {one.name: one.weight for one in result.workload.journeys} == {"browse": 90}
    assert {one.name: one.weight for one in result.workload.routes}["search"] == 10
    assert result.rate == 100.0
    assert result.thresholds == (("http_req_failed", ("rate<0.01",)), ("http_req_duration{name:search}", ("p(95)<300", "p(99)<800")))
    assert [one.what for one in result.dropped] == ["options.thresholds.my_counter"]


def test_virtual_users_are_not_a_rate() -> None:
    """They wait for the server, so their number does not say how many requests arrive."""
    result = imported(K6, SCRIPTS / "ramping-users.js")

    assert (result.rate, [one.what for one in result.dropped]) == (None, ["options.stages"])


def test_batches_are_read() -> None:
    """As lists, objects and texts; a request to another host is listed."""
    result = imported(K6, SCRIPTS / "batch.js")

    assert requests_of(result.workload) == [
        "GET /api/categories",
        "GET /api/cart",
        "GET /api/recommendations",
        "GET /api/stock/17",
        "GET /api/stock/{id}",
    ]
    assert [(one.what, one.reason) for one in result.dropped] == [("line 6", "sent to another host, cdn.example.net")]


def test_environment_variables_become_values_of_the_environment() -> None:
    """A default is used, except for a secret; an address is the application's."""
    result = imported(K6, SCRIPTS / "environment.js")

    assert requests_of(result.workload) == ["GET /v2/products", "GET /v2/stock?token={token}"]
    assert result.workload.data == (
        EnvironmentValue("api_key", "API_KEY", secret=True),
        EnvironmentValue("region", "REGION"),
        EnvironmentValue("cookie", "COOKIE", secret=True),
        EnvironmentValue("token", "TOKEN", secret=True),
    )


def test_generated_values_are_read() -> None:
    """k6's utilities, Math.random and the execution's counters."""
    result = imported(K6, SCRIPTS / "generated-values.js", UNSAFE)

    assert requests_of(result.workload) == [
        "GET /products/{number}?color={colors}",
        "GET /products?size={sizes}&page={number_2}",
        "PUT /carts/{uuid}",
    ]
    assert result.workload.data == (
        RandomNumber("number", 1, 500),
        RandomChoice("colors", ("red", "green", "blue")),
        RandomChoice("sizes", (36, 38, 40)),
        RandomNumber("number_2", 1, 10),
        RandomUuid("uuid"),
        CountedNumber("counter"),
    )
    assert result.workload.routes[2].body == JsonBody({"user": "user-{counter}", "iteration": "{counter}"})


def test_functions_and_loops_are_followed() -> None:
    """With arguments; what a workload cannot repeat or decide is listed with its line."""
    result = imported(K6, SCRIPTS / "functions-and-loops.js", UNSAFE)

    assert requests_of(result.workload) == [
        "GET /",
        "GET /products",
        "GET /about",
        "PATCH /carts/1",
        "POST /feedback",
        "GET /products?page=2",
        "DELETE /favorites/{id}",
    ]
    assert {one.what: one.reason for one in result.dropped} == {
        "line 22": "a loop: its requests are sent once",
        "line 25": "a condition: its requests are always sent",
        "line 27": "`else`: its requests are never sent",
        "line 31": "the check 'has items' is not read",
    }
    assert result.workload.routes[5].expect.json == (("page", 2),)


def test_a_script_without_constant_requests_is_refused_with_its_lines() -> None:
    """The reader sees what to write by hand."""
    with pytest.raises(SloError) as caught:
        imported(K6, SCRIPTS / "shared-data.js")

    assert caught.value.message.endswith("shared-data.js:3:1: no request of the script can be read")
    assert caught.value.next_step == (
        "line 3: k6/ws: WebSockets cannot be in a workload; line 9: http.post: `SharedArray` is not known;"
        " line 12: http.get: `link` is not known"
    )


def test_checks_become_expectations() -> None:
    """Times are not checked: thresholds judge them."""
    (route,) = imported(K6, SCRIPTS / "constant-get.js").workload.routes

    assert (route.expect.statuses, route.expect.contains) == (((200, 200),), "products")


@pytest.mark.parametrize(
    ("statement", "request_"),
    [
        (f"http.get('{BASE}')", "GET /"),
        (f"http.get('{BASE}?a=1#top')", "GET /?a=1"),
        (f"http.head('{BASE}/a')", "HEAD /a"),
        (f"http.del('{BASE}/a')", "DELETE /a"),
        (f"http.request('options', '{BASE}/a', null)", "OPTIONS /a"),
        (f"http.get('{BASE}' + '/a/' + (1 + 2) * 4 + '?b=' + [1, 2])", "GET /a/12?b=1,2"),
        (f"http.get(`{BASE}/${{'a'.toString()}}/${{null}}/${{true}}`)", "GET /a/null/true"),
        (f"http.get('{BASE}/caf\\u00e9 au lait')", "GET /caf%C3%A9%20au%20lait"),
        (f"http.get('{BASE}/a\\x41\\n'.toString())", "GET /aA%0A"),
        (f"const o = {{a: {{b: ['{BASE}/x']}}}}; http.get(o.a['b'][0])", "GET /x"),
        (f"let u = '{BASE}/'; u = u + 'y'; http.get(u)", "GET /y"),
        (f"['/p'].forEach((p) => http.get('{BASE}' + p))", "GET /p"),
        (f"try {{ http.get('{BASE}/t') }} catch (e) {{}}", "GET /t"),
        (f"const f = (a, b = '/z') => http.get(a + b); f('{BASE}')", "GET /z"),
        (f"const {{ base }} = {{ base: '{BASE}/d' }}; http.get(base)", "GET /d"),
        (f"http.get('{BASE}/' + Math.floor(Math.random() * 5))", "GET /{number}"),
        (f"http.get('{BASE}/{{id}}')", "GET /%7Bid%7D"),
    ],
)
def test_constant_expressions_are_evaluated(statement: str, request_: str, tmp_path: Path) -> None:
    """Scripts rarely contain whole addresses."""
    assert requests_of(workload(tmp_path, statement)) == [request_]


@pytest.mark.parametrize(
    ("body", "written"),
    [
        ("JSON.stringify({a: [1, {b: '{c}'}], d: null})", JsonBody({"a": [1, {"b": "{{c}}"}], "d": None})),
        ("""'{"a": 1}'""", JsonBody({"a": 1})),
        ("'a=1'", TextBody("a=1")),
        ("`n=${__ENV.N}`", TextBody("n={n}")),
        ("{a: 1, b: __ENV.B}", FormBody((("a", "1"), ("b", "{b}")))),
        ("null", None),
    ],
)
def test_bodies_are_read(body: str, written: object, tmp_path: Path) -> None:
    """An object is a form, as in k6; JSON.stringify is JSON."""
    assert workload(tmp_path, f"http.post('{BASE}/a', {body})").routes[0].body == written


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("http.get(host + '/a')", "line 6: http.get: `host` is not known"),
        ("http.get(pick())", "line 6: http.get: `pick` is not known"),
        ("http.get(`https://${host}/a`)", "line 6: http.get: `host` is not known"),
        ("http.get(`https://${__ENV.HOST}/a`)", "line 6: its host is not constant"),
        ("http.get('/relative')", "line 6: its address has no constant host"),
        ("http.get(__ENV.URL)", "line 6: its address is not constant"),
        (f"http.post('{BASE}/a', open('body.bin', 'b'))", "line 6: http.post: `open` is not known"),
        (f"http.post('{BASE}/a', {{f: http.file('x')}})", "line 6: http.file is not read"),
        (f"http.get('{BASE}/a', {{headers: {{a: secretOf()}}}})", "line 6: `secretOf` is not known"),
        (f"switch (x) {{ case 1: http.get('{BASE}/a') }}", "line 6: `switch` is not followed"),
        (f"function f() {{ f(); http.get('{BASE}/deep') }} f(); while (true) {{ g() }}", ""),
    ],
)
def test_what_cannot_be_read_is_listed_with_its_line(statement: str, problem: str, tmp_path: Path) -> None:
    """The rest of the script is imported."""
    text = f"{IMPORTS}\nexport default function () {{\n{statement};\nhttp.get('{BASE}/ok');\n}}\n"

    result = imported_text(tmp_path, K6, text, UNSAFE)

    assert "GET /ok" in requests_of(result.workload)
    listed = [f"{one.what}: {one.reason}" for one in result.dropped]
    assert problem in listed if problem else not listed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("export default function () {\n  http.get('a'\n}", "source:"),
        ("const a: string = 'typed';\nexport default function () {}\n", "source:1:7: not JavaScript"),
        ("", "source:1:1: the script exports no default function"),
        ("import http from 'k6/http';\n", "source:1:1: the script exports no default function"),
        ("export default function () {}\n", "source:1:1: no request of the script can be read"),
        (
            "import { login } from './login.js';\nexport default function () { login(); }\n",
            "source:1:1: no request of the script can be read",
        ),
    ],
)
def test_a_file_that_is_no_usable_script_is_refused_with_a_position(text: str, message: str, tmp_path: Path) -> None:
    """Nothing is written for it."""
    with pytest.raises(SloError) as caught:
        imported_text(tmp_path, K6, text)

    assert message in caught.value.message


def test_a_script_with_many_statements_ends(tmp_path: Path) -> None:
    """A script is data of others: calls that call each other twice must not take forever."""
    functions = "".join(f"function f{number}() {{ f{number + 1}(); f{number + 1}(); }}\n" for number in range(40))
    text = f"{IMPORTS}{functions}export default function () {{ http.get('{BASE}/a'); f0(); }}\n"

    assert [one.path for one in sent(imported_text(tmp_path, K6, text)).routes] == ["/a"]


def test_the_host_is_that_of_the_first_request_unless_it_is_named(tmp_path: Path) -> None:
    """Scripts also call services that are not judged."""
    text = f"{IMPORTS}export default function () {{ http.get('https://auth.example.com/x'); http.get('{BASE}/y'); }}\n"

    first, named = (imported_text(tmp_path, K6, text, Selection(host=host)) for host in ("", "shop.example.com"))

    assert [one.path for one in first.workload.routes] == ["/x"]
    assert [one.path for one in named.workload.routes] == ["/y"]
