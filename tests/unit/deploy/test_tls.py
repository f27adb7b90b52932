"""Which certificates kindgate creates for a run, for which hosts, and which objects it drops instead."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.deploy.tls import certificate_uses, certificates_of, is_certifiable, matched_hosts, names_by_secret, with_run_certificates
from kindgate.model import Manifest, ObjectRef, Rendered

PEM = b"-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n"


def rendered(*objects: Manifest) -> Rendered:
    """Render these objects as an overlay."""
    return Rendered(Path("k8s"), objects)


def build_object(api: str, kind: str, spec: dict[str, Any], name: str = "shop", namespace: str = "shop") -> Manifest:
    """Build one object."""
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def ingress(*tls: dict[str, Any], hosts: tuple[str, ...] = ("shop.localhost",), name: str = "shop") -> Manifest:
    """An Ingress that routes `hosts`."""
    return build_object("networking.k8s.io/v1", "Ingress", {"tls": list(tls), "rules": [{"host": host} for host in hosts]}, name)


def secret(name: str = "shop-tls", **data: bytes) -> Manifest:
    """A TLS Secret with this data."""
    encoded = {key.replace("_", "."): base64.b64encode(value).decode() for key, value in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "shop"}, "data": encoded}


def certificate(**spec: Any) -> Manifest:
    """A cert-manager Certificate."""
    return build_object("cert-manager.io/v1", "Certificate", spec)


def completed(part: Rendered, *earlier_parts: Rendered) -> Rendered:
    """Return the overlay with kindgate's additions, with `earlier_parts` applied first."""
    return with_run_certificates([*earlier_parts, part])[-1]


def created_names(part: Rendered) -> dict[str, tuple[str, ...]]:
    """Return the names in each certificate that kindgate issues, by Secret."""
    complete = completed(part)
    return {f"{ref.namespace}/{ref.name}": names for ref, names in names_by_secret(complete).items()}


def test_a_missing_secret_named_by_an_ingress_is_created() -> None:
    """The certificate is for the hosts of the Ingress's TLS item, and a note reports it."""
    part = rendered(ingress({"secretName": "shop-tls", "hosts": ["shop.localhost", "www.shop.localhost"]}))

    complete = completed(part)

    assert created_names(part) == {"shop/shop-tls": ("shop.localhost", "www.shop.localhost")}
    (note,) = complete.notes
    assert note.startswith("Secret shop/shop-tls: not in the manifests; kindgate creates it for this run")
    assert complete.origins[ObjectRef("Secret", "shop", "shop-tls")] == "kindgate"
    assert complete.objects[-1]["type"] == "kubernetes.io/tls"


def test_an_existing_secret_is_unchanged() -> None:
    """An existing Secret is kept, whether in the manifests or applied before them."""
    part = rendered(secret(), ingress({"secretName": "shop-tls"}))
    other = rendered(ingress({"secretName": "shop-tls"}))

    assert completed(part) == part
    assert completed(other, rendered(secret())) == other


def test_a_tls_entry_without_hosts_covers_the_rules_hosts() -> None:
    """A TLS item without hosts covers those of the rules, including wildcards."""
    assert created_names(rendered(ingress({"secretName": "a"}, hosts=("a.localhost", "*.b.localhost")))) == {
        "shop/a": ("a.localhost", "*.b.localhost")
    }


def test_a_tls_entry_without_a_secret_gets_one() -> None:
    """Without a Secret, the controller's default certificate would match no host."""
    complete = completed(rendered(ingress({"hosts": ["shop.localhost"]}, {"secretName": "other", "hosts": ["x.localhost"]})))

    assert [entry["secretName"] for entry in complete.objects[0]["spec"]["tls"]] == ["shop-kindgate-tls", "other"]
    assert names_by_secret(complete)[ObjectRef("Secret", "shop", "shop-kindgate-tls")] == ("shop.localhost",)


