"""The workload document: its meaning, and errors that point at the mistake."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from kindgate.errors import SloError
from kindgate.load.expectation import Extraction
from kindgate.workload.document import IncludedWorkload, parse_slo_document, parse_workload
from kindgate.workload.model import (
    CountedNumber,
    EnvironmentValue,
    ExpectedResponse,
    FileBody,
    FileRows,
    FormBody,
    JsonBody,
    K6Load,
    LoadShape,
    LoadStage,
    LocustLoad,
    RandomChoice,
    RandomNumber,
    RandomUuid,
    TextBody,
    Workload,
    WorkloadJourney,
    WorkloadRoute,
    WorkloadStep,
)
from kindgate.workload.schema import schema_text

GOOD = """\
host: shop.localhost
http: "2"
redirects: 3
load: {rate: 200, arrival: uniform, duration: 500ms}
data:
  user: {csv: users.csv, order: random}
  product: {json: products.json}
  order: uuid
  n: counter
  m: {counter: 100}
  size: {int: [1, 10]}
  color: {choice: [red, 2, true]}
  region: {env: REGION}
  key: {secret: API_KEY}
setup:
  - name: register
    path: /users
    body: {json: {name: "demo-{run}", id: "{order}", tags: [a, null, 1.5]}}
    expect: {status: 201}
    extract: {session: {json: items.0.token}}
teardown:
  - {name: remove, method: delete, path: "/users/{session}"}
routes:
  - name: search
    path: /products?q={product.name}&n={n}
    weight: 6
    headers: {Accept: application/json, X-Key: "{key}"}
    timeout: 2s
    tags: {team: catalog}
    group: reading
    expect:
      status: [200, 3xx]
      headers: {Content-Type: json}
      contains: shoe
      json: {items.0.name: shoe, total: null}
      exists: [items]
      schema: search.schema.json
      sample: 20%
      size: {min: 1, max: 9000}
  - name: checkout
    path: /checkout
    host: pay.localhost
    weight: 0
    headers: {Authorization: "Bearer {token}"}
    body:
      form: {size: "{size}", color: "a {color}"}
  - {name: upload, method: PUT, path: /blob, body: {file: blob.bin}, expect: {schema: {type: object}, size: 12}}
  - name: note
    path: /notes
    body:
      text: |
        first {region}
        second {m}
journeys:
  - name: buy
    weight: 2
    steps:
      - {name: login, path: /login, body: {json: {email: "{user.email}"}}, extract: {token: {regex: "t=(.*)"}, id: {cookie: sid}}}
      - {route: checkout, extract: {receipt: {header: Location}}, think: 1.5s}
      - {name: receipt, path: "/r/{receipt}", think: 0}
