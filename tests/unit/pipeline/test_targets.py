"""Burst targets: every entry of the application, or a selection."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindgate.deploy.entries import Entry, PathSource
from kindgate.errors import LoadError
from kindgate.model import ClusterAddress, ObjectRef
from kindgate.pipeline.burst_series import chosen_entries, entry_routes

ADDRESS = ClusterAddress("test", Path("kubeconfig"), "test", "http://127.0.0.1:8080")


def entry(host: str, path: str) -> Entry:
    """An entry of the Ingress shop/web."""
    ref = ObjectRef("Ingress", "shop", "web")
    return Entry(host, path, tls=False, source=PathSource.ROUTE, object=ref, service=None, route_path=path)


TEA, COFFEE, HOME, ANY = (
    entry("cafe.localhost", "/tea"),
    entry("cafe.localhost", "/coffee"),
    entry("shop.localhost", "/"),
    entry("", "/foo"),
)


def test_each_entry_is_a_route_with_a_name_of_its_own() -> None:
    """Objectives can select by route, and two paths of a host are kept apart."""
    routes = entry_routes((TEA, COFFEE, HOME, ANY), ADDRESS)
    assert [(route.url, route.host, route.label) for route in routes] == [
        ("http://127.0.0.1:8080/tea", "cafe.localhost", "cafe.localhost/tea"),
        ("http://127.0.0.1:8080/coffee", "cafe.localhost", "cafe.localhost/coffee"),
        ("http://127.0.0.1:8080/", "shop.localhost", "shop.localhost"),
        ("http://127.0.0.1:8080/foo", "", "*/foo"),
    ]


def test_hosts_and_a_path_choose_among_the_entries() -> None:
    """A test can target one host, or a path that no manifest names."""
    assert chosen_entries((TEA, COFFEE, HOME)) == (TEA, COFFEE, HOME)
    assert chosen_entries((TEA, COFFEE, HOME), ["cafe.localhost"]) == (TEA, COFFEE)
    chosen = chosen_entries((TEA, COFFEE, HOME), path="/menu")
    assert [(one.host, one.path) for one in chosen] == [("cafe.localhost", "/menu"), ("shop.localhost", "/menu")]


def test_a_host_that_no_entry_has_is_refused_with_those_that_there_are() -> None:
    """The error lists the valid hosts, and no load is sent."""
    with pytest.raises(LoadError, match=r"no entry has the host bar\.localhost") as caught:
        chosen_entries((TEA, HOME), ["bar.localhost"])
    assert caught.value.next_step == "known hosts: cafe.localhost, shop.localhost"


def test_an_application_without_entries_is_refused_with_the_remedy() -> None:
    """Without a target the error says how to add one."""
    with pytest.raises(LoadError, match="nothing routes requests to the application"):
        chosen_entries(())
