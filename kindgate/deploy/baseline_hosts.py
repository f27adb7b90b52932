"""The hosts that an application's entries route, and the same entries under the baseline's hosts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from kindgate.deploy.entry_routes import gateway_routes
from kindgate.deploy.tls import HOST_MATCHER, QUOTED_HOST, matched_hosts
from kindgate.model import Manifest, ObjectRef

SUFFIX = "-base"
"""The suffix of the baseline's namespaces and hosts."""

ANY_HOST_BASE = "kindgate-base.localhost"
"""The baseline's host if its entry names none: rules with a host take precedence over rules without one."""


def baseline_host(host: str) -> str:
    """Return the baseline's host: `foo.localhost` becomes `foo-base.localhost`; a wildcard keeps its star.

    If the first version answers for any host, the baseline gets a separate host.
    """
    if not host:
        return ANY_HOST_BASE
    star, labels = ("*.", host[2:]) if host.startswith("*.") else ("", host)
    first, dot, rest = labels.partition(".")
    return f"{star}{first}{SUFFIX}{dot}{rest}"


def is_entry(manifest: Manifest) -> bool:
    """Return whether the object routes requests into the application."""
    return ObjectRef.of(manifest).kind in _HOST_READERS


def routed_hosts(objects: Sequence[Manifest]) -> frozenset[str]:
    """Return the hosts of all entries among `objects`, wildcards included; empty for any host."""
    return frozenset(
        host for manifest in objects if is_entry(manifest) for host in _HOST_READERS[ObjectRef.of(manifest).kind](manifest, objects)
    )


def with_baseline_hosts(manifest: Manifest, objects: Sequence[Manifest]) -> Manifest:
    """Return an entry, or a Gateway, with the baseline's hosts; any other object unchanged.

    `objects` are the application's, under the hosts of the first version.
    """
    rename = _RENAMERS.get(ObjectRef.of(manifest).kind)
    return {**manifest, "spec": rename(manifest, objects)} if rename is not None and manifest.get("spec") else manifest


def _ingress_hosts(manifest: Manifest, _: Sequence[Manifest]) -> Iterator[str]:
    spec = manifest.get("spec") or {}
    yield from (str(rule.get("host") or "") for rule in spec.get("rules") or ())
    if spec.get("defaultBackend"):
        yield ""


def _route_hosts(manifest: Manifest, objects: Sequence[Manifest]) -> Iterator[str]:
    yield from (route.host for route in gateway_routes(manifest, objects, existing=True))


def _traefik_hosts(manifest: Manifest, _: Sequence[Manifest]) -> Iterator[str]:
    for route in (manifest.get("spec") or {}).get("routes") or ():
        yield from matched_hosts(str(route.get("match") or "")) or ("",)


def _renamed_ingress(manifest: Manifest, _: Sequence[Manifest]) -> dict[str, Any]:
    spec = dict(manifest["spec"])
    rules = [{**rule, "host": baseline_host(str(rule.get("host") or ""))} for rule in spec.get("rules") or ()]
    default = spec.pop("defaultBackend", None)
    if default is not None:
        paths = [{"path": "/", "pathType": "Prefix", "backend": default}]
        rules.append({"host": baseline_host(""), "http": {"paths": paths}})
    spec["rules"] = rules
    if spec.get("tls"):
        spec["tls"] = [{**entry, "hosts": [baseline_host(host) for host in entry.get("hosts") or ()]} for entry in spec["tls"]]
    return spec


def _renamed_gateway(manifest: Manifest, _: Sequence[Manifest]) -> dict[str, Any]:
    listeners = (manifest["spec"]).get("listeners") or ()
    return {**manifest["spec"], "listeners": [_renamed_listener(listener) for listener in listeners]}


def _renamed_listener(listener: Mapping[str, Any]) -> dict[str, Any]:
    """Return a listener that accepts the baseline's routes: a wildcard's domain might not cover them, so it accepts any host."""
    host = str(listener.get("hostname") or "")
    others = {key: value for key, value in listener.items() if key != "hostname"}
    return {**others, "hostname": baseline_host(host)} if host and not host.startswith("*.") else others


def _renamed_http_route(manifest: Manifest, objects: Sequence[Manifest]) -> dict[str, Any]:
    hosts = dict.fromkeys(_route_hosts(manifest, objects))
    return {**manifest["spec"], "hostnames": [baseline_host(host) for host in hosts]}


def _renamed_ingress_route(manifest: Manifest, _: Sequence[Manifest]) -> dict[str, Any]:
    spec = dict(manifest["spec"])
    spec["routes"] = [{**route, "match": _renamed_rule(str(route.get("match") or ""))} for route in spec.get("routes") or ()]
    domains = (spec.get("tls") or {}).get("domains")
    if domains:
        spec["tls"] = {**spec["tls"], "domains": [_renamed_domain(domain) for domain in domains]}
    return spec


def _renamed_rule(rule: str) -> str:
    """Return a Traefik rule for the baseline's hosts; one without a host gets the baseline's own."""
    if not matched_hosts(rule):
        return f"Host(`{baseline_host('')}`) && ({rule})" if rule.strip() else f"Host(`{baseline_host('')}`)"
    return HOST_MATCHER.sub(lambda hosts: QUOTED_HOST.sub(lambda host: host[0].replace(host[1], baseline_host(host[1])), hosts[0]), rule)


def _renamed_domain(domain: Mapping[str, Any]) -> dict[str, Any]:
    renamed = {**domain, "sans": [baseline_host(str(name)) for name in domain.get("sans") or ()]}
    return {**renamed, "main": baseline_host(str(domain["main"]))} if domain.get("main") else renamed


_HOST_READERS: Mapping[str, Callable[[Manifest, Sequence[Manifest]], Iterator[str]]] = MappingProxyType(
    {"Ingress": _ingress_hosts, "HTTPRoute": _route_hosts, "IngressRoute.traefik.io": _traefik_hosts}
)
_RENAMERS: Mapping[str, Callable[[Manifest, Sequence[Manifest]], dict[str, Any]]] = MappingProxyType(
    {
        "Ingress": _renamed_ingress,
        "Gateway": _renamed_gateway,
        "HTTPRoute": _renamed_http_route,
        "IngressRoute.traefik.io": _renamed_ingress_route,
    }
)
