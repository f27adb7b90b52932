"""TLS as the manifests define it: which Secrets hold certificates, for which hosts, and which of them kindgate creates.

kindgate creates Secrets that entries reference but the manifests lack, Secrets that cert-manager would create, and one
for an entry that uses TLS without naming a Secret. `deploy.authority` issues the certificates.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kindgate.model import Manifest, ObjectRef, Rendered, group_of, kind_of

CERTIFICATE_LABEL = "kindgate.dev/certificate"
"""On a Secret whose certificate kindgate issues; the value is `run`."""

NAMES_ANNOTATION = "kindgate.dev/certificate-names"
"""On the same Secret: the names that a Certificate requests in addition to the hosts of the entries."""

CERTIFICATE, KEY, AUTHORITY = "tls.crt", "tls.key", "ca.crt"

_INGRESS_ROUTE = "IngressRoute.traefik.io"
_CERT_MANAGER = ("cert-manager.io", "acme.cert-manager.io")
HOST_MATCHER = re.compile(r"\bHost\(\s*((?:[`\"'][^`\"']+[`\"']\s*,?\s*)+)\)")
"""The hosts that a Traefik rule names, together."""

QUOTED_HOST = re.compile(r"[`\"']([^`\"']+)[`\"']")
"""One of them."""


@dataclass(frozen=True)
class CertificateUse:
    """A use of a certificate: the object that needs it, the Secret (None if it names none), and the hosts."""

    object: ObjectRef
    secret: ObjectRef | None
    hosts: tuple[str, ...]


def certificate_uses(objects: Iterable[Manifest], all_objects: Sequence[Manifest] = ()) -> tuple[CertificateUse, ...]:
    """Return every use of a certificate by an Ingress, a Gateway's listener or an IngressRoute of `objects`.

    `all_objects` has the Gateways' routes, if that is more than `objects`.
    """
    known_objects = tuple(objects)
    return tuple(use for manifest in known_objects for use in _object_uses(manifest, all_objects or known_objects))


def with_run_certificates(parts: Sequence[Rendered]) -> tuple[Rendered, ...]:
    """Return `parts` (normalized, in apply order) with a Secret for every missing certificate.

    The Secrets are empty until `deploy.authority.with_certificates` fills them. Objects that only cert-manager reads are
    dropped unless a part has its CRDs. The notes of each part list what was created and dropped.
    """
    all_objects = [manifest for part in parts for manifest in part.objects]
    existing = {ObjectRef.of(manifest) for manifest in all_objects if kind_of(manifest) == "Secret"}
    defined = {(manifest.get("spec") or {}).get("group") for manifest in all_objects if kind_of(manifest) == "CustomResourceDefinition"}
    ignored_groups = frozenset(group for group in _CERT_MANAGER if group not in defined)
    completed_parts: list[Rendered] = []
    for part in parts:
        completed = _with_certificates_of(part, all_objects, existing, ignored_groups)
        existing |= {ObjectRef.of(manifest) for manifest in completed.of_kind("Secret")}
        completed_parts.append(completed)
    return tuple(completed_parts)


def _with_certificates_of(
    part: Rendered, all_objects: Sequence[Manifest], existing: set[ObjectRef], ignored_groups: frozenset[str]
) -> Rendered:
    objects = [_with_secret_names(manifest) for manifest in part.objects if group_of(manifest) not in ignored_groups]
    dropped = [manifest for manifest in part.objects if group_of(manifest) in ignored_groups]
    needed: dict[ObjectRef, list[str]] = {}
    for use in certificate_uses(objects, all_objects):
        if use.secret is not None and use.secret not in existing:
            needed.setdefault(use.secret, [])
    for manifest in dropped:
        if manifest.get("kind") == "Certificate" and (secret := _certificate_secret(manifest)) not in existing:
            needed.setdefault(secret, []).extend(_certificate_names(manifest))
    if not (needed or dropped):
        return replace(part, objects=tuple(objects))
    notes = [f"{ref}: not in the manifests; kindgate creates it for this run with a certificate from the run's own CA" for ref in needed]
    notes += [f"{ObjectRef.of(manifest)}: not applied, because cert-manager's CRDs are not in the manifests" for manifest in dropped]
    return replace(
        part,
        objects=(*objects, *(_secret(ref, names) for ref, names in needed.items())),
        origins={**part.origins, **dict.fromkeys(needed, "kindgate")},
        notes=(*part.notes, *notes),
    )


def names_by_secret(rendered: Rendered) -> dict[ObjectRef, tuple[str, ...]]:
    """Return each Secret of `rendered` whose certificate kindgate issues, with the names for the certificate."""
    names_by_ref = {
        ObjectRef.of(manifest): str((manifest["metadata"].get("annotations") or {}).get(NAMES_ANNOTATION, "")).split()
        for manifest in rendered.of_kind("Secret")
        if CERTIFICATE_LABEL in (manifest["metadata"].get("labels") or {})
    }
    for use in certificate_uses(rendered.objects):
        if use.secret in names_by_ref:
            names_by_ref[use.secret] += use.hosts
    return {ref: tuple(dict.fromkeys(names)) or ("localhost",) for ref, names in names_by_ref.items()}


def with_secret_contents(rendered: Rendered, contents: Mapping[ObjectRef, Mapping[str, bytes]]) -> Rendered:
    """Return `rendered` with this content in its Secrets."""

    def with_content(manifest: Manifest) -> Manifest:
        content = contents.get(ObjectRef.of(manifest))
        if content is None:
            return manifest
        return {**manifest, "data": {key: base64.b64encode(value).decode() for key, value in content.items()}}

    return replace(rendered, objects=tuple(with_content(manifest) for manifest in rendered.objects))


def certificates_of(rendered: Rendered) -> tuple[bytes, ...]:
    """Return the certificates (PEM) in `rendered`'s own TLS Secrets: its entries present them, so they are trusted."""
    secrets = {ObjectRef.of(manifest): manifest for manifest in rendered.of_kind("Secret")}
    used = {use.secret for use in certificate_uses(rendered.objects)}
    contents = (_content(secrets[ref], key) for ref in sorted(secrets.keys() & used) for key in (CERTIFICATE, AUTHORITY))
    return tuple(dict.fromkeys(text for text in contents if b"-----BEGIN CERTIFICATE-----" in text))


