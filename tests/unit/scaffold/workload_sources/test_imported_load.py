"""Imported workloads are sent to servers with other ids, tokens and sessions than those of the source, and every request succeeds."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs

import pytest

from kindgate.load.generator_pool import GeneratorPool, run_burst
from kindgate.load.plan import OpenLoop
from kindgate.load.result import BurstResult
from kindgate.scaffold.file_changes import write
from kindgate.scaffold.workload_files import plan_workload
from kindgate.scaffold.workload_sources.importing import ImportRequest, SourceKind, import_workload
from kindgate.workload.burst_plan import Endpoint, LoadedWorkload, PlanSettings, workload_plan
from kindgate.workload.data_files import read_data_files
from kindgate.workload.document import parse_workload
from tests.unit.scaffold.workload_sources.imports import UNSAFE
from tests.unit.scaffold.workload_sources.servers import serving

HERE = Path(__file__).parent
ENVIRONMENT = {"EMAIL": "test@shop.test", "PASSWORD": "right", "SHOP_PASSWORD": "right"}
"""The account that the servers know; the recordings contain another one."""


class Answers(BaseHTTPRequestHandler):
    """A server that answers with JSON or HTML; each instance is one connection."""

    protocol_version = "HTTP/1.1"
    valid: ClassVar[set[str]] = set()
    """Tokens, sessions and ids that were given out."""

    def log_message(self, *_: object) -> None:
        """Keep the output of tests clean."""

    def new(self, prefix: str = "") -> str:
        """A value that no recording contains."""
        value = f"{prefix}{secrets.token_hex(8)}"
        self.valid.add(value)
        return value

    def body(self) -> str:
        """The request's body."""
        return self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()

    def send(self, status: int, body: object = "", **headers: str) -> None:
        """Send a response."""
        data = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        for name, value in (*headers.items(), ("Content-Length", str(len(data)))):
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)


class StrictShop(Answers):
    """An API that accepts only the tokens and ids that it gave out."""

    def do_GET(self) -> None:
        """The page, products and orders."""
        path = self.path.partition("?")[0]
        if path == "/":
            self.send(200, "<title>Shop</title>")
        elif self.headers.get("Authorization", "").removeprefix("Bearer ") not in self.valid:
            self.send(401)
        elif self.path == "/api/products?category=shoes":
            self.send(200, {"items": [{"id": self.new("sku-")}]})
        else:
            self.send(200 if path.rpartition("/")[2] in self.valid else 404, {})

    def do_POST(self) -> None:
        """Logins and orders."""
        body = json.loads(self.body())
        if self.path == "/api/login":
            is_known = (body["email"], body["password"]) == (ENVIRONMENT["EMAIL"], ENVIRONMENT["PASSWORD"])
            self.send(200 if is_known else 403, {"token": self.new()})
        else:
            self.send(201 if body["product"] in self.valid and body["quantity"] == 2 else 422, {"id": self.new("order-")})


class StrictSite(Answers):
    """A site that accepts a form only with the token of its page, and pages only with a session."""

    def do_GET(self) -> None:
        """The form, and pages behind it."""
        if self.path == "/signin":
            self.send(200, f'<form><input type="hidden" name="csrf_token" value="{self.new()}"></form>')
        else:
            self.send(200 if self.headers.get("Cookie", "").removeprefix("session=") in self.valid else 401)

    def do_POST(self) -> None:
        """Sign in."""
        form = {name: values[0] for name, values in parse_qs(self.body()).items()}
        is_known = form["email"] == ENVIRONMENT["EMAIL"] and form["csrf_token"] in self.valid
        self.send(303 if is_known else 403, Location="/account", Set_Cookie=f"session={self.new()}")


class Shop(Answers):
    """A shop for the script with a login: one token, orders with ids."""

    def do_GET(self) -> None:
        """An order."""
        self.send(200 if self.path.rpartition("/")[2] in self.valid else 404)

    def do_POST(self) -> None:
        """Logins and orders."""
        body = json.loads(self.body())
        if self.path == "/login":
            self.send(200 if body["password"] == "right" else 403, {"session": {"token": self.new()}})
        else:
            self.send(201 if body == {"product": 17, "quantity": 2} else 422, {"id": self.new()})


@pytest.fixture(scope="module", name="pool")
def _pool() -> Iterator[GeneratorPool]:
    with GeneratorPool() as pool:
        yield pool


def sent(kind: SourceKind, source: Path, url: str, folder: Path, pool: GeneratorPool) -> BurstResult:
    """The result of the written workload of a source, sent to a server."""
    request = ImportRequest(kind, str(source), UNSAFE)
    write(plan_workload(folder, import_workload(request), request).changes)
    workload = parse_workload((folder / "workload.yaml").read_text(), folder=folder)
    loaded = LoadedWorkload(workload, read_data_files(workload, ENVIRONMENT))
    settings = PlanSettings(OpenLoop.constant(20, requests=5), seed=1, timeout=30, salt="r")
    return run_burst(workload_plan(loaded, [Endpoint("shop.localhost", url)], settings), pool=pool)


SOURCES: dict[str, tuple[SourceKind, type[Answers], int]] = {
    "har/shop.har": (SourceKind.HAR, StrictShop, 6),
    "har/forms.har": (SourceKind.HAR, StrictSite, 4),
    "k6/login-journey.js": (SourceKind.K6, Shop, 3),
}
"""Sources with a server that they do not know, and the number of requests of their journey."""


@pytest.mark.parametrize("source", SOURCES)
def test_an_imported_journey_succeeds_on_another_server(source: str, tmp_path: Path, pool: GeneratorPool) -> None:
    """Ids, tokens, sessions and hidden fields come from the answers, the account from the environment."""
    kind, server, requests = SOURCES[source]
    with serving(server) as url:
        result = sent(kind, HERE / source, url, tmp_path, pool)

    (journey,) = result.journeys
    assert result.failed == {}
    assert (journey.completed, journey.failed, result.total.completed) == (5, 0, 5 * requests)
