"""Waiting until the ingress routes every host, against a real HTTP server.

The controller's response counts show whether the application or the controller sent a 404.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kindgate.deploy.entries import Entry, PathSource
from kindgate.deploy.ingress_readiness import (
    FIRST_ATTEMPT_SECONDS,
    OWN_404_SECONDS,
    required_responses,
    service_response_counter,
    service_responses,
    wait_for_responses,
)
from kindgate.errors import DeployError
from kindgate.model import ClusterAddress, ObjectRef
from kindgate.waiting import Deadline
from tests.unit.deploy.objects import deadline_until, deployment, rendered


@dataclass
class Controller:
    """Responds to each request with the next of `statuses`, repeating the last one."""

    statuses: list[int]
    url: str = ""
    requested: list[tuple[str, str]] = field(default_factory=list)

    @property
    def address(self) -> ClusterAddress:
        """A cluster with this ingress."""
        return ClusterAddress("test", Path("none"), "test", self.url)


@contextmanager
def controller(*statuses: int, seconds: float = 0.0) -> Iterator[Controller]:
    """A loopback ingress controller that takes `seconds` to respond."""
    state = Controller(list(statuses))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.requested.append((self.headers["Host"], self.path))
            threading.Event().wait(seconds)
            status = state.statuses.pop(0) if len(state.statuses) > 1 else state.statuses[0]
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", "https://elsewhere.localhost/")
            with suppress(BrokenPipeError):  # the client has given up
                self.end_headers()
                self.wfile.write(b"no backend yet")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield state
        server.shutdown()
        thread.join()


def entry(host: str = "shop.localhost", path: str = "/") -> Entry:
    """An entry of the Ingress shop/web."""
    ref = ObjectRef("Ingress", "shop", "web")
    return Entry(host, path, tls=False, source=PathSource.ROUTE, object=ref, service=None, route_path="/")


def test_every_entry_is_requested_by_host_and_path() -> None:
    """The host goes into the Host header, the connection to the ingress."""
    with controller(200) as state:
        wait_for_responses((entry("foo.localhost"), entry("bar.localhost", "/tea")), state.address, Deadline.after(10), times=2)
    assert sorted(set(state.requested)) == [("bar.localhost", "/tea"), ("foo.localhost", "/")]


def test_a_missing_route_is_retried() -> None:
    """A controller responds with 404 before it knows the host and with 503 before it knows a pod."""
    with controller(404, 503, 502, 200) as state:
        wait_for_responses((entry(),), state.address, Deadline.after(10), times=2)
    assert len(state.requested) == 5


def test_each_timeout_doubles_the_next() -> None:
    """The first timeout is short because packets to a new pod can be dropped; later ones allow for slow responses."""
    with controller(200, seconds=1.2 * FIRST_ATTEMPT_SECONDS) as state:
        wait_for_responses((entry(),), state.address, Deadline.after(30), times=2)
    assert len(state.requested) >= 3


def test_one_answering_pod_does_not_hide_an_unrouted_one() -> None:
    """Requests alternate between pods, so every other one fails until the second pod's node accepts them."""
    with controller(200, 502, 200, 502, 200) as state:
        wait_for_responses((entry(),), state.address, Deadline.after(10), times=4)
    assert len(state.requested) == 8  # 200 502, 200 502, and then four in a row


@pytest.mark.parametrize(("replicas", "times"), [(1, 2), (2, 4), (5, 10)])
def test_required_responses_grow_with_the_replicas(replicas: int, times: int) -> None:
    """Each pod must be reached in any order, so twice the replicas of the largest workload are required."""
    assert required_responses(rendered(deployment(replicas=replicas), deployment("small", replicas=1))) == times


def test_responses_are_required_even_without_replicas() -> None:
    """An entry with zero replicas is requested: a DaemonSet or an autoscaler might serve it."""
    assert required_responses(rendered(deployment(replicas=0))) == 2


@pytest.mark.parametrize("status", [200, 301, 401, 500])
def test_any_other_status_is_the_applications_response(status: int) -> None:
    """Any other status ends the wait; whether it is correct is for the tests to decide."""
    with controller(status) as state:
        wait_for_responses((entry(),), state.address, Deadline.after(10), times=2)
    assert len(state.requested) == 2


def test_the_last_response_is_in_the_error() -> None:
    """The error includes the last response, the host and the ingress."""
    with controller(503) as state, pytest.raises(DeployError, match=r"shop\.localhost/ through the ingress") as caught:
        wait_for_responses((entry(),), state.address, deadline_until(lambda: len(state.requested) > 1), times=2)
    assert "0 of 2 consecutive requests were answered, then 503 Service Unavailable: no backend yet" in caught.value.last_state


def test_a_dead_ingress_is_an_error_at_the_deadline() -> None:
    """If nothing listens, the error at the deadline states it."""
    with controller(200) as state:
        address = state.address
    with pytest.raises(DeployError) as caught:
        wait_for_responses((entry(),), address, Deadline.after(0.3), times=2)
    assert "no response" in caught.value.last_state


