"""The bundled ingress components fit together: ports, classes, and the providers that other components enable."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from kindgate.assets import manifests
from kindgate.cluster.kind_config import INGRESS_CONTAINER_PORT, INGRESS_TLS_CONTAINER_PORT
from kindgate.deploy.gateways import CLASS, CONTROLLER
from kindgate.deploy.nginx_annotations import CONTROLLER as NGINX_CONTROLLER
from kindgate.deploy.nginx_annotations import TRAEFIK_CONTROLLER


def objects(component: str) -> list[dict[str, Any]]:
    """Return the objects in the component's files."""
    folder = manifests() / "components" / component
    files = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    return [document for file in files for document in yaml.safe_load_all((folder / file).read_text())]


def of_kind(component: str, kind: str) -> list[dict[str, Any]]:
    """Return the component's objects of one kind."""
    return [item for item in objects(component) if item["kind"] == kind]


def container(component: str) -> dict[str, Any]:
    """Return the controller's container."""
    (deployment,) = of_kind(component, "Deployment")
    (found,) = deployment["spec"]["template"]["spec"]["containers"]
    return dict(found)


@pytest.mark.parametrize("component", ["ingress-traefik", "ingress-nginx"])
def test_a_controller_listens_where_kind_maps_ports_to(component: str) -> None:
    """The controller listens on the ports kind maps, and its network policy allows requests there."""
    ports = {port["name"]: port.get("hostPort") for port in container(component)["ports"]}
    (policy,) = of_kind(component, "NetworkPolicy")
    open_to_all = {port["port"] for rule in policy["spec"]["ingress"] if "from" not in rule for port in rule["ports"]}

    assert {port for port in ports.values() if port} == {INGRESS_CONTAINER_PORT, INGRESS_TLS_CONTAINER_PORT}
    assert open_to_all == {name for name, port in ports.items() if port}


def test_traefik_defines_both_classes_and_its_own_is_the_default() -> None:
    """The controllers have the names that validation expects."""
    classes = {item["metadata"]["name"]: item for item in of_kind("ingress-traefik", "IngressClass")}

    assert {name: item["spec"]["controller"] for name, item in classes.items()} == {
        "traefik": TRAEFIK_CONTROLLER,
        "nginx": NGINX_CONTROLLER,
    }
    defaults = [
        name for name, item in classes.items() if "ingressclass.kubernetes.io/is-default-class" in item["metadata"].get("annotations", {})
    ]
    assert defaults == ["traefik"]


@pytest.mark.parametrize(("component", "variable"), [("gateway-api", "KUBERNETESGATEWAY"), ("traefik-crds", "KUBERNETESCRD")])
def test_a_provider_is_enabled_only_by_its_component(component: str, variable: str) -> None:
    """Traefik reads the component's ConfigMap, but starts without it too."""
    (switch,) = of_kind(component, "ConfigMap")
    sources = [entry["configMapRef"] for entry in container("ingress-traefik")["envFrom"]]

    assert switch["data"] == {f"TRAEFIK_PROVIDERS_{variable}": "true"}
    assert {"name": switch["metadata"]["name"], "optional": True} in sources
    assert f"TRAEFIK_PROVIDERS_{variable}" not in {entry["name"] for entry in container("ingress-traefik")["env"]}


@pytest.mark.parametrize("component", ["gateway-api", "traefik-crds"])
def test_traefik_may_watch_every_kind_that_a_component_defines(component: str) -> None:
    """Traefik starts serving only once it can watch every kind it has a provider for."""
    defined = {(item["spec"]["group"], item["spec"]["names"]["plural"]) for item in of_kind(component, "CustomResourceDefinition")}
    (role,) = of_kind(component, "ClusterRole")
    watched = {
        (group, resource)
        for rule in role["rules"]
        if "watch" in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        if group
    }

    assert watched == defined


def test_the_bundled_gateway_class_is_traefiks() -> None:
    """The GatewayClass has the name that generated Gateways refer to."""
    (one,) = of_kind("gateway-api", "GatewayClass")

    assert (one["metadata"]["name"], one["spec"]["controllerName"]) == (CLASS, CONTROLLER)