def _object_uses(manifest: Manifest, all_objects: Sequence[Manifest]) -> Iterator[CertificateUse]:
    ref = ObjectRef.of(manifest)
    spec = manifest.get("spec") or {}
    if ref.kind == "Ingress":
        rule_hosts = [str(rule["host"]) for rule in spec.get("rules") or () if rule.get("host")]
        for entry in spec.get("tls") or ():
            yield _certificate_use(ref, entry.get("secretName"), [str(host) for host in entry.get("hosts") or rule_hosts])
    elif ref.kind == _INGRESS_ROUTE and spec.get("tls") is not None:
        tls = spec["tls"] or {}
        domain_names = [
            str(name) for domain in tls.get("domains") or () for name in (domain.get("main"), *(domain.get("sans") or ())) if name
        ]
        matched_names = [host for route in spec.get("routes") or () for host in matched_hosts(str(route.get("match") or ""))]
        yield _certificate_use(ref, tls.get("secretName"), [*domain_names, *matched_names])
    elif ref.kind == "Gateway":
        for listener in spec.get("listeners") or ():
            yield from _listener_uses(ref, listener, all_objects)


def matched_hosts(match: str) -> tuple[str, ...]:
    """Return the hosts in a Traefik rule: `Host(`a`, `b`) && PathPrefix(`/x`)` names a and b."""
    return tuple(host for hosts in HOST_MATCHER.findall(match) for host in QUOTED_HOST.findall(hosts))