def test_two_entries_that_share_a_secret_share_its_certificate() -> None:
    """One certificate is created for the hosts of both entries."""
    part = rendered(
        ingress({"secretName": "all", "hosts": ["a.localhost"]}), ingress({"secretName": "all", "hosts": ["b.localhost"]}, name="b")
    )

    assert created_names(part) == {"shop/all": ("a.localhost", "b.localhost")}


def test_cert_manager_objects_are_dropped_and_their_certificates_created() -> None:
    """Issuers and Certificates are dropped and noted; a Certificate's names are added to those of the Ingress."""
    issuer = {**build_object("cert-manager.io/v1", "ClusterIssuer", {}), "metadata": {"name": "letsencrypt"}}
    requested_certificate = certificate(secretName="shop-tls", dnsNames=["api.shop.localhost"], ipAddresses=["10.0.0.1"])
    part = rendered(issuer, requested_certificate, ingress({"secretName": "shop-tls"}))

    complete = completed(part)

    assert [manifest["kind"] for manifest in complete.objects] == ["Ingress", "Secret"]
    assert created_names(part) == {"shop/shop-tls": ("api.shop.localhost", "10.0.0.1", "shop.localhost")}
    assert sum("not applied, because cert-manager's CRDs are not in the manifests" in note for note in complete.notes) == 2


@pytest.mark.parametrize("before", [True, False])
def test_cert_manager_objects_are_kept_if_its_crds_are_applied(*, before: bool) -> None:
    """With cert-manager's CRDs applied, its objects are kept and no certificate is created."""
    crd = build_object("apiextensions.k8s.io/v1", "CustomResourceDefinition", {"group": "cert-manager.io"})
    part, provided = (
        (rendered(certificate(secretName="a")), [rendered(crd)]) if before else (rendered(crd, certificate(secretName="a")), [])
    )

    assert completed(part, *provided) == part


def test_a_certificate_with_only_a_common_name_covers_that_host() -> None:
    """A common name that is not a host, such as an authority's, is ignored; the certificate is then for localhost."""
    assert created_names(rendered(certificate(secretName="a", commonName="shop.localhost"))) == {"shop/a": ("shop.localhost",)}
    assert created_names(rendered(certificate(secretName="a", commonName="My Root CA"))) == {"shop/a": ("localhost",)}


@pytest.mark.parametrize(
    ("match", "hosts"),
    [
        ("Host(`a.localhost`)", ("a.localhost",)),
        ("Host(`a.localhost`, `b.localhost`) && PathPrefix(`/x`)", ("a.localhost", "b.localhost")),
        ('(Host("a.localhost") || Host(`b.localhost`)) && Headers(`Host`, `no`)', ("a.localhost", "b.localhost")),
        ("PathPrefix(`/Host(`)", ()),
        ("HostRegexp(`.+`)", ()),
        ("", ()),
    ],
)
def test_the_hosts_of_traefiks_rules_are_found(match: str, hosts: tuple[str, ...]) -> None:
    """Both kinds of quotes are read; arguments of other matchers are not hosts."""
    assert matched_hosts(match) == hosts


@given(st.text())
def test_any_traefik_rule_can_be_parsed(match: str) -> None:
    """No rule makes validation crash."""
    assert isinstance(matched_hosts(match), tuple)


@pytest.mark.parametrize("tls", [{}, {"certResolver": "letsencrypt"}])
def test_an_ingress_route_without_a_secret_gets_one(tls: dict[str, Any]) -> None:
    """The route's own resolver would contact an authority on the internet."""
    part = rendered(build_object("traefik.io/v1alpha1", "IngressRoute", {"tls": tls, "routes": [{"match": "Host(`shop.localhost`)"}]}))

    complete = completed(part)

    assert complete.objects[0]["spec"]["tls"] == {"secretName": "shop-kindgate-tls"}
    assert created_names(part) == {"shop/shop-kindgate-tls": ("shop.localhost",)}


