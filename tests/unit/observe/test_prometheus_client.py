"""The client: typed answers, and errors that quote Prometheus."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kindgate.errors import MetricsError, NoSamplesError
from kindgate.model import Window
from kindgate.observe.prometheus_client import PrometheusClient
from kindgate.waiting import Deadline

FIXTURES = Path(__file__).parent / "fixtures"


def _recorded(name: str, status: int = 200) -> Callable[..., tuple[int, bytes]]:
    return lambda *_: (status, (FIXTURES / f"{name}.json").read_bytes())


@pytest.fixture
def deadline() -> Deadline:
    """A deadline longer than any answer on loopback takes."""
    return Deadline.after(20)


def test_an_instant_query_gives_labelled_values(client: PrometheusClient, prometheus: Any, deadline: Deadline) -> None:
    """Each series has its labels, value and timestamp."""
    prometheus.answer = _recorded("up")
    answer = client.query("up", deadline, at=1795473865.3733)
    assert {sample.labels["node"]: sample.value for sample in answer} == {"kgrec-control-plane": 1, "kgrec-worker": 1, "kgrec-worker2": 1}
    assert answer.items[0].time == 1795473865.373
    assert prometheus.asked == [("query", {"query": "up", "time": "1795473865.373"})]


def test_without_a_time_prometheus_takes_its_own_now(client: PrometheusClient, prometheus: Any, deadline: Deadline) -> None:
    """A clock difference moves no query into the future."""
    prometheus.answer = _recorded("up")
    client.query("up", deadline)
    assert "time" not in prometheus.asked[0][1]


def test_a_scalar_is_a_sample_without_labels(client: PrometheusClient, prometheus: Any, deadline: Deadline) -> None:
    """`scalar(...)` is queried like any other expression."""
    prometheus.answer = _recorded("scalar")
    assert client.query("scalar(vector(3))", deadline).value == 3


def test_a_range_query_gives_series_over_time(client: PrometheusClient, prometheus: Any, deadline: Deadline) -> None:
    """Times ascend, and start and end are sent with millisecond precision."""
    prometheus.answer = _recorded("range")
    (first, *_) = client.query_range("rate(x[30s])", Window(1795473833.29132, 1795473845.373), 5, deadline)
    assert first.labels["pod"].startswith("foo-")
    assert len(first.times) == len(first.values) > 1
    assert list(first.times) == sorted(first.times)
    assert prometheus.asked[0] == (
        "query_range",
        {"query": "rate(x[30s])", "start": "1795473833.291", "end": "1795473845.373", "step": "5"},
    )


def test_warnings_are_kept(client: PrometheusClient, prometheus: Any, deadline: Deadline) -> None:
    """A figure with a warning from Prometheus is not reported without it."""
    answer = json.loads((FIXTURES / "up.json").read_text()) | {"warnings": ["half a store answered"], "infos": ["no counter"]}
    prometheus.answer = lambda *_: (200, json.dumps(answer).encode())
    assert client.query("up", deadline).warnings == ("half a store answered", "no counter")


def test_no_samples_is_an_error_of_its_own(client: PrometheusClient, prometheus: Any, deadline: Deadline) -> None:
    """Missing data is never shown as 0."""
    prometheus.answer = _recorded("empty")
    with pytest.raises(NoSamplesError, match="no_such_metric"):
        client.query("no_such_metric", deadline)


def test_a_refused_query_says_why(client: PrometheusClient, prometheus: Any, deadline: Deadline) -> None:
    """The error quotes Prometheus' explanation of the invalid expression."""
    prometheus.answer = _recorded("bad", 400)
    with pytest.raises(MetricsError, match="unclosed left parenthesis") as refused:
        client.query("sum(", deadline)
    assert not isinstance(refused.value, NoSamplesError)


def test_an_answer_of_something_else_is_shown(client: PrometheusClient, prometheus: Any, deadline: Deadline) -> None:
    """An error of the API server in front of Prometheus is quoted with its status."""
    prometheus.answer = lambda *_: (503, b"no endpoints available for service")
    with pytest.raises(MetricsError, match="HTTP 503: no endpoints available"):
        client.query("up", deadline)


def test_the_wrong_kind_of_answer_is_an_error(client: PrometheusClient, prometheus: Any, deadline: Deadline) -> None:
    """A range selector where one value is needed is an error in the query, not a crash."""
    prometheus.answer = _recorded("range")
    with pytest.raises(MetricsError, match="matrix"):
        client.query("up[1m]", deadline)
    prometheus.answer = _recorded("up")
    with pytest.raises(MetricsError, match="vector"):
        client.query_stored("up", deadline, at=1.0)


def test_nobody_listening_is_an_error_with_a_next_step(deadline: Deadline) -> None:
    """The message names the unresponsive address."""
    with PrometheusClient("http://127.0.0.1:9") as client, pytest.raises(MetricsError, match=r"127\.0\.0\.1:9 did not respond") as raised:
        client.query("up", deadline)
    assert "kubectl" in raised.value.next_step


@pytest.fixture
def dripping() -> Iterator[str]:
    """A server that sends a byte every 20 ms forever."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while not stop.wait(0.02):
                try:
                    connection.sendall(b"1\r\n \r\n")
                except OSError:
                    return

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    stop.set()
    thread.join()
    listener.close()


def test_a_dripping_answer_ends_at_the_deadline(dripping: str) -> None:
    """A slow, endless answer does not keep a run waiting."""
    began = time.monotonic()
    with PrometheusClient(dripping) as client, pytest.raises(MetricsError, match="took too long"):
        client.query("up", Deadline.after(0.2))
    assert time.monotonic() - began < 5
