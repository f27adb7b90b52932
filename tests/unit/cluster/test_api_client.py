"""Requests to the API server are logged; their results are tested with the packages that send them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from kindgate.cluster.api_client import Api, connect
from kindgate.errors import ApiError
from kindgate.model import ClusterAddress
from kindgate.waiting import Deadline
from tests.unit.deploy.standin import kubeconfig, serving

POD = "/api/v1/namespaces/echo/pods/a"
CANARY = "canary-of-the-kubeconfig"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """A client of a server with one pod, authenticated by a token."""
    with serving() as server:
        server.put(POD, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}})
        address = ClusterAddress("test", kubeconfig(tmp_path, server.url, {"token": CANARY}), "test", "")
        with connect(address) as client:
            yield client


def test_requests_are_logged_with_status_and_duration(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """A rejection has its status too, and no record contains credentials or bodies."""
    with caplog.at_level(logging.DEBUG, logger="kindgate"):
        api.request("GET", POD, Deadline.after(20))
        api.request("GET", "/api/v1/pods", Deadline.after(20), query=[("labelSelector", "a=b")])
        with pytest.raises(ApiError):
            api.request("DELETE", POD.replace("pods/a", "pods/b"), Deadline.after(20), body={"secret": CANARY})

    assert [message.rpartition(" in ")[0] for message in caplog.messages] == [
        f"GET {POD}: 200",
        "GET /api/v1/pods?labelSelector=a%3Db: 200",
        "DELETE /api/v1/namespaces/echo/pods/b: 404",
    ]
    assert CANARY not in caplog.text


def test_a_request_without_a_response_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The record has the error's class in place of a status."""
    address = ClusterAddress("test", kubeconfig(tmp_path, "http://127.0.0.1:1"), "test", "")
    with caplog.at_level(logging.DEBUG, logger="kindgate"), connect(address) as client, pytest.raises(ApiError):
        client.request("GET", POD, Deadline.after(20))

    assert caplog.messages[-1].startswith(f"GET {POD}: ApiError in ")


def test_the_opening_of_a_watch_is_logged(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """Its duration is that of the first response, because the watch itself stays open for minutes."""
    with caplog.at_level(logging.DEBUG, logger="kindgate"):
        api.open_watch("/api/v1/pods", "1").close()

    assert caplog.messages[-1].startswith("WATCH /api/v1/pods: 200 in ")