def test_an_ingress_route_without_tls_stays_without() -> None:
    """A route without TLS gets no certificate; explicit domains are added to the certificate."""
    plain = rendered(build_object("traefik.io/v1alpha1", "IngressRoute", {"routes": [{"match": "Host(`shop.localhost`)"}]}))
    domains = [{"main": "shop.localhost", "sans": ["www.shop.localhost"]}]
    named = rendered(build_object("traefik.io/v1alpha1", "IngressRoute", {"tls": {"secretName": "a", "domains": domains}}))

    assert completed(plain) == plain
    assert created_names(named) == {"shop/a": ("shop.localhost", "www.shop.localhost")}


@pytest.mark.parametrize(("hostname", "expected"), [("gw.localhost", ("gw.localhost",)), (None, ("a.localhost",))])
def test_a_gateways_listener_names_its_secrets(hostname: str | None, expected: tuple[str, ...]) -> None:
    """The certificate is for the listener's hostname or those of its routes; passthrough listeners need none."""
    listener = {"protocol": "HTTPS", "hostname": hostname, "tls": {"certificateRefs": [{"name": "gw-tls"}]}}
    passing = {"protocol": "TLS", "tls": {"mode": "Passthrough", "certificateRefs": [{"name": "no"}]}}
    gateway = build_object("gateway.networking.k8s.io/v1", "Gateway", {"listeners": [listener, passing, {"protocol": "HTTP"}]})
    route = build_object("gateway.networking.k8s.io/v1", "HTTPRoute", {"hostnames": ["a.localhost"], "parentRefs": [{"name": "shop"}]}, "r")
    other = build_object("gateway.networking.k8s.io/v1", "HTTPRoute", {"hostnames": ["b.localhost"], "parentRefs": [{"name": "x"}]}, "s")

    assert created_names(rendered(gateway, route, other)) == {"shop/gw-tls": expected}


def test_a_kind_of_another_group_is_unchanged() -> None:
    """Kinds are identified by group and name."""
    assert certificate_uses([build_object("example.org/v1", "Ingress", {"tls": [{"secretName": "a"}]})]) == ()


def test_entries_are_verified_by_the_manifests_own_certificates() -> None:
    """Only certificates used by an entry are returned, with their chain and authority; keys and other Secrets are not."""
    used = secret("shop-tls", tls_crt=PEM, tls_key=b"key", ca_crt=PEM + PEM)
    unused, broken = secret("unused", tls_crt=PEM * 3), {**secret("broken"), "data": {"tls.crt": "%%%"}}
    entry = ingress({"secretName": "shop-tls"}, {"secretName": "broken"}, {"secretName": "plain"})
    plain = {**secret("plain"), "stringData": {"tls.crt": "no certificate"}}

    assert certificates_of(rendered(used, unused, broken, plain, entry)) == (PEM, PEM + PEM)


@pytest.mark.parametrize(
    ("name", "can"),
    [
        ("shop.localhost", True),
        ("*.shop.localhost", True),
        ("10.0.0.1", True),
        ("::1", True),
        ("a.*.localhost", False),
        ("shop localhost", False),
        ("", False),
        ("-a.localhost", False),
        ("bücher.example", False),
    ],
)
def test_certificates_can_cover_hosts_and_addresses(name: str, *, can: bool) -> None:
    """A certificate can be for hosts, addresses and names that start with one wildcard."""
    assert is_certifiable(name) is can


def test_a_secret_is_created_once_for_all_parts() -> None:
    """A shared Secret is created once, in the first part that needs it."""
    first, second = rendered(ingress({"secretName": "all"})), rendered(ingress({"secretName": "all"}, name="b"))

    parts = with_run_certificates([first, second])

    assert [len(list(part.of_kind("Secret"))) for part in parts] == [1, 0]


def test_completing_twice_changes_nothing() -> None:
    """A second call adds no object and no note."""
    once = completed(rendered(certificate(secretName="a"), ingress({"hosts": ["shop.localhost"]})))

    assert completed(once) == once
