"""What service accounts may do, asked of a stand-in API server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kindgate.cluster.api_client import Api, connect
from kindgate.model import ClusterAddress, ObjectRef, Verdict
from kindgate.scenarios.permissions import POWERS, Power, accounts_of, judge_permissions, powers_of, review
from tests.unit.deploy.objects import deployment, service
from tests.unit.deploy.standin import ApiServer, kubeconfig, serving

ACCOUNT = ObjectRef("ServiceAccount", "shop", "web")
BASE = ObjectRef("ServiceAccount", "shop-base", "web")
SECRETS, PODS = Power("get", "", "secrets"), Power("create", "", "pods")


@pytest.fixture
def server() -> Iterator[ApiServer]:
    """An API server that grants nothing."""
    with serving() as state:
        yield state


@pytest.fixture
def api(server: ApiServer, tmp_path: Path) -> Iterator[Api]:
    """Its client."""
    with connect(ClusterAddress("test", kubeconfig(tmp_path, server.url), "test", "")) as client:
        yield client


def test_an_account_without_grants_has_no_powers(server: ApiServer, api: Api) -> None:
    """Every power is asked for."""
    assert powers_of(api, ACCOUNT) == ()
    assert len(server.requests) == len(POWERS)


def test_granted_powers_are_found(server: ApiServer, api: Api) -> None:
    """In the account's own namespace."""
    server.granted.add(("system:serviceaccount:shop:web", "get", "secrets"))
    assert powers_of(api, ACCOUNT) == (SECRETS,)
    assert powers_of(api, BASE) == ()


def test_who_may_do_anything_is_said_to_do_that_alone(server: ApiServer, api: Api) -> None:
    """Everything else follows."""
    for power in POWERS:
        server.granted.add(("system:serviceaccount:shop:web", power.verb, power.resource))
    assert [str(power) for power in powers_of(api, ACCOUNT)] == ["do anything"]


def test_a_subresource_is_asked_for_as_one() -> None:
    """`pods/exec` is not a resource."""
    attributes = review(ACCOUNT, Power("create", "", "pods/exec"))["spec"]["resourceAttributes"]
    assert (attributes["resource"], attributes["subresource"]) == ("pods", "exec")


def test_accounts_are_those_that_pods_run_as() -> None:
    """The namespace's default if none is named."""
    named = deployment("named")
    named["spec"]["template"]["spec"]["serviceAccountName"] = "web"
    found = accounts_of([deployment(), named, deployment("another"), service()])
    assert found == (ObjectRef("ServiceAccount", "shop", "default"), ACCOUNT)


def test_a_power_is_a_miss_that_is_named() -> None:
    """All of an account's in one line."""
    result = judge_permissions({ACCOUNT: [SECRETS, PODS]})
    assert result.verdict is Verdict.FAIL
    assert result.missed == ("ServiceAccount shop/web may get secrets, create pods",)


def test_a_power_that_the_base_has_is_not_the_changes() -> None:
    """A new one is."""
    assert judge_permissions({ACCOUNT: [SECRETS]}, {BASE: [SECRETS]}).verdict is Verdict.PASS
    assert judge_permissions({ACCOUNT: [SECRETS, PODS]}, {BASE: [SECRETS]}).missed == ("ServiceAccount shop/web may create pods",)


def test_accounts_without_powers_pass() -> None:
    """They are counted."""
    assert judge_permissions({ACCOUNT: [], BASE: []}).finding == "met by 2 service accounts"
