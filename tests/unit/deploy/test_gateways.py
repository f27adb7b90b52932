"""Traefik serves the Gateways of the manifests, including those of another or a missing class.

The bundled Traefik restarts when a component enables or disables a provider.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from kindgate.assets import manifests
from kindgate.deploy.gateways import CONTROLLER, PROVIDERS_ANNOTATION, with_gateways, with_providers
from kindgate.model import Manifest, ObjectRef, Rendered
from tests.unit.deploy.objects import manifest, rendered

API = "gateway.networking.k8s.io/v1"


def build_object(kind: str, name: str, spec: dict[str, Any], namespace: str = "shop", api: str = API) -> Manifest:
    """Build an object; without a namespace it is cluster-scoped."""
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, **({"namespace": namespace} if namespace else {})}, "spec": spec}


TRAEFIK = build_object("GatewayClass", "traefik", {"controllerName": CONTROLLER}, namespace="")


def gateway(*listeners: dict[str, Any], name: str = "traefik") -> Manifest:
    """A Gateway of a class."""
    return build_object("Gateway", "web", {"gatewayClassName": name, "listeners": list(listeners)})


def route(**parent: str) -> Manifest:
    """An HTTPRoute with one parent."""
    return build_object("HTTPRoute", "shop", {"parentRefs": [parent], "hostnames": ["shop.localhost"]})


def served(*objects: Manifest) -> Rendered:
    """Return the objects as they are applied together with the component gateway-api."""
    (completed,) = with_gateways([Rendered(Path("k8s"), (TRAEFIK, *objects))])
    return completed


def of(rendered: Rendered, kind: str) -> list[Manifest]:
    """Return the added objects of one kind."""
    return [item for item in rendered.of_kind(kind) if item != TRAEFIK]


def test_gateways_that_traefik_already_serves_are_unchanged() -> None:
    """A Gateway of Traefik's class on the ingress ports is unchanged, and so is its route."""
    own = (gateway({"name": "http", "protocol": "HTTP", "port": 80}), route(name="web"))

    assert served(*own) == Rendered(Path("k8s"), (TRAEFIK, *own))


def test_a_missing_gateway_class_is_created() -> None:
    """A missing GatewayClass is created under its own name and noted."""
    complete = served(gateway({"name": "http", "protocol": "HTTP", "port": 80}, name="eg"))

    (made,) = of(complete, "GatewayClass")
    assert (made["metadata"]["name"], made["spec"]["controllerName"]) == ("eg", CONTROLLER)
    assert complete.notes == ("GatewayClass eg: not in the manifests; kindgate creates it, served by Traefik",)


def test_a_class_of_another_controller_becomes_traefiks() -> None:
    """A GatewayClass of another controller is changed to Traefik's and loses that controller's parameters."""
    foreign = build_object(
        "GatewayClass", "eg", {"controllerName": "gateway.envoyproxy.io/x", "parametersRef": {"name": "p"}}, namespace=""
    )

    complete = served(foreign, gateway({"name": "http", "protocol": "HTTP", "port": 80}, name="eg"))

    assert [item["spec"] for item in of(complete, "GatewayClass")] == [{"controllerName": CONTROLLER}]
    assert complete.notes == ("GatewayClass eg: its controller gateway.envoyproxy.io/x is not installed; Traefik serves it",)


def test_listeners_move_to_the_ingress_ports() -> None:
    """Listener ports follow their protocol; a listener that would become a duplicate or has another protocol is unchanged."""
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
def test_a_missing_gateway_named_by_routes_is_created(sections: list[str | None], listeners: list[tuple[str, str, int]]) -> None:
    """A missing Gateway is created in the namespace its routes name, with their listeners and open to all of them."""
    parents = [{"name": "shared", "namespace": "infra", **({"sectionName": name} if name else {})} for name in sections]
    complete = served(build_object("HTTPRoute", "shop", {"parentRefs": parents}))

    (made,) = of(complete, "Gateway")
    assert ObjectRef.of(made) == ObjectRef("Gateway", "infra", "shared")
    listeners_found = made["spec"]["listeners"]
    assert [(one["name"], one["protocol"], one["port"]) for one in listeners_found] == listeners
    assert all(one["allowedRoutes"] == {"namespaces": {"from": "All"}} for one in listeners_found)
    assert complete.notes == ("Gateway infra/shared: not in the manifests; kindgate creates it, served by Traefik",)