mix: {search: 6, buy: 1, note: 1}
"""


def test_a_document_is_read_in_full() -> None:
    """Every key of the format has its place in the model."""
    assert parse_workload(GOOD) == Workload(
        host="shop.localhost",
        http="2",
        redirects=3,
        load=LoadShape(rate=200, arrival="uniform", duration=0.5),
        data=(
            FileRows("user", "users.csv", "csv", "random"),
            FileRows("product", "products.json", "json"),
            RandomUuid("order"),
            CountedNumber("n"),
            CountedNumber("m", 100),
            RandomNumber("size", 1, 10),
            RandomChoice("color", ("red", 2, True)),
            EnvironmentValue("region", "REGION"),
            EnvironmentValue("key", "API_KEY", secret=True),
        ),
        setup=(
            WorkloadRoute(
                "register",
                "/users",
                "POST",
                body=JsonBody({"name": "demo-{run}", "id": "{order}", "tags": ["a", None, 1.5]}),
                expect=ExpectedResponse(statuses=((201, 201),)),
                extract=(Extraction("session", "json", "items.0.token"),),
            ),
        ),
        teardown=(WorkloadRoute("remove", "/users/{session}", "DELETE"),),
        routes=(
            WorkloadRoute(
                "search",
                "/products?q={product.name}&n={n}",
                weight=6,
                headers=(("Accept", "application/json"), ("X-Key", "{key}")),
                timeout=2,
                tags=(("group", "reading"), ("team", "catalog")),
                expect=ExpectedResponse(
                    statuses=((200, 200), (300, 399)),
                    headers=(("Content-Type", "json"),),
                    contains="shoe",
                    json=(("items.0.name", "shoe"), ("total", None)),
                    exists=("items",),
                    schema="search.schema.json",
                    sample=0.2,
                    size_min=1,
                    size_max=9000,
                ),
            ),
            WorkloadRoute(
                "checkout",
                "/checkout",
                "POST",
                host="pay.localhost",
                weight=0,
                headers=(("Authorization", "Bearer {token}"),),
                body=FormBody((("size", "{size}"), ("color", "a {color}"))),
            ),
            WorkloadRoute(
                "upload",
                "/blob",
                "PUT",
                body=FileBody("blob.bin"),
                expect=ExpectedResponse(schema={"type": "object"}, size_min=12, size_max=12),
            ),
            WorkloadRoute("note", "/notes", "POST", body=TextBody("first {region}\nsecond {m}\n")),
        ),
        journeys=(
            WorkloadJourney(
                "buy",
                (
                    WorkloadStep(
                        WorkloadRoute(
                            "login",
                            "/login",
                            "POST",
                            body=JsonBody({"email": "{user.email}"}),
                            extract=(Extraction("token", "regex", "t=(.*)"), Extraction("id", "cookie", "sid")),
                        )
                    ),
                    WorkloadStep("checkout", (Extraction("receipt", "header", "Location"),), think=1.5),
                    WorkloadStep(WorkloadRoute("receipt", "/r/{receipt}")),
                ),
                weight=2,
            ),
        ),
        mix=(("search", 6), ("buy", 1), ("note", 1)),
    )


def test_stages_ramp_from_the_rate() -> None:
    """The rate is where the first stage starts."""
    text = "routes: [{name: a, path: /}]\nload: {rate: 10, stages: [{duration: 1m, target: 300}, {duration: 5, target: 0}]}"

    assert parse_workload(text).load == LoadShape(rate=10, stages=(LoadStage(60, 300), LoadStage(5, 0)))


def test_arrival_processes_have_the_names_of_routes_journeys_and_groups() -> None:
    """Each of them arrives on its own; a route's own name precedes that of its group."""
    load = parse_workload(GOOD.replace("arrival: uniform", "arrival: {reading: uniform, buy: poisson, note: uniform}")).load

    assert load.streams == (("reading", "uniform"), ("buy", "poisson"), ("note", "uniform"))
    assert load.arrival is None
    assert [load.stream_of(*names) for names in (("search", "reading"), ("buy",), ("note", "reading"), ("upload",))] == [
        "reading",
        "buy",
        "note",
        "",
    ]


def test_an_slo_file_holds_a_workload_or_the_name_of_its_file() -> None:
    """Without the key, the entries of the manifests are requested."""
    thresholds = "thresholds: {http_req_duration: [p(95)<200]}\n"
    inline = parse_slo_document(thresholds + "workload:\n  routes:\n    - {name: a, path: /a}", "slo.yaml", Path("suite"))

    assert parse_slo_document(thresholds) is None
    assert parse_slo_document(thresholds + "workload:") is None
    assert isinstance(inline, Workload)
    assert (inline.routes[0].name, inline.folder) == ("a", Path("suite"))
    assert inline.source("routes", 0, "path").position == "slo.yaml:4:23"
    included = parse_slo_document(thresholds + "workload: load/shop.yaml")
    assert isinstance(included, IncludedWorkload)
    assert (included.file, included.source.position) == ("load/shop.yaml", "slo.yaml:2:11")


