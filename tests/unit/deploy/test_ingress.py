"""Waiting until the ingress routes every host, against a real HTTP server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kindgate.deploy.ingress import FIRST_ATTEMPT_SECONDS, PATH_ANNOTATION, answers_in_a_row, entry_paths, wait_answering
from kindgate.errors import DeployError
from kindgate.model import ClusterAddress
from kindgate.waiting import Deadline
from tests.unit.deploy.objects import deadline_until, deployment, ingress, rendered


@dataclass
class Controller:
    """Answers each request with the next status of `statuses`, the last one for ever."""

    statuses: list[int]
    url: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)

    @property
    def address(self) -> ClusterAddress:
        """A cluster with this ingress."""
        return ClusterAddress("test", Path("none"), "test", self.url)


@contextmanager
def controller(*statuses: int, seconds: float = 0.0) -> Iterator[Controller]:
    """An ingress controller on loopback, which takes `seconds` for an answer."""
    state = Controller(list(statuses))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append((self.headers["Host"], self.path))
            threading.Event().wait(seconds)
            self.send_response(state.statuses.pop(0) if len(state.statuses) > 1 else state.statuses[0])
            with suppress(BrokenPipeError):  # nobody waits any more
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


def test_every_host_is_asked_by_its_name() -> None:
    """The name goes into the Host header, the connection to the ingress."""
    with controller(200) as state:
        wait_answering(rendered(ingress("foo.localhost"), ingress("bar.localhost")), state.address, Deadline.after(10))
    assert sorted(set(state.asked)) == [("bar.localhost", "/"), ("foo.localhost", "/")]


def test_a_route_that_is_not_there_yet_is_waited_for() -> None:
    """A controller answers 404 before it knows the host and 503 before it knows a pod."""
    with controller(404, 503, 502, 200) as state:
        wait_answering(rendered(ingress()), state.address, Deadline.after(10))
    assert len(state.asked) == 5


def test_a_slow_application_is_given_more_time_at_each_attempt() -> None:
    """The first request is given up soon, because packets to a new pod may be dropped; an answer that takes longer is waited for."""
    with controller(200, seconds=1.2 * FIRST_ATTEMPT_SECONDS) as state:
        wait_answering(rendered(ingress()), state.address, Deadline.after(30))
    assert len(state.asked) >= 3


def test_one_pod_that_answers_does_not_hide_another_that_is_not_routed_yet() -> None:
    """Requests go to the pods in turn: every other one fails until the second pod's node lets them in."""
    with controller(200, 502, 200, 502, 200) as state:
        wait_answering(rendered(ingress(), deployment(replicas=2)), state.address, Deadline.after(10))
    assert len(state.asked) == 8  # 200 502, 200 502, and then four in a row


@pytest.mark.parametrize(("replicas", "times"), [(1, 2), (2, 4), (5, 10)])
def test_the_answers_asked_for_grow_with_the_pods(replicas: int, times: int) -> None:
    """Twice for each pod of the largest workload, so that each is reached whatever the order."""
    assert answers_in_a_row(rendered(deployment(replicas=replicas), deployment("small", replicas=1))) == times


def test_an_ingress_is_asked_where_no_replicas_are_wanted() -> None:
    """Something else serves it: a DaemonSet, or an autoscaler that has not decided yet."""
    assert answers_in_a_row(rendered(deployment(replicas=0))) == 2


@pytest.mark.parametrize("status", [200, 301, 401, 500])
def test_any_other_answer_is_the_applications(status: int) -> None:
    """Whether it is the right one, the tests say."""
    with controller(status) as state:
        wait_answering(rendered(ingress()), state.address, Deadline.after(10))
    assert len(state.asked) == 2


def test_the_last_answer_is_in_the_error() -> None:
    """The message names host and ingress."""
    with controller(503) as state, pytest.raises(DeployError, match=r"does not serve shop\.localhost/") as caught:
        wait_answering(rendered(ingress()), state.address, deadline_until(lambda: len(state.asked) > 1))
    assert "0 of 2 requests in a row were answered, then 503 Service Unavailable: no backend yet" in caught.value.last_state


def test_a_dead_ingress_is_an_error_at_the_deadline() -> None:
    """Nothing listens: the error says so."""
    with controller(200) as state:
        address = state.address
    with pytest.raises(DeployError) as caught:
        wait_answering(rendered(ingress()), address, Deadline.after(0.3))
    assert "no answer" in caught.value.last_state


def test_the_asked_path_is_the_rules_or_the_annotations() -> None:
    """An application whose first path is 404 by design names another; a wildcard host is asked as one that it covers."""
    named = ingress("b.localhost")
    named["metadata"]["annotations"] = {PATH_ANNOTATION: "/healthz"}
    found = entry_paths(rendered(ingress("*.a.localhost", path="/shop"), named))
    assert found == {"b.localhost": "/healthz", "kindgate.a.localhost": "/shop"}