def test_a_parent_of_another_kind_is_ignored() -> None:
    """A parent that is not a Gateway, such as a Service in a mesh, and a route of another API group are unchanged."""
    own = (
        route(name="shop", kind="Service"),
        build_object("HTTPRoute", "x", {"parentRefs": [{"name": "web"}]}, api="example.org/v1"),
    )

    assert served(*own) == Rendered(Path("k8s"), (TRAEFIK, *own))


def test_without_traefiks_class_nothing_is_changed() -> None:
    """Without Traefik's class the controller is unknown, so nothing is changed."""
    own = Rendered(Path("k8s"), (gateway({"name": "a", "protocol": "HTTP", "port": 8080}, name="eg"), route(name="other")))

    assert with_gateways([own]) == (own,)


def test_a_gateway_of_an_earlier_part_counts() -> None:
    """A Gateway or class of an earlier part counts, whether it was in the manifests or created."""
    parts = [Rendered(Path("a"), (TRAEFIK, route(name="shared"))), Rendered(Path("b"), (route(name="shared"),))]

    first, second = with_gateways(parts)

    assert (len(of(first, "Gateway")), len(of(second, "Gateway"))) == (1, 0)


def traefik() -> dict[str, Any]:
    """The Deployment of the component ingress-traefik."""
    text = (manifests() / "components" / "ingress-traefik" / "traefik.yaml").read_text()
    return next(item for item in yaml.safe_load_all(text) if item["kind"] == "Deployment")


def switch(name: str, namespace: str = "ingress") -> dict[str, Any]:
    """A component's ConfigMap."""
    return manifest("ConfigMap", name, namespace=namespace)


def annotation_of(*objects: dict[str, Any]) -> str | None:
    """Return the annotation on Traefik's pod template when it is applied with `objects`."""
    (part,) = with_providers([rendered(traefik(), *objects)])
    annotations: dict[str, str] = part.objects[0]["spec"]["template"]["metadata"].get("annotations", {})
    return annotations.get(PROVIDERS_ANNOTATION)


@pytest.mark.parametrize(
    ("names", "mark"),
    [
        ([], None),
        (["gateway-api"], None),
        (["traefik-gateway-api"], "traefik-gateway-api"),
        (["traefik-gateway-api", "traefik-crds", "other"], "traefik-crds,traefik-gateway-api"),
    ],
)
def test_traefiks_pods_are_annotated_with_the_providers_they_read(names: list[str], mark: str | None) -> None:
    """A changed annotation changes the template, so the Deployment of a kept cluster rolls out again."""
    assert annotation_of(*map(switch, names)) == mark


def test_a_config_map_of_another_namespace_is_ignored() -> None:
    """Traefik reads only the ConfigMaps in its own namespace."""
    assert annotation_of(switch("traefik-crds", "shop")) is None


def test_a_provider_config_map_of_another_part_counts() -> None:
    """A ConfigMap from a part that is applied earlier counts too."""
    before, own = with_providers([rendered(switch("traefik-crds")), rendered(traefik())])

    assert before == rendered(switch("traefik-crds"))
    assert own.objects[0]["spec"]["template"]["metadata"]["annotations"] == {PROVIDERS_ANNOTATION: "traefik-crds"}


def test_another_traefik_is_unchanged() -> None:
    """A Traefik from the application is unchanged."""
    other = {**traefik(), "metadata": {"name": "traefik", "namespace": "shop"}}

    assert with_providers([rendered(other, switch("traefik-crds"))]) == (rendered(other, switch("traefik-crds")),)
