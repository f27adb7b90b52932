"""Annotations of ingress-nginx: what Traefik reads is fine, the rest is reported with what happens instead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.deploy.nginx_annotations import PREFIX, READ, ROUTING, nginx_findings
from kindgate.model import Manifest, ObjectRef, Rendered

BY_FIELD: dict[str, Any] = {"ingressClassName": "nginx"}


def ingress(annotations: dict[str, str], spec: dict[str, Any] | None = None, **more: str) -> Manifest:
    """An Ingress with these annotations of nginx, and `more` of their full names."""
    full = {**{PREFIX + name: value for name, value in annotations.items()}, **more}
    metadata = {"name": "shop", "namespace": "shop", "annotations": full}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": spec or {}}


def a_class(name: str, controller: str) -> Manifest:
    """An IngressClass."""
    return {"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": name}, "spec": {"controller": controller}}


TRAEFIK = Rendered(Path("before"), (a_class("traefik", "traefik.io/ingress-controller"), a_class("nginx", "k8s.io/ingress-nginx")))
"""The classes of the component ingress-traefik."""


def found(*objects: Manifest) -> list[tuple[str, str]]:
    """Level and message of each finding, beside the component ingress-traefik."""
    return [(finding.level, finding.message) for finding in nginx_findings(Rendered(Path("k8s"), objects), [TRAEFIK])]


@pytest.mark.parametrize("name", sorted(READ - {"server-snippet", "configuration-snippet", "auth-snippet"}))
def test_what_traefik_reads_is_fine(name: str) -> None:
    """With a value that ingress-nginx takes too."""
    value = {"backend-protocol": "GRPC", "affinity-mode": "persistent", "proxy-http-version": "1.1", "affinity-canary-behavior": "sticky"}

    assert found(ingress({name: value.get(name, "true")}, BY_FIELD)) == []


@pytest.mark.parametrize(
    ("name", "value", "instead"),
    [
        ("mirror-target", "https://other.example", "requests are not mirrored"),
        ("denylist-source-range", "10.0.0.0/8", "no address is denied"),
        ("load-balance", "ewma", "requests go to the pods round-robin"),
        ("affinity-mode", "balanced", "sessions are persistent"),
        ("proxy-http-version", "1.0", "HTTP/1.1"),
        ("made-up-by-a-fork", "yes", "it has no effect"),
    ],
)
def test_what_traefik_does_not_read_is_a_warning_with_what_happens_instead(name: str, value: str, instead: str) -> None:
    """Annotations that nobody knows, and values that are not served, among them."""
    ((level, message),) = found(ingress({name: value}, BY_FIELD))

    assert level == "warning"
    assert instead in message


def test_an_annotation_that_is_switched_off_is_fine() -> None:
    """It asks for what happens anyway."""
    assert found(ingress({"enable-modsecurity": "false", "mirror-target": ""}, BY_FIELD)) == []


@pytest.mark.parametrize("protocol", ["FCGI", "AUTO_HTTP", "fcgi"])
def test_a_protocol_that_traefik_cannot_speak_is_an_error(protocol: str) -> None:
    """The application would be sent another one."""
    ((level, message),) = found(ingress({"backend-protocol": protocol}, BY_FIELD))

    assert level == "error"
    assert protocol in message


@pytest.mark.parametrize("annotation", ["server-snippet", "configuration-snippet", "auth-snippet"])
@pytest.mark.parametrize(
    ("snippet", "unknown"),
    [
        ("proxy_pass http://other;", "proxy_pass"),
        ("add_header X-A 1;\nlimit_req zone=a;", "limit_req"),
        ("location /x { root /srv; }", "root"),
        ("if ($host = 'a;b') { sub_filter a b; }", "sub_filter"),
    ],
)
def test_a_snippet_with_an_unknown_directive_is_an_error(annotation: str, snippet: str, unknown: str) -> None:
    """Traefik loads no route of that Ingress: the directive and the way out are named."""
    ((level, message),) = found(ingress({annotation: snippet}, BY_FIELD))

    assert level == "error"
    assert f" {unknown} " in message
    assert "--app-component ingress-nginx" in message


@pytest.mark.parametrize(
    "snippet",
    [
        'more_set_headers "X-Frame-Options: DENY; proxy_pass";',
        "rewrite ^/old/(.*)$ /new/$1 last;\nreturn 302 https://$host$request_uri;",
        "# proxy_pass http://other;\nset $a 'b # c';",
        "location ~ ^/(?<name>.+)$ {\n  return 200 ok;\n}",
        "set $prefix ${host};",
        "",
    ],
)
def test_a_snippet_that_traefik_knows_is_fine(snippet: str) -> None:
    """Words in quotes and comments are no directives, and blocks are looked into."""
    assert found(ingress({"configuration-snippet": snippet}, BY_FIELD)) == []


@given(st.text())
def test_any_snippet_is_read(snippet: str) -> None:
    """Nothing that a manifest may hold ends the validation."""
    assert all(level == "error" for level, _ in found(ingress({"server-snippet": snippet}, BY_FIELD)))


@pytest.mark.parametrize("named", [BY_FIELD, {}])
def test_the_class_is_named_by_field_or_by_the_older_annotation(named: dict[str, Any]) -> None:
    """Both are class nginx."""
    older = {} if named else {"kubernetes.io/ingress.class": "nginx"}
    one = ingress({"rewrite-target": "/", "mirror-target": "x"}, named, **older)

    assert [level for level, _ in found(one)] == ["warning"]


def test_a_class_of_another_name_with_nginxs_controller_is_class_nginx() -> None:
    """As where two controllers of nginx are told apart by the names of their classes."""
    internal = a_class("internal", "k8s.io/ingress-nginx")
    one = ingress({"mirror-target": "x"}, {"ingressClassName": "internal"})

    assert [level for level, _ in found(internal, one)] == ["warning"]
    assert found(one) == []


@pytest.mark.parametrize("name", sorted(ROUTING))
@pytest.mark.parametrize("spec", [{}, {"ingressClassName": "traefik"}])
def test_without_the_class_an_annotation_that_routes_is_an_error(name: str, spec: dict[str, Any]) -> None:
    """The default class does not read it, and requests would end elsewhere."""
    ((level, message),) = found(ingress({name: "/api"}, spec))

    assert level == "error"
    assert "ingressClassName: nginx" in message


def test_without_the_class_other_annotations_are_warnings() -> None:
    """And those that change nothing, though they are about routing."""
    one = ingress({"proxy-body-size": "8m", "use-regex": "false", "backend-protocol": "HTTP"})

    assert [level for level, _ in found(one)] == ["warning"] * 3


def test_an_ingress_of_another_class_is_left_alone() -> None:
    """Its controller may read them."""
    assert found(ingress({"rewrite-target": "/"}, {"ingressClassName": "kong"})) == []


@pytest.mark.parametrize(("path_type", "expected"), [("Prefix", 1), ("Exact", 1), ("ImplementationSpecific", 0)])
def test_a_pattern_in_a_path_of_another_type_is_a_warning(path_type: str, expected: int) -> None:
    """It works here as it did before ingress-nginx 1.12, which refuses it."""
    paths = [{"path": "/api(/|$)(.*)", "pathType": path_type}, {"path": "/plain-1.0/x", "pathType": path_type}]
    one = ingress({"rewrite-target": "/$2"}, {**BY_FIELD, "rules": [{"http": {"paths": paths}}]})

    findings = nginx_findings(Rendered(Path("k8s"), (one,)), [TRAEFIK])

    assert [finding.path for finding in findings] == ["spec.rules[0].http.paths[0].pathType"] * expected
    assert all(finding.level == "warning" for finding in findings)


def test_nothing_is_found_where_ingress_nginx_itself_is_applied() -> None:
    """Every annotation is read then."""
    container = {"name": "controller", "image": "registry.k8s.io/ingress-nginx/controller:v1.15.1"}
    controller = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "ingress-nginx"},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }

    assert found(controller, ingress({"mirror-target": "x"}, BY_FIELD)) == []


def test_an_ingress_of_another_api_group_is_left_alone() -> None:
    """Only Kubernetes' own Ingress has nginx's annotations."""
    assert found({**ingress({"mirror-target": "x"}, BY_FIELD), "apiVersion": "networking.internal.knative.dev/v1"}) == []


def test_a_finding_names_file_object_and_annotation() -> None:
    """What a person needs to find it."""
    one = ingress({"mirror-target": "x"}, BY_FIELD)

    (finding,) = nginx_findings(Rendered(Path("k8s"), (one,), {ObjectRef.of(one): "k8s/ingress.yaml"}), [TRAEFIK])

    assert (finding.file, str(finding.object)) == ("k8s/ingress.yaml", "Ingress shop/shop")
    assert finding.path == "metadata.annotations[nginx.ingress.kubernetes.io/mirror-target]"


def test_nothing_is_found_where_no_traefik_is_applied() -> None:
    """What serves the Ingress then is not known."""
    assert nginx_findings(Rendered(Path("k8s"), (ingress({"rewrite-target": "/"}),))) == ()