MISTAKES = [
    ("host: shop", "§hots: shop", "no key 'hots'"),
    ("host: shop.localhost", "host: §a b", "not a host name"),
    ("host: shop.localhost", "host: §''", "the host is empty"),
    ('http: "2"', "http: §3", "not a supported version"),
    ("redirects: 3", "redirects: §-1", "from 0 to 50"),
    ("redirects: 3", "§host: x", "'host' is defined twice"),
    ("redirects: 3", "redirects: §]", "invalid YAML"),
    ("redirects: 3", "redirects: §[3]", "expected a number"),
    ("rate: 200", "rate: §0", "above 0"),
    ("rate: 200", "rate: §fast", "must be a number"),
    ("arrival: uniform", "arrival: §bursty", "not an arrival process"),
    ("duration: 500ms", "duration: §0s", "above 0"),
    ("duration: 500ms", "duration: §soon", "not a duration"),
    ("duration: 500ms", "stages: §[]", "list of 1 to 100"),
    ("duration: 500ms", "stages: [§{duration: 1}]", "no target"),
    ("duration: 500ms", "stages: [{duration: §0, target: 1}]", "above 0"),
    ("duration: 500ms", "duration: §1, stages: [{duration: 1, target: 1}]", "stages define the duration"),
    ("user: {csv", "§run: {csv", "the run's own value"),
    ("user: {csv", "§1user: {csv", "cannot be the name of a value"),
    ("csv: users.csv", "§tsv: users.csv", "no key 'tsv'"),
    ("csv: users.csv", "csv: §''", "name of the file is missing"),
    ("{csv: users.csv", "§{csv: users.csv, json: users.json", "more than one source"),
    ("{csv: users.csv, order: random}", "§{order: random}", "has no source"),
    ("order: random", "order: §shuffled", "not an order"),
    ("order: uuid", "order: §uid", "not generated without settings"),
    ("order: uuid", "order: {uuid: §4}", "no settings"),
    ("counter: 100", "counter: §many", "must be an integer"),
    ("int: [1, 10]", "int: [10, §1]", "range is empty"),
    ("int: [1, 10]", "int: §10", "lowest and the highest"),
    ("int: [1, 10]", "int: [1, 2], order: §random", "order applies to csv and json"),
    ("choice: [red, 2, true]", "choice: §[]", "list of 1 to 200"),
    ("choice: [red, 2, true]", "choice: [§[red]]", "expected a text, a number"),
    ("choice: [red, 2, true]", "choice: [§010]", "not a JSON number"),
    ("env: REGION", "env: §MY REGION", "not the name of an environment variable"),
    ("  - name: register\n    path", "  - §path", "has no name"),
    ("name: register\n    path: /users\n", "§name: register\n", "has no path"),
    ("path: /users", "path: §users", "must start with /"),
    ("path: /users", "path: '§/users#x'", "fragment"),
    ("path: /users", "path: /users\n    §weight: 1", "no key 'weight'"),
    ("name: search", "name: '§a, b'", "cannot be the name of a request"),
    ("name: checkout", "name: §search", "two requests are named 'search'"),
    ("weight: 6", "weight: §1.5", "from 0 to 10000"),
    ("weight: 6", "weight: §20000", "from 0 to 10000"),
    ("Accept:", '"§Ac cept":', "not a header name"),
    ("Accept:", "§Host:", "cannot be set here"),
    ("X-Key:", "§accept:", "defined twice"),
    ('"{key}', '§"\\r{key}', "line break"),
    ("timeout: 2s", "timeout: §0", "above 0"),
    ("team: catalog", "§host: catalog", "set by kindgate"),
    ("team: catalog}\n    group: r", "group: catalog}\n    group: §r", "defined twice"),
    ("group: reading", "group: '§a{b}'", "cannot be the name of a group"),
    ("method: delete", "method: '§DE LETE'", "not an HTTP method"),
    ("method: delete", "method: §CONNECT", "cannot be sent as load"),
    ("method: PUT", "method: §HEAD", "has no body"),
    ("body: {file: blob.bin}", "body: §{file: blob.bin, text: x}", "exactly one form"),
    ("body: {file: blob.bin}", "body: {§xml: x}", "no key 'xml'"),
    ("body: {file: blob.bin}", "body: §blob.bin", "must be a mapping"),
    ("tags: [a, null, 1.5]", "tags: [a, §1_000]", "not a JSON number"),
    ("tags: [a, null, 1.5]", "tags: §!!set {a}", "no JSON form"),
    ("tags: [a, null, 1.5]", "tags: §.inf", "not a JSON number"),
    ("status: 201", "status: §2x", "not an HTTP status"),
    ("status: 201", "status: §600", "not an HTTP status"),
    ("status: 201", "status: §[]", "list of statuses is empty"),
    ("{status: 201}", "§{}", "nothing is expected"),
    ("{status: 201}", "§{json: {}}", "nothing is expected"),
    ("status: 201", "status: 201, sample: §1", "schema, which is missing"),
    ("contains: shoe", "contains: §''", "text is empty"),
    ("items.0.name: shoe", "§$.items: shoe", "not a dotted path"),
    ("exists: [items]", "exists: §items", "list of dotted paths"),
    ("exists: [items]", "exists: [§a..b]", "not a dotted path"),
    ("sample: 20%", "sample: §0", "not a share"),
    ("size: {min: 1, max: 9000}", "size: §big", "must be an integer"),
    ("size: {min: 1, max: 9000}", "size: §{}", "no limit"),
    ("size: {min: 1, max: 9000}", "size: {min: 2, max: §1}", "no body has"),
    ("session: {json: items.0.token}", "§run: {json: token}", "the run's own value"),
    ("session: {json: items.0.token}", "session: §{}", "needs one place"),
    ("session: {json: items.0.token}", "session: {§xpath: //a}", "no key 'xpath'"),
    ("json: items.0.token", "json: '§items[0]'", "not a dotted path"),
    ("json: items.0.token", "regex: '§('", "not a regular expression"),
    ("json: items.0.token", "header: '§a b'", "not a header name"),
    ("session: {json", "user: §{json", "already defined"),
    ("{product.name}", "§{produkt.name}", "unknown value 'produkt'"),
    ("{product.name}", "§{order.name}", "has no columns"),
    ("{user.email}", "§{user}", "has columns"),
    ("second {m}", "second §{k}", "unknown value 'k'"),
    ("demo-{run}", "demo-§{session}", "unknown value 'session'"),
    ("a {color}", "a §{colour}", "unknown value 'colour'"),
    ("Bearer {token}", "Bearer §{receipt}", "unknown value 'receipt'"),
    ("name: buy", "name: §note", "another route or journey is named 'note'"),
    ("name: buy", "§title: buy", "no key 'title'"),
    ("  - name: buy\n    weight", "  - §weight", "has no name"),
    ("{route: checkout,", "{route: §pay,", "no route is named 'pay'"),
    ("{route: checkout,", "{route: checkout, §path: /x,", "no key 'path'"),
    ("name: login", "name: §upload", "a route is named 'upload'"),
    ("name: receipt", "name: §login", "two steps of the journey"),
    ("think: 1.5s", "think: §-1s", "not a duration"),
    ("arrival: uniform", "arrival: §{}", "no arrival process is named"),
    ("arrival: uniform", "arrival: {§serach: uniform}", "no route, journey or group is named 'serach'"),
    ("arrival: uniform", "arrival: {buy: §bursty}", "an arrival process"),
    ("mix: {search: 6", "mix: {§serach: 6", "no route or journey is named 'serach'"),
    ("mix: {search: 6, buy: 1, note: 1}", "mix: §{}", "the mix is empty"),
]
"""What is replaced in the good document, the mistake with § before the place that the error points at, and the problem."""


