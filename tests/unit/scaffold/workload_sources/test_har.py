"""A workload from a browser's recording: routes, journeys with think times, values of earlier answers, and what is left out."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from kindgate.errors import SloError
from kindgate.load.expectation import Extraction
from kindgate.scaffold.workload_sources.importing import SourceKind
from kindgate.scaffold.workload_sources.selection import Selection
from kindgate.workload.model import EnvironmentValue, FormBody, JsonBody, TextBody, Workload, WorkloadRoute
from tests.unit.scaffold.workload_sources.imports import UNSAFE, entry, har, imported, imported_text, sent

HAR = SourceKind.HAR
BASE = "https://shop.example.com"
RECORDINGS = Path(__file__).parent / "har"


def workload(folder: Path, *entries: Any, selection: Selection = UNSAFE) -> Workload:
    """The workload of a recording."""
    return imported_text(folder, HAR, har(*entries), selection).workload


def requests_of(found: Workload, journey: int = 0) -> list[WorkloadRoute]:
    """The requests of a journey, in order."""
    routes = {one.name: one for one in found.routes}
    return [routes[step.route] if isinstance(step.route, str) else step.route for step in found.journeys[journey].steps]


def test_requests_of_one_shape_are_one_route(tmp_path: Path) -> None:
    """With their number as the weight, and the ids that were seen in a file."""
    entries = [entry(f"{BASE}/products/{number}", page=f"page_{number}") for number in (1, 2)]

    result = imported_text(tmp_path, HAR, har(*entries))

    assert [(one.path, one.weight) for one in result.workload.routes] == [("/products/{product.id}", 2)]
    assert result.files == {"workload-data/product.csv": "id\n1\n2\n"}


def test_the_requests_of_a_page_become_a_journey_with_think_times(tmp_path: Path) -> None:
    """Pauses are those of the visitor, capped; requests at the same time have none."""
    found = workload(
        tmp_path,
        entry(f"{BASE}/c", second=30),
        entry(f"{BASE}/", resource="document"),
        entry(f"{BASE}/a", second=0.02),
        entry(f"{BASE}/b", second=2.51),
        entry(f"{BASE}/other", page="page_2"),
    )

    assert [(step.route, step.think) for step in found.journeys[0].steps] == [("get-root", 0), ("get-a", 0), ("get-b", 2.5), ("get-c", 5)]
    assert len(found.journeys) == 1
    assert {one.name: one.weight for one in found.routes} == {"get-root": 0, "get-a": 0, "get-b": 0, "get-c": 0, "get-other": 1}


def test_a_pause_begins_when_all_answers_have_arrived(tmp_path: Path) -> None:
    """The slowest of several requests is what the visitor waits for."""
    slow = entry(f"{BASE}/slow")
    slow["time"] = 3000

    found = workload(tmp_path, slow, entry(f"{BASE}/quick", second=0.5), entry(f"{BASE}/next", second=4))

    assert [step.think for step in found.journeys[0].steps] == [0, 0, 1]


def test_a_sentence_of_an_answer_is_not_extracted(tmp_path: Path) -> None:
    """It identifies nothing, and a visitor may have typed it."""
    found = workload(
        tmp_path,
        entry(f"{BASE}/notes", answer={"text": "a long sentence", "word": "a-long-word"}),
        entry(f"{BASE}/notes", "POST", body=json.dumps({"text": "a long sentence", "word": "a-long-word"})),
    )

    assert requests_of(found)[1].body == JsonBody({"text": "a long sentence", "word": "{word}"})


def test_an_id_of_an_earlier_answer_is_extracted(tmp_path: Path) -> None:
    """The order of the recording does not exist in a new database."""
    found = workload(
        tmp_path,
        entry(f"{BASE}/orders", "POST", body="{}", status=201, answer={"order": {"id": 4711, "count": 17}}),
        entry(f"{BASE}/orders/4711", second=1),
        entry(f"{BASE}/products/17", second=2),
    )

    assert found.journeys[0].steps[0].extract == (Extraction("order_id", "json", "order.id"),)
    assert [one.path for one in requests_of(found)] == ["/orders", "/orders/{order_id}", "/products/{product.id}"]
    assert [one.path for one in found.routes] == ["/orders", "/products/{product.id}"]


def test_a_token_of_an_earlier_answer_is_extracted(tmp_path: Path) -> None:
    """A recorded token has expired, and is a secret."""
    token = "canary-tok-4f3c2a1b9d8e7f60"
    result = imported_text(
        tmp_path,
        HAR,
        har(
            entry(f"{BASE}/login", "POST", body='{"user": "jane", "password": "secret-word"}', answer={"token": token}),
            entry(f"{BASE}/me", headers={"Authorization": f"Bearer {token}", "Cookie": "sid=1"}),
        ),
        UNSAFE,
    )

    login, me = requests_of(result.workload)
    assert login.body == JsonBody({"user": "{user}", "password": "{password}"})
    assert me.headers == (("Authorization", "Bearer {token}"),)
    assert {one for one in result.workload.data if isinstance(one, EnvironmentValue)} == {
        EnvironmentValue("user", "USER", secret=True),
        EnvironmentValue("password", "PASSWORD", secret=True),
    }
    assert [one.what for one in result.dropped if "log in" in one.reason] == ["cookie headers"]


def test_an_id_in_a_body_is_extracted(tmp_path: Path) -> None:
    """The product of the recording has another id in a new database; a quantity that equals an id is not one."""
    found = workload(
        tmp_path,
        entry(f"{BASE}/products", answer=[{"id": 2, "sku": "boot-4711"}]),
        entry(f"{BASE}/cart", "POST", body=json.dumps({"product_id": 2, "quantity": 2, "lines": [{"sku": "boot-4711"}]})),
    )

    assert found.journeys[0].steps[0].extract == (Extraction("id", "json", "0.id"), Extraction("sku", "json", "0.sku"))
    assert requests_of(found)[1].body == JsonBody({"product_id": "{id}", "quantity": 2, "lines": [{"sku": "{sku}"}]})


@pytest.mark.parametrize(
    ("page", "expression"),
    [
        ('<form><input type="hidden" name="csrf" value="canary-csrf-1"></form>', '<input type="hidden" name="csrf" value="([^"\']+)'),
        ("<meta name='csrf-token' content='canary-csrf-1'>", "<meta name='csrf-token' content='([^\"']+)"),
        ('<INPUT TYPE="hidden" NAME="a[b]" VALUE="canary-csrf-1" />', '<INPUT TYPE="hidden" NAME="a\\[b\\]" VALUE="([^"\']+)'),
    ],
)
def test_a_hidden_field_of_a_form_is_extracted(page: str, expression: str, tmp_path: Path) -> None:
    """A form with a token against forgery accepts only the one of its own page."""
    first = entry(f"{BASE}/signin", resource="document")
    first["response"]["content"] = {"mimeType": "text/html; charset=utf-8", "text": page}
    form = entry(f"{BASE}/signin", "POST", body="csrf=canary-csrf-1&x=1", media_type="application/x-www-form-urlencoded")

    found = workload(tmp_path, first, form)

    (extraction,) = found.journeys[0].steps[0].extract
    assert (extraction.source, extraction.expression) == ("regex", expression)
    assert re.findall(extraction.expression, page) == ["canary-csrf-1"]
    assert requests_of(found)[1].body == FormBody((("csrf", f"{{{extraction.name}}}"), ("x", "1")))
    assert "canary" not in str(found)


def test_what_is_not_load_is_counted_by_reason(tmp_path: Path) -> None:
    """Other hosts, static files, failures and preflights."""
    result = imported_text(
        tmp_path,
        HAR,
        har(
            entry(f"{BASE}/", resource="document"),
            entry("https://cdn.example.net/a.js"),
            entry(f"{BASE}/logo", resource="image"),
            entry(f"{BASE}/app.css"),
            entry(f"{BASE}/missing", status=404),
            entry(f"{BASE}/aborted", status=0),
            entry(f"{BASE}/a", "OPTIONS"),
            entry(f"{BASE}/ws", status=101),
            entry("data:text/plain,x"),
            entry(f"{BASE}/upload", "POST", body="x", media_type="multipart/form-data; boundary=x"),
        ),
    )

    assert {one.reason: one.count for one in result.dropped} == {
        "sent to another host, cdn.example.net": 1,
        "a static file": 2,
        "answered with 404": 1,
        "not answered": 1,
        "OPTIONS has no load of its own": 1,
        "a WebSocket": 1,
        "not an HTTP request (data:)": 1,
        "its body is multipart, which a workload cannot describe": 1,
    }


def test_bodies_are_kept_without_personal_data(tmp_path: Path) -> None:
    """Numbers stay numbers, so that the application accepts the request."""
    found = workload(
        tmp_path,
        entry(f"{BASE}/a", "POST", body=json.dumps({"sku": "x-1", "count": 2, "city": "Paris", "zip": 75001, "gift": True})),
        entry(f"{BASE}/b", "POST", body="sku=x-1&street=Rue+1", media_type="application/x-www-form-urlencoded"),
        entry(f"{BASE}/c", "PUT", body="plain", media_type="text/plain"),
    )

    assert [one.body for one in found.routes] == [
        JsonBody({"sku": "x-1", "count": 2, "city": "text", "zip": 1, "gift": True}),
        FormBody((("sku", "x-1"), ("street", "text"))),
        TextBody("plain"),
    ]


def test_a_journey_with_an_unsafe_step_is_not_sent_without_unsafe(tmp_path: Path) -> None:
    """Its safe requests are sent alone."""
    entries = (entry(f"{BASE}/"), entry(f"{BASE}/cart", "POST", body="{}"), entry(f"{BASE}/cart", second=1))

    safe, unsafe = imported_text(tmp_path, HAR, har(*entries)), imported_text(tmp_path, HAR, har(*entries), UNSAFE)

    assert [(one.path, one.weight) for one in sent(safe).routes] == [("/", 1), ("/cart", 1)]
    assert sent(safe).journeys == ()
    assert [one.weight for one in sent(unsafe).routes] == [0, 0, 0]
    assert len(sent(unsafe).journeys) == 1


def test_the_host_can_be_chosen(tmp_path: Path) -> None:
    """A single-page application often calls an API on another host."""
    entries = (entry(f"{BASE}/", resource="document"), entry("https://api.example.com:8443/products"))

    found = workload(tmp_path, *entries, selection=Selection(host="api.example.com:8443"))

    assert [one.path for one in found.routes] == ["/products"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "source:1:1: a HAR file has a list of requests in log.entries"),
        ('{"log":\n {"entries": {}}}', "source:2:14: a HAR file has a list"),
        ('{"log": {"entries": [\n 7]}}', "source:2:2: the request has no url or no method"),
        ('{"log": {"entries": [{"request":\n {"url": "http://[", "method": "GET"}}]}}', "source:2:10: the address is not valid"),
        ('{"log": {"entries": [{"request": {"url": "/", "method": "GET"},\n "startedDateTime": "now"}]}}', "source:2:21: startedDateTime"),
        (har(), "source:1:84: no request can be imported"),
        (har(entry(f"{BASE}/", status=500)), "no request can be imported: answered with 500 (1)"),
        ('{"log": ', "source:1:9: invalid JSON"),
    ],
)
def test_a_file_that_is_no_usable_recording_is_refused_with_a_position(text: str, message: str, tmp_path: Path) -> None:
    """Nothing is written for it."""
    with pytest.raises(SloError) as caught:
        imported_text(tmp_path, HAR, text)

    assert message in caught.value.message


RECORDED = {
    "shop": (
        2,
        [
            "GET /",
            "POST /api/login",
            "GET /api/products?category=shoes",
            "GET /api/products/{items_id}",
            "POST /api/orders",
            "GET /api/orders/{id}",
        ],
    ),
    "forms": (3, ["GET /signin", "POST /signin", "GET /account", "GET /orders/{order.date}?page=1"]),
    "dashboard": (
        4,
        [
            "GET /dashboard",
            "GET /api/v1/projects?limit=20&sort=name",
            "GET /api/v1/projects/{project_build.id}/builds/{project_build.build_id}",
            "GET /api/v1/search",
        ],
    ),
}
"""Number of routes, and the journey, of each recording that a real Chromium made (tests/browser/record_har.py)."""


@pytest.mark.parametrize("name", RECORDED)
def test_recordings_of_a_real_browser_are_imported(name: str) -> None:
    """Without any of the canaries that they contain."""
    result = imported(HAR, RECORDINGS / f"{name}.har", UNSAFE)

    count, journey = RECORDED[name]
    assert [f"{one.method} {one.path}" for one in requests_of(result.workload)] == journey
    assert len(result.workload.routes) == count
    assert "canary" in (RECORDINGS / f"{name}.har").read_text()
    assert "canary" not in str(result).lower()
