"""Answers of two versions compared over real HTTP: one server with a host for each version."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from kindgate.load.plan import OpenLoop
from kindgate.model import ClusterAddress, Verdict
from kindgate.pipeline.answer_samples import Deployments, compare_series, redacted_value
from kindgate.pipeline.burst_series import BurstSeries
from kindgate.pipeline.load_lock import LoadLock
from kindgate.pipeline.workload_setup import WorkloadSetup
from kindgate.redaction.known_values import KnownValue
from kindgate.redaction.redactor import Redactor
from kindgate.redaction.secret_names import MASK
from kindgate.slo.answers_verdict import AnswersResult
from kindgate.slo.compare import BASE, HEAD
from kindgate.slo.objectives import AnswersObjective
from kindgate.workload.burst_plan import Endpoint, LoadedWorkload, PlanSettings, duet_of, workload_plan
from kindgate.workload.data_files import read_data_files
from kindgate.workload.document import parse_workload

HEAD_HOST, BASE_HOST = "shop.localhost", "shop-base.localhost"
HOSTS = {HEAD_HOST: BASE_HOST}
THREE_REQUESTS = AnswersObjective(same=True, requests=3)

WORKLOAD = """
data:
  product: {int: [1, 500]}
setup:
  - {name: login, method: POST, path: /login, extract: {token: {json: token}}}
routes:
  - {name: product, path: "/products/{product}?token={token}"}
  - {name: order, method: POST, path: /orders}
journeys:
  - name: buy
    steps:
      - {name: cart, path: /cart, extract: {cart: {json: price}}}
      - {name: item, path: "/carts/{cart}"}