@pytest.mark.parametrize(("old", "new", "problem"), MISTAKES)
def test_a_mistake_is_reported_with_file_line_and_column(old: str, new: str, problem: str) -> None:
    """Anything not understood is refused before anything is sent, and the caret is below it."""
    assert old in GOOD
    before, marked = GOOD.replace(old, new, 1).split("§")
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")

    with pytest.raises(SloError) as caught:
        parse_workload(before + marked, "workload.yaml")

    assert problem in caught.value.message
    assert caught.value.message.startswith(f"workload.yaml:{line}:{column}: ")
    assert caught.value.last_state.splitlines()[-1].index("^") == column - 1


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "the file is empty"),
        ("- a", "must be a mapping"),
        ("{}", "nothing to send"),
        ("routes: {a: 1}", "must be a list of requests"),
        ("routes: [{name: a, path: /, weight: 0}]", "nothing to send"),
        ("routes: [{name: a, path: /, weight: 9000}, {name: b, path: /, weight: 9000}]", "add up to 18000"),
        ("journeys: {a: 1}", "must be a list"),
        ("journeys: [{name: a, steps: []}]", "list of 1 to 50 requests"),
        ("journeys: [{name: a, steps: [{route: b}]}]", "no route is named 'b'"),
        ("journeys: [{name: a, steps: [{route: null}]}]", "the route is missing"),
        ("a: &a 1\nroutes: *a", "aliases are not allowed"),
        ("routes: " + "[" * 30, "too deep"),
        ("routes: [" + ", ".join(f"{{name: r{n}, path: /}}" for n in range(201)) + "]", "more than 200 requests"),
        ("# " + "x" * 600_000, "more than 524288 characters"),
    ],
)
def test_a_document_without_a_usable_workload_is_rejected(text: str, problem: str) -> None:
    """It may come from a pull request, so its size is limited too."""
    with pytest.raises(SloError, match=problem) as caught:
        parse_workload(text)

    assert len(str(caught.value)) < 1000


def test_a_route_of_the_mix_cannot_use_the_values_of_a_journey() -> None:
    """It is sent outside of the journey, where the value does not exist."""
    with pytest.raises(SloError, match="'token' is known only in a journey") as caught:
        parse_workload(GOOD.replace("buy: 1", "checkout: 1"))

    assert "weight: 0" in caught.value.next_step


