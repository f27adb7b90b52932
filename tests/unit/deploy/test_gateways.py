"""Traefik serves the Gateways of the manifests, and those that they leave to somebody else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kindgate.deploy.gateways import CONTROLLER, with_gateways
from kindgate.model import Manifest, ObjectRef, Rendered

API = "gateway.networking.k8s.io/v1"


def an_object(kind: str, name: str, spec: dict[str, Any], namespace: str = "shop", api: str = API) -> Manifest:
    """One object; a namespace of nothing is no namespace."""
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, **({"namespace": namespace} if namespace else {})}, "spec": spec}


TRAEFIK = an_object("GatewayClass", "traefik", {"controllerName": CONTROLLER}, namespace="")


def gateway(*listeners: dict[str, Any], name: str = "traefik") -> Manifest:
    """A Gateway of a class."""
    return an_object("Gateway", "web", {"gatewayClassName": name, "listeners": list(listeners)})


def route(**parent: str) -> Manifest:
    """An HTTPRoute with one parent."""
    return an_object("HTTPRoute", "shop", {"parentRefs": [parent], "hostnames": ["shop.localhost"]})


def served(*objects: Manifest) -> Rendered:
    """The objects, beside the component gateway-api, as they are applied."""
    (complete,) = with_gateways([Rendered(Path("k8s"), (TRAEFIK, *objects))])
    return complete


def of(rendered: Rendered, kind: str) -> list[Manifest]:
    """The objects of one kind that were not there before."""
    return [item for item in rendered.of_kind(kind) if item != TRAEFIK]


def test_what_traefik_serves_already_is_left_as_it_is() -> None:
    """A Gateway of its class on the ports of the ingress, with its route."""
    own = (gateway({"name": "http", "protocol": "HTTP", "port": 80}), route(name="web"))

    assert served(*own) == Rendered(Path("k8s"), (TRAEFIK, *own))


def test_a_class_that_nobody_brings_is_made() -> None:
    """Under its own name, with a note."""
    complete = served(gateway({"name": "http", "protocol": "HTTP", "port": 80}, name="eg"))

    (made,) = of(complete, "GatewayClass")
    assert (made["metadata"]["name"], made["spec"]["controllerName"]) == ("eg", CONTROLLER)
    assert complete.notes == ("GatewayClass eg: not in the manifests; kindgate creates it, served by Traefik",)


def test_a_class_of_another_controller_becomes_traefiks() -> None:
    """Its parameters are that controller's, and go."""
    foreign = an_object("GatewayClass", "eg", {"controllerName": "gateway.envoyproxy.io/x", "parametersRef": {"name": "p"}}, namespace="")

    complete = served(foreign, gateway({"name": "http", "protocol": "HTTP", "port": 80}, name="eg"))

    assert [item["spec"] for item in of(complete, "GatewayClass")] == [{"controllerName": CONTROLLER}]
    assert complete.notes == ("GatewayClass eg: its controller gateway.envoyproxy.io/x is not installed; Traefik serves it",)


def test_listeners_get_the_ports_of_the_ingress() -> None:
    """By their protocol; one that would then be there twice, and protocols of other kinds, stay."""
    complete = served(
        gateway(
            {"name": "a", "protocol": "HTTP", "port": 8080},
            {"name": "b", "protocol": "HTTP", "port": 8081},
            {"name": "c", "protocol": "HTTPS", "port": 8443, "hostname": "x.localhost"},
            {"name": "d", "protocol": "HTTPS", "port": 443},
            {"name": "e", "protocol": "TCP", "port": 5432},
        )
    )

    (one,) = of(complete, "Gateway")
    assert [listener["port"] for listener in one["spec"]["listeners"]] == [80, 8081, 443, 443, 5432]
    assert [note.partition(":")[0] for note in complete.notes] == ["Gateway shop/web", "Gateway shop/web"]


@pytest.mark.parametrize(
    ("sections", "listeners"),
    [
        ([None], [("http", "HTTP", 80)]),
        (["web"], [("web", "HTTP", 80)]),
        (["https"], [("https", "HTTPS", 443)]),
        (["http", "https-shop"], [("http", "HTTP", 80), ("https-shop", "HTTPS", 443)]),
    ],
)
def test_a_gateway_that_routes_name_and_nobody_brings_is_made(sections: list[str | None], listeners: list[tuple[str, str, int]]) -> None:
    """In the namespace that they name, open to all of them, with the listeners that they name."""
    parents = [{"name": "shared", "namespace": "infra", **({"sectionName": name} if name else {})} for name in sections]
    complete = served(an_object("HTTPRoute", "shop", {"parentRefs": parents}))

    (made,) = of(complete, "Gateway")
    assert ObjectRef.of(made) == ObjectRef("Gateway", "infra", "shared")
    found = made["spec"]["listeners"]
    assert [(one["name"], one["protocol"], one["port"]) for one in found] == listeners
    assert all(one["allowedRoutes"] == {"namespaces": {"from": "All"}} for one in found)
    assert complete.notes == ("Gateway infra/shared: not in the manifests; kindgate creates it, served by Traefik",)


def test_a_parent_of_another_kind_is_left_alone() -> None:
    """As a Service is in a mesh; so is a route of another API group."""
    own = (
        route(name="shop", kind="Service"),
        an_object("HTTPRoute", "x", {"parentRefs": [{"name": "web"}]}, api="example.org/v1"),
    )

    assert served(*own) == Rendered(Path("k8s"), (TRAEFIK, *own))


def test_without_traefiks_class_nothing_is_changed() -> None:
    """What serves the Gateways then is not known."""
    own = Rendered(Path("k8s"), (gateway({"name": "a", "protocol": "HTTP", "port": 8080}, name="eg"), route(name="other")))

    assert with_gateways([own]) == (own,)


def test_a_gateway_of_an_earlier_part_is_there() -> None:
    """Whether it was brought or made; its class too."""
    parts = [Rendered(Path("a"), (TRAEFIK, route(name="shared"))), Rendered(Path("b"), (route(name="shared"),))]

    first, second = with_gateways(parts)

    assert (len(of(first, "Gateway")), len(of(second, "Gateway"))) == (1, 0)