"""

Page = Callable[[str, str, int], "Reply"]
"""Answers the path that `host` received as request `number` of both hosts."""


@dataclass(frozen=True)
class Reply:
    """One answer of the server."""

    document: Any = field(default_factory=lambda: {"price": 5})
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    hang: bool = False


class Store:
    """A server with two hosts, which answers by `page` and records what it received."""

    def __init__(self, page: Page) -> None:
        self.received: list[tuple[str, str]] = []
        self.released = threading.Event()
        numbers = itertools.count(1)
        lock = threading.Lock()
        store = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                host = self.headers["Host"]
                with lock:
                    number = next(numbers)
                    store.received.append((host, self.path))
                reply = page(host, self.path, number)
                if self.path == "/login":
                    reply = Reply({"token": f"token-of-{host.partition('.')[0]}"})
                if reply.hang:
                    store.released.wait(60)
                body = json.dumps(reply.document).encode()
                self.send_response(reply.status)
                for name, value in (("Content-Type", "application/json"), ("Content-Length", str(len(body))), *reply.headers):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815  # the name that the base class requires

            def log_message(self, *_args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def close(self) -> None:
        """Release waiting requests and end the server."""
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def hosts(self, prefix: str) -> list[str]:
        """The hosts that received paths with this beginning, in order."""
        return [host for host, path in self.received if path.startswith(prefix)]


def compared(
    page: Page,
    folder: Path,
    objective: AnswersObjective = THREE_REQUESTS,
    *,
    pods: tuple[str, ...] = (),
    secret: str = "unused-secret",
    timeout: float = 60.0,
) -> tuple[dict[str, AnswersResult], Store]:
    """Compare the answers of a server by route; return its record of requests too."""
    with closing(Store(page)) as store:
        loaded = LoadedWorkload(workload := parse_workload(WORKLOAD), read_data_files(workload, {}))
        endpoints = (Endpoint(HEAD_HOST, store.url),)
        address = ClusterAddress("test", Path("kubeconfig"), "test", store.url)
        setup = WorkloadSetup(loaded, endpoints, address, {HEAD: {}, BASE: HOSTS}, "salt", 60.0)
        plan = workload_plan(loaded, endpoints, PlanSettings(OpenLoop.constant(200, requests=10, arrival="uniform"), timeout=timeout))
        lock = LoadLock(folder / "run", folder / "machine")
        deployments = Deployments(((BASE_HOST, HEAD_HOST),), pods)
        redactor = Redactor((KnownValue(secret, "test"),))
        for _ in range(2):  # a second test of the run shares the first one's answers
            series = BurstSeries(duet_of(plan, HOSTS), 0.0, folder / "measurements", lock, setup=setup)
            results = compare_series(objective, series, address, lambda: deployments, redactor)
        return {one.answers.route: one for one in results}, store


def changes(result: AnswersResult) -> list[str]:
    """Return the changes of one route as text."""
    return [str(change) for change in result.answers.changes]


def test_equal_versions_answer_alike(tmp_path: Path) -> None:
    """Each request goes to the baseline, the pull request and the baseline, with the same data, once per series."""
    results, store = compared(lambda _host, _path, _number: Reply(), tmp_path)

    assert {name: (one.verdict, one.answers.compared) for name, one in results.items()} == {
        "product": (Verdict.PASS, 3),
        "cart": (Verdict.PASS, 3),
    }
    assert store.hosts("/products") == [BASE_HOST, HEAD_HOST, BASE_HOST] * 3
    assert store.hosts("/orders") == store.hosts("/carts") == []
    paths = [path for _, path in store.received if path.startswith("/products")]
    assert [path.partition("?")[0] for path in paths[0::3]] == [path.partition("?")[0] for path in paths[1::3]]
    assert len(set(paths[0::3])) == 3
    assert paths[0].endswith("?token=token-of-shop-base")
    assert paths[1].endswith("?token=token-of-shop")


@pytest.mark.parametrize(
    ("base", "head", "change"),
    [
        (Reply(), Reply({"price": "5"}), 'JSON price: 5 -> "5"'),
        (Reply(), Reply({"cost": 5}), "JSON cost: absent -> 5"),
        (Reply(), Reply(status=404), "status: 200 -> 404"),
        (Reply(), Reply(headers=(("Cache-Control", "no-store"),)), "header cache-control: absent -> no-store"),
    ],
)
def test_a_changed_answer_fails_its_route_alone(base: Reply, head: Reply, change: str, tmp_path: Path) -> None:
    """A field, its type, a status and a listed header are compared; the other route stays equal."""

    def page(host: str, path: str, _number: int) -> Reply:
        return head if host == HEAD_HOST and path.startswith("/products") else base

    objective = AnswersObjective(same=True, headers=("cache-control",), requests=3)
    results, store = compared(page, tmp_path, objective)

    assert (results["product"].verdict, results["cart"].verdict) == (Verdict.FAIL, Verdict.PASS)
    assert changes(results["product"])[0] == change
    assert change in results["product"].explanation
    assert store.hosts("/products") == [BASE_HOST, HEAD_HOST, BASE_HOST] * 6


def test_a_change_is_only_reported_by_default(tmp_path: Path) -> None:
    """Without `same`, there is no verdict."""
    results, _ = compared(lambda host, _path, _number: Reply({"host": host == HEAD_HOST}), tmp_path, AnswersObjective(requests=2))
    assert (results["product"].verdict, changes(results["product"])) == (None, ["JSON host: false -> true"])


def test_what_every_deployment_has_of_its_own_is_no_change(tmp_path: Path) -> None:
    """Times, request ids, hosts, pods, tokens of the setup, identifiers and the order of rows differ between equal versions."""
    created = {HEAD_HOST: "14:00:01.5", BASE_HOST: "13:00:02"}
    today = dt.datetime.now(dt.UTC).date().isoformat()

    def page(host: str, path: str, number: int) -> Reply:
        rows = [{"id": 1}, {"id": 2}]
        return Reply(
            {
                "request": number,
                "self": f"http://{host}/products",
                "served_by": f"pod-of-{host.partition('.')[0]}",
                "echo": path.partition("token=")[2],
                "created": f"{today}T{created[host]}Z",
                "store": f"{'a' if host == HEAD_HOST else 'b'}1b2c3d4-0000-4000-8000-000000000000",
                "rows": rows if host == HEAD_HOST else rows[::-1],
            },
            headers=(("ETag", f'"{number}"'),),
        )

    objective = AnswersObjective(same=True, headers=("etag",), requests=3)
    results, _ = compared(page, tmp_path, objective, pods=("pod-of-shop", "pod-of-shop-base"))

    assert {name: changes(one) for name, one in results.items()} == {"product": [], "cart": []}
    assert results["product"].answers.varying == ("JSON request", "header etag")


def test_an_old_time_that_changes_is_reported(tmp_path: Path) -> None:
    """Only the times around the run are those at which a store was filled."""

    def page(host: str, _path: str, _number: int) -> Reply:
        return Reply({"released": "2001-02-03T04:05:06Z" if host == BASE_HOST else "2001-02-03T05:05:06Z"})

    results, _ = compared(page, tmp_path)
    assert changes(results["product"]) == ['JSON released: "2001-02-03T04:05:06Z" -> "2001-02-03T05:05:06Z"']


def test_one_failed_request_is_no_change(tmp_path: Path) -> None:
    """Its repetition succeeds, so the version has not changed."""
    failed: set[str] = set()

    def page(host: str, path: str, _number: int) -> Reply:
        first = host == HEAD_HOST and path not in failed and path.startswith("/products")
        failed.add(path) if first else None
        return Reply(status=503) if first else Reply()

    results, store = compared(page, tmp_path)
    assert failed
    assert results["product"].verdict is Verdict.PASS
    assert len(store.hosts("/products")) == 18


def test_a_version_that_does_not_answer_has_changed(tmp_path: Path) -> None:
    """The sentence states the timeout."""
    results, _ = compared(
        lambda host, path, _number: Reply(hang=host == HEAD_HOST and path == "/cart"),
        tmp_path,
        AnswersObjective(same=True, requests=1),
        timeout=0.3,
    )
    assert changes(results["cart"]) == ["status: 200 -> no answer within 0.3 s"]


def test_a_baseline_that_does_not_answer_allows_no_verdict(tmp_path: Path) -> None:
    """That is not the pull request's fault, and equal failures prove nothing."""
    results, _ = compared(
        lambda _host, path, _number: Reply(hang=path == "/cart"), tmp_path, AnswersObjective(same=True, requests=1), timeout=0.3
    )
    assert results["cart"].verdict is Verdict.INVALID
    assert results["cart"].answers.compared == 0


def test_secrets_are_in_no_change(tmp_path: Path) -> None:
    """Neither known ones, nor values whose name or format marks them; the stored file is private."""
    long_secret = "s3cr3t-" + "x" * 100

    def page(host: str, _path: str, _number: int) -> Reply:
        new = host == HEAD_HOST
        return Reply(
            {"note": f"key {long_secret}", "api_key": "abc", "mail": "jo@acme.com"}
            if new
            else {"note": "none", "api_key": "abd", "mail": ""}
        )

    results, _ = compared(page, tmp_path, secret=long_secret)
    assert changes(results["product"]) == [
        f"JSON api_key: {MASK} -> {MASK}",
        f'JSON mail: "" -> {MASK}',
        f'JSON note: "none" -> "key {MASK}"',
    ]
    (file,) = tmp_path.rglob(".answers*")
    assert file.stat().st_mode & 0o077 == 0
    assert "x" * 20 not in file.read_text()


def test_a_place_by_itself_is_no_secret() -> None:
    """A field about tokens is named in the report."""
    assert redacted_value(Redactor(()), "", "JSON user.token") == "JSON user.token"