@given(st.text(max_size=200) | st.text("{}[]&*:,\"'-? \n#ab<(95)%!|>\\U", max_size=60))
@example('"\\UFFFFFFFF"')
def test_no_text_breaks_the_reader(text: str) -> None:
    """Any text yields a workload or an error that points at its location."""
    for document in (text, f"routes: {text}", f"routes: [{{name: a, path: /, body: {text}}}]"):
        with suppress(SloError):
            parse_workload(document)


@given(st.sampled_from(GOOD.splitlines(keepends=True)), st.integers(0, len(GOOD)), st.integers(0, 30))
def test_no_damage_to_a_document_breaks_the_reader(line: str, position: int, cut: int) -> None:
    """A document with lines in wrong places or missing parts yields a workload or an error."""
    with suppress(SloError):
        parse_workload(GOOD[:position] + line + GOOD[position + cut :])


LOCUST = """\
host: shop.localhost
locust: {file: load/users.py, users: 50, spawn_rate: 2.5, workers: 2}
load: {duration: 30s}
"""


def test_the_users_of_a_locustfile_are_a_workload() -> None:
    """All at once and in one process, unless the document says otherwise."""
    workload = parse_workload(LOCUST, "workload.yaml", Path("suite"))

    assert workload.locust == LocustLoad("load/users.py", 50, 2.5, 2)
    assert (workload.host, workload.load.duration, workload.folder) == ("shop.localhost", 30.0, Path("suite"))
    assert parse_workload("locust: {file: a.py, users: 1}").locust == LocustLoad("a.py", 1)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("file: load/users.py, ", "§", "locust has no file"),
        ("users: 50, ", "§", "locust has no users"),
        ("file: load/users.py", "file: §load/users.js", "is a Python file"),
        ("users: 50", "users: §0", "from 1 to"),
        ("users: 50", "users: §many", "from 1 to"),
        ("spawn_rate: 2.5", "spawn_rate: §0", "above 0"),
        ("spawn_rate: 2.5", "§spawnrate: 2", "no key 'spawnrate'"),
        ("workers: 2", "workers: §65", "from 1 to 64"),
        ("{duration: 30s}", "{§rate: 5}", "the pace is that of locust:"),
        ("host:", "§routes: [{name: a, path: /}]\nhost:", "requests come from locust:"),
        ("host:", "§redirects: 3\nhost:", "requests come from locust:"),
        ("host:", "§k6: {file: load.js}\nhost:", "requests come from locust:"),
    ],
)
def test_a_mistake_about_a_locustfile_is_reported_with_file_line_and_column(old: str, new: str, problem: str) -> None:
    """Also what would have no effect on its users; the schema refuses the same."""
    assert old in LOCUST
    before, marked = LOCUST.replace(old, new, 1).split("§")
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")

    with pytest.raises(SloError, match=problem) as caught:
        parse_workload(before + marked, "workload.yaml")

    if "has no" in problem and "key" not in problem:
        line, column = 2, 9  # the mapping that lacks the key
    assert caught.value.message.startswith(f"workload.yaml:{line}:{column}: ")
    assert list(Draft202012Validator(json.loads(schema_text())).iter_errors(yaml.safe_load(before + marked)))


K6 = """\
host: shop.localhost
k6: {file: load/browse.js}
"""


def test_a_k6_script_is_a_workload() -> None:
    """It has a load of its own."""
    workload = parse_workload(K6)

    assert (workload.k6, workload.program, workload.host) == (K6Load("load/browse.js"), "k6", "shop.localhost")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("file: load/browse.js", "file: §''", "name of the file is missing"),
        ("file:", "§script:", "no key 'script'"),
        ("host:", "load: {§duration: 3s}\nhost:", "the pace is that of k6:"),
        ("host:", "§mix: {a: 1}\nhost:", "requests come from k6:"),
        ("{file: load/browse.js}", "§{}", "k6 has no file"),
    ],
)
def test_a_mistake_about_a_k6_script_is_reported_with_file_line_and_column(old: str, new: str, problem: str) -> None:
    """The schema refuses the same."""
    before, marked = K6.replace(old, new, 1).split("§")
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")

    with pytest.raises(SloError, match=problem) as caught:
        parse_workload(before + marked, "workload.yaml")

    assert caught.value.message.startswith(f"workload.yaml:{line}:{column}: ")
    assert list(Draft202012Validator(json.loads(schema_text())).iter_errors(yaml.safe_load(before + marked)))