def _listener_uses(gateway: ObjectRef, listener: Mapping[str, Any], all_objects: Sequence[Manifest]) -> Iterator[CertificateUse]:
    tls = listener.get("tls") or {}
    if listener.get("protocol") not in {"HTTPS", "TLS"} or tls.get("mode", "Terminate") != "Terminate":
        return
    hosts = [str(listener["hostname"])] if listener.get("hostname") else sorted(_route_hosts(gateway, all_objects))
    for certificate in tls.get("certificateRefs") or ():
        if certificate.get("kind", "Secret") == "Secret" and not certificate.get("group"):
            namespace = str(certificate.get("namespace") or gateway.namespace)
            yield CertificateUse(gateway, ObjectRef("Secret", namespace, str(certificate.get("name"))), tuple(hosts))


def _route_hosts(gateway: ObjectRef, all_objects: Sequence[Manifest]) -> set[str]:
    """Return the hosts of the routes that name the Gateway as their parent."""
    hosts: set[str] = set()
    for manifest in all_objects:
        if kind_of(manifest) in {"HTTPRoute", "GRPCRoute"}:
            spec, namespace = manifest.get("spec") or {}, ObjectRef.of(manifest).namespace
            parents = {(str(parent.get("namespace") or namespace), str(parent.get("name"))) for parent in spec.get("parentRefs") or ()}
            if (gateway.namespace, gateway.name) in parents:
                hosts |= {str(host) for host in spec.get("hostnames") or ()}
    return hosts


def _certificate_use(ref: ObjectRef, secret: object, hosts: Iterable[str]) -> CertificateUse:
    named = ObjectRef("Secret", ref.namespace, str(secret)) if secret else None
    return CertificateUse(ref, named, tuple(dict.fromkeys(hosts)))


def _with_secret_names(manifest: Manifest) -> Manifest:
    """Name a Secret wherever the object uses TLS without one: the controller's own certificate matches no host."""
    ref = ObjectRef.of(manifest)
    spec = manifest.get("spec") or {}
    name = f"{ref.name}-kindgate-tls"
    if ref.kind == "Ingress" and any(not entry.get("secretName") for entry in spec.get("tls") or ()):
        entries = [entry if entry.get("secretName") else {**entry, "secretName": name} for entry in spec["tls"]]
        return {**manifest, "spec": {**spec, "tls": entries}}
    if ref.kind == _INGRESS_ROUTE and spec.get("tls") is not None and not (spec["tls"] or {}).get("secretName"):
        # a resolver asks a public CA, which cannot reach a throw-away cluster
        tls = {key: value for key, value in (spec["tls"] or {}).items() if key != "certResolver"}
        return {**manifest, "spec": {**spec, "tls": {**tls, "secretName": name}}}
    return manifest


def _certificate_secret(certificate: Manifest) -> ObjectRef:
    ref = ObjectRef.of(certificate)
    return ObjectRef("Secret", ref.namespace, str((certificate.get("spec") or {}).get("secretName") or ref.name))


def _certificate_names(certificate: Manifest) -> Iterator[str]:
    spec = certificate.get("spec") or {}
    for name in (*(spec.get("dnsNames") or ()), *(spec.get("ipAddresses") or ()), spec.get("commonName")):
        if name and is_certifiable(str(name)):
            yield str(name)


def is_certifiable(name: str) -> bool:
    """Return whether a certificate can cover this name: an IP address, or a host name with an optional leading `*` label."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return (
            re.fullmatch(r"(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*", name, re.IGNORECASE) is not None
        )
    return True


def _secret(ref: ObjectRef, names: Iterable[str]) -> Manifest:
    metadata: dict[str, Any] = {"name": ref.name, "namespace": ref.namespace, "labels": {CERTIFICATE_LABEL: "run"}}
    requested_names = " ".join(dict.fromkeys(names))
    if requested_names:
        metadata["annotations"] = {NAMES_ANNOTATION: requested_names}
    data = {CERTIFICATE: "", KEY: ""}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "kubernetes.io/tls", "data": data}


def _content(secret: Manifest, key: str) -> bytes:
    """Return one key of a Secret; empty if it is missing or unreadable."""
    plain = (secret.get("stringData") or {}).get(key)
    if plain is not None:
        return str(plain).encode()
    try:
        return base64.b64decode(str((secret.get("data") or {}).get(key) or ""))
    except (binascii.Error, ValueError):
        return b""
