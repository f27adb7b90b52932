"""The hosts of the baseline: every kind of entry is served under its own."""

from __future__ import annotations

from typing import Any

import pytest

from kindgate.deploy.baseline import application_namespaces, place_baseline
from kindgate.deploy.baseline_hosts import baseline_host
from kindgate.deploy.entries import entries_of
from tests.unit.deploy.objects import Object, deployment, manifest, rendered, service

BACKEND = [{"name": "web", "port": 80}]


def gateway(*hosts: str, namespace: str = "shop") -> Object:
    """Build a Gateway with a listener per host; an empty host leaves the listener open to all."""
    listeners = [
        {"name": f"l{number}", "port": 80, "protocol": "HTTP", **({"hostname": host} if host else {})} for number, host in enumerate(hosts)
    ]
    spec = {"gatewayClassName": "traefik", "listeners": listeners}
    return manifest("Gateway", "shop", namespace=namespace, api_version="gateway.networking.k8s.io/v1", spec=spec)


def http_route(*hosts: str, **parent: str) -> Object:
    """Build an HTTPRoute of these hosts to the Service `web`."""
    spec: dict[str, Any] = {"parentRefs": [{"name": "shop", **parent}], "rules": [{"backendRefs": BACKEND}]}
    return manifest(
        "HTTPRoute", "web", api_version="gateway.networking.k8s.io/v1", spec={**spec, **({"hostnames": list(hosts)} if hosts else {})}
    )


def ingress_route(match: str, **spec: Any) -> Object:
    """Build a Traefik IngressRoute with one rule to the Service `web`."""
    routes = [{"match": match, "kind": "Rule", "services": BACKEND}]
    return manifest("IngressRoute", "web", api_version="traefik.io/v1alpha1", spec={"routes": routes, **spec})


def baseline_hosts(*entries: Object) -> set[str]:
    """Place a version with these entries alongside itself, and return the hosts of the baseline's entries."""
    version = rendered(deployment(), service(), *entries)
    placed = place_baseline(version, version)

    requested = {entry.host for entry in entries_of(placed.rendered, existing=True)}

    assert requested == set(placed.hosts.values())
    assert requested.isdisjoint(placed.hosts)
    return requested


@pytest.mark.parametrize(
    ("host", "expected"),
    [("foo.localhost", "foo-base.localhost"), ("*.a.b", "*.a-base.b"), ("foo", "foo-base"), ("", "kindgate-base.localhost")],
)
def test_a_host_keeps_its_domain(host: str, expected: str) -> None:
    """The new host is in the same domain, so certificates and wildcards still cover it."""
    assert baseline_host(host) == expected


@pytest.mark.parametrize(
    ("entries", "hosts"),
    [
        ([gateway(""), http_route("shop.localhost", "www.localhost")], {"shop-base.localhost", "www-base.localhost"}),
        ([gateway("*.localhost"), http_route("shop.localhost")], {"shop-base.localhost"}),
        ([gateway("shop.localhost"), http_route()], {"shop-base.localhost"}),
        ([gateway("*.localhost"), http_route()], {"kindgate.localhost-base"}),
        ([gateway(""), http_route()], {"kindgate-base.localhost"}),
        ([http_route("shop.localhost", namespace="infra")], {"shop-base.localhost"}),
        ([ingress_route("Host(`shop.localhost`) && PathPrefix(`/api`)")], {"shop-base.localhost"}),
        ([ingress_route("PathPrefix(`/api`)")], {"kindgate-base.localhost"}),
    ],
)
def test_every_kind_of_entry_is_served_under_the_baselines_host(entries: list[Object], hosts: set[str]) -> None:
    """HTTPRoutes and IngressRoutes get the baseline's hosts as Ingresses do; the first version's hosts stay its own."""
    assert baseline_hosts(*entries) == hosts


def test_a_gateways_listeners_accept_the_baselines_hosts() -> None:
    """The copied Gateway has the renamed hostnames, and none where a wildcard would not cover the renamed routes."""
    version = rendered(deployment(), service(), gateway("shop.localhost", "*.localhost", ""), http_route("shop.localhost"))

    (copy,) = place_baseline(version, version).rendered.of_kind("Gateway")

    assert [listener.get("hostname") for listener in copy["spec"]["listeners"]] == ["shop-base.localhost", None, None]


def test_certificate_domains_of_an_ingress_route_are_renamed() -> None:
    """The names that a certificate is requested for are the baseline's."""
    tls = {"domains": [{"main": "shop.localhost", "sans": ["www.localhost"]}]}
    version = rendered(deployment(), service(), ingress_route("Host(`shop.localhost`)", tls=tls))

    (copy,) = place_baseline(version, version).rendered.of_kind("IngressRoute.traefik.io")

    assert copy["spec"]["tls"]["domains"] == [{"main": "shop-base.localhost", "sans": ["www-base.localhost"]}]


def test_a_namespace_with_a_route_belongs_to_the_application() -> None:
    """A cluster-scoped object that points to the namespace does not make it a shared one."""
    binding = manifest("ClusterRoleBinding", "web", namespace="", subjects=[{"kind": "ServiceAccount", "namespace": "shop"}])

    assert application_namespaces(rendered(binding, deployment(), service(), http_route("shop.localhost"))) == ("shop",)