class Counted:
    """Stand-in for a controller's counts: requests count as the application's from request `first_own_404` on."""

    def __init__(self, state: Controller, first_own_404: int) -> None:
        self._state, self._first_own_404 = state, first_own_404

    def __call__(self, _: int) -> float | None:
        """Return how many requests so far were routed to the application."""
        return float(max(0, len(self._state.requested) - self._first_own_404))


def test_the_applications_own_404_ends_the_wait_and_names_the_remedy() -> None:
    """A 404 that the controller attributes to the application is final: more time cannot help."""
    with controller(404) as state, pytest.raises(DeployError, match="the application itself answers 404 Not Found") as caught:
        wait_for_responses((entry(),), state.address, Deadline.after(60), times=2, count_responses=Counted(state, 0))
    assert OWN_404_SECONDS <= (caught.value.waited or 0) < 60
    assert "annotation kindgate.dev/path: /PATH on Ingress shop/web" in caught.value.next_step


def test_a_404_of_the_controller_is_retried_until_the_deadline() -> None:
    """The controller does not count its own 404 under a Service, so the wait goes on."""
    with controller(*[404] * 12, 200) as state:
        wait_for_responses((entry(),), state.address, Deadline.after(60), times=2, count_responses=Counted(state, 10**6))
    assert len(state.requested) > 12


def test_a_404_of_the_controller_is_not_attributed_to_the_application() -> None:
    """While the counts do not grow, no Service has received a request."""
    with controller(404) as state:
        deadline = Deadline(started=0.0, ends=60.0, clock=lambda: 5.0 * len(state.requested))
        with pytest.raises(DeployError, match="timed out"):
            wait_for_responses((entry(),), state.address, deadline, times=2, count_responses=lambda _: 7.0)


def test_a_404_during_startup_is_retried() -> None:
    """A brief 404 from the application is not final."""
    with controller(404, 404, 404, 200) as state:
        wait_for_responses((entry(),), state.address, Deadline.after(60), times=2, count_responses=Counted(state, 0))
    assert len(state.requested) >= 5


def test_a_404_without_response_counts_is_retried() -> None:
    """Without counts, the source of a 404 is unknown."""
    with controller(404) as state, pytest.raises(DeployError, match="timed out"):
        wait_for_responses((entry(),), state.address, deadline_until(lambda: len(state.requested) > 1), times=2)


def test_a_redirect_is_reported_with_its_target() -> None:
    """A redirect counts as a response and is reported with its target."""
    with controller(308) as state:
        (answer,) = wait_for_responses((entry(),), state.address, Deadline.after(10), times=2)
    assert (answer.status, answer.location) == (308, "https://elsewhere.localhost/")
    assert answer.note == "shop.localhost answers 308 with a redirect to https://elsewhere.localhost/, which is not followed"


def test_an_entry_without_a_host_is_requested_at_the_ingress_address() -> None:
    """The Host header is then the ingress address."""
    with controller(200) as state:
        wait_for_responses((entry(""),), state.address, Deadline.after(10), times=1)
    assert state.requested == [(state.url.removeprefix("http://"), "/")]


TRAEFIK = """\
# TYPE traefik_service_requests_total counter
traefik_service_requests_total{code="200",method="GET",protocol="http",service="shop-web-80@kubernetes"} 7
traefik_service_requests_total{code="404",method="GET",protocol="http",service="shop-web-80@kubernetes"} 2
traefik_service_requests_total{code="404",method="GET",protocol="http",service="other-web-80@kubernetes"} 3
traefik_service_requests_total{code="404",method="GET",protocol="http",service="ping@internal"} 5
traefik_entrypoint_requests_total{code="404",entrypoint="web",method="GET",protocol="http"} 40
"""
NGINX = """\
nginx_ingress_controller_requests{host="a",ingress="web",namespace="shop",service="web",status="404"} 4
nginx_ingress_controller_requests{host="_",ingress="",namespace="",service="",status="404"} 9
nginx_ingress_controller_requests{host="a",ingress="web",namespace="shop",service="web",status="200"} 1e+02
"""


@pytest.mark.parametrize(
    ("metrics", "status", "count"),
    [(TRAEFIK, 404, 5), (TRAEFIK, 200, 7), (TRAEFIK, 500, 0), (NGINX, 404, 4), (NGINX, 200, 100), ("", 404, 0)],
)
def test_only_responses_from_services_are_counted(metrics: str, status: int, count: float) -> None:
    """Responses that the controller generates itself have no Service and are not counted."""
    assert service_responses(metrics, status) == count


def test_responses_are_not_counted_on_an_existing_cluster(tmp_path: Path) -> None:
    """The controller of an existing cluster is unknown, so its counts are not used."""
    address = ClusterAddress("stage", tmp_path / "kubeconfig", "stage", "http://127.0.0.1:1", existing=True)
    with service_response_counter(address) as counts:
        assert counts(404) is None
