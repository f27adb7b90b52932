"""The effect of ingress-nginx annotations when Traefik serves class nginx.

The list is that of Traefik 3.7's provider kubernetesIngressNGINX. Annotations that it does not read are reported with
their consequence; one that misroutes requests or keeps a route from being loaded is an error. An Ingress with such
annotations but without a class gets class nginx.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from kindgate.deploy.entry_routes import ingress_class
from kindgate.deploy.manifest_findings import Finding, Level
from kindgate.model import Manifest, ObjectRef, Rendered, kind_of
from kindgate.pod_templates import pod_template

PREFIX = "nginx.ingress.kubernetes.io/"
CONTROLLER, TRAEFIK_CONTROLLER = "k8s.io/ingress-nginx", "traefik.io/ingress-controller"


def _word_set(text: str) -> frozenset[str]:
    return frozenset(text.split())


SUPPORTED = _word_set(
    """
    affinity affinity-canary-behavior affinity-mode allowlist-source-range app-root auth-method auth-realm auth-response-headers
    auth-secret auth-secret-type auth-signin auth-snippet auth-tls-pass-certificate-to-upstream auth-tls-secret auth-tls-verify-client
    auth-tls-verify-depth auth-type auth-url backend-protocol canary canary-by-cookie canary-by-header canary-by-header-pattern
    canary-by-header-value canary-weight canary-weight-total client-body-buffer-size configuration-snippet cors-allow-credentials
    cors-allow-headers cors-allow-methods cors-allow-origin cors-expose-headers cors-max-age custom-headers custom-http-errors
    default-backend enable-access-log enable-cors enable-global-auth force-ssl-redirect from-to-www-redirect limit-burst-multiplier
    limit-connections limit-rpm limit-rps permanent-redirect permanent-redirect-code proxy-body-size proxy-buffer-size
    proxy-buffering proxy-buffers-number proxy-connect-timeout proxy-http-version proxy-max-temp-file-size proxy-next-upstream
    proxy-next-upstream-timeout proxy-next-upstream-tries proxy-read-timeout proxy-request-buffering proxy-send-timeout
    proxy-ssl-name proxy-ssl-secret proxy-ssl-server-name proxy-ssl-verify rewrite-target server-alias server-snippet
    service-upstream session-cookie-domain session-cookie-expires session-cookie-max-age session-cookie-name session-cookie-path
    session-cookie-samesite session-cookie-secure ssl-passthrough ssl-redirect temporal-redirect temporal-redirect-code
    upstream-hash-by upstream-vhost use-regex whitelist-source-range x-forwarded-prefix
    """
)
"""The annotations that Traefik's provider reads, without their prefix."""

ROUTING = _word_set(
    """
    app-root backend-protocol canary configuration-snippet default-backend from-to-www-redirect permanent-redirect rewrite-target
    server-alias server-snippet ssl-passthrough temporal-redirect upstream-vhost use-regex
    """
)
"""Annotations that decide where a request goes, or whether it reaches the application at all."""

_CONSEQUENCES: Mapping[str, str] = {
    "auth-tls-match-cn": "every client certificate of that authority is admitted",
    "auth-cache-key": "every request calls the authentication service",
    "auth-cache-duration": "every request calls the authentication service",
    "connection-proxy-header": "Traefik sets its own Connection header",
    "denylist-source-range": "no address is denied",
    "disable-proxy-intercept-errors": "custom-http-errors applies to all of its codes",
    "enable-modsecurity": "requests are not filtered",
    "enable-owasp-core-rules": "requests are not filtered",
    "global-rate-limit": "requests are not limited",
    "limit-rate": "responses are not slowed down",
    "limit-rate-after": "responses are not slowed down",
    "limit-whitelist": "the limits apply to these addresses too",
    "load-balance": "requests go to the pods round-robin",
    "mirror-target": "requests are not mirrored",
    "modsecurity-snippet": "requests are not filtered",
    "preserve-trailing-slash": "trailing slashes are always kept",
    "proxy-cookie-domain": "cookies are passed on unchanged",
    "proxy-cookie-path": "cookies are passed on unchanged",
    "proxy-redirect-from": "redirects are passed on unchanged",
    "proxy-redirect-to": "redirects are passed on unchanged",
    "satisfy": "every condition must be met",
    "stream-snippet": "no TCP or UDP port is opened",
}

_SUPPORTED_VALUES: Mapping[str, tuple[str, str, Level]] = {
    "affinity-mode": ("persistent", "sessions are persistent", "warning"),
    "affinity-canary-behavior": ("sticky", "sessions stay with the version that answered first", "warning"),
    "backend-protocol": ("HTTP|HTTPS|GRPC|GRPCS", "the application is sent HTTP/1.1", "error"),
    "proxy-http-version": ("1.1", "the application is sent HTTP/1.1", "warning"),
}
"""The supported values of an annotation, the consequence of any other, and its level."""

_INACTIVE_VALUES = frozenset({"", "false", "off", "http"})
"""Lowercase values with which an annotation changes nothing."""

_SUPPORTED_DIRECTIVES = _word_set(
    """
    add_header allow auth_request_set deny expires if location more_clear_headers more_clear_input_headers more_set_headers
    more_set_input_headers proxy_hide_header proxy_method proxy_set_header return rewrite set
    """
)

_SNIPPETS = ("server-snippet", "configuration-snippet", "auth-snippet")
_PLAIN_PATH = re.compile(r"/[\w.\-/]*", re.ASCII)


def nginx_findings(rendered: Rendered, provided: Sequence[Rendered] = ()) -> tuple[Finding, ...]:
    """Return how Traefik deviates from ingress-nginx for the Ingresses of `rendered`, one finding per annotation.

    `provided` is applied before. Nothing is found if ingress-nginx itself is applied, or no Traefik is. An Ingress without
    a class goes to the default class; if that is Traefik's, no nginx annotation is read.
    """
    all_objects = [manifest for part in (*provided, rendered) for manifest in part.objects]
    controllers = {
        str(manifest["metadata"]["name"]): str((manifest.get("spec") or {}).get("controller"))
        for manifest in all_objects
        if kind_of(manifest) == "IngressClass"
    }
    if TRAEFIK_CONTROLLER not in controllers.values() or any(_is_ingress_nginx(manifest) for manifest in all_objects):
        return ()
    return tuple(
        Finding(rendered.origins.get(ref, str(rendered.overlay)), ref, path, message, level)
        for manifest in rendered.of_kind("Ingress")
        for ref in [ObjectRef.of(manifest)]
        for path, message, level in _ingress_findings(manifest, controllers)
    )


def with_implied_class(parts: Sequence[Rendered]) -> tuple[Rendered, ...]:
    """Set class nginx on each Ingress in `parts` with ingress-nginx annotations and no class, if that class is served.

    In its author's cluster, ingress-nginx serves the default class. Here another controller might, which ignores these
    annotations. Changes are noted.
    """
    classes = [
        str(item["metadata"]["name"])
        for part in parts
        for item in part.objects
        if kind_of(item) == "IngressClass" and (item.get("spec") or {}).get("controller") == CONTROLLER
    ]
    return tuple(_with_class(part, classes[0]) for part in parts) if classes else tuple(parts)


def _with_class(part: Rendered, name: str) -> Rendered:
    implied = [ObjectRef.of(item) for item in part.of_kind("Ingress") if _is_for_nginx(item)]
    objects = tuple(
        {**item, "spec": {**item["spec"], "ingressClassName": name}} if ObjectRef.of(item) in implied else item for item in part.objects
    )
    notes = (f"{ref} has ingress-nginx annotations but no class: assuming class {name}" for ref in implied)
    return replace(part, objects=objects, notes=(*part.notes, *notes))


def _is_for_nginx(ingress: Manifest) -> bool:
    annotations = ingress["metadata"].get("annotations") or {}
    return not ingress_class(ingress) and bool(ingress.get("spec")) and any(name.startswith(PREFIX) for name in annotations)


def _ingress_findings(ingress: Manifest, controllers: Mapping[str, str]) -> Iterator[tuple[str, str, Level]]:
    class_name = ingress_class(ingress)
    nginx_annotations = {name.removeprefix(PREFIX): value for name, value in _annotations(ingress).items() if name.startswith(PREFIX)}
    if controllers.get(class_name) == CONTROLLER:
        for name, value in nginx_annotations.items():
            yield from ((_field(name), *found) for found in _differences(name, value))
        yield from _pattern_paths(ingress)
    elif not class_name or controllers.get(class_name) == TRAEFIK_CONTROLLER:
        for name, value in nginx_annotations.items():
            level: Level = "error" if name in ROUTING and value.strip().lower() not in _INACTIVE_VALUES else "warning"
            yield (
                _field(name),
                f"is read only for class nginx, but this Ingress {_class_phrase(class_name)}: set ingressClassName: nginx",
                level,
            )


def _class_phrase(class_name: str) -> str:
    return f"has class {class_name}" if class_name else "has no class, so Traefik's default class serves it"


def _differences(name: str, value: str) -> Iterator[tuple[str, Level]]:
    """Yield the consequence of one annotation on an Ingress of class nginx."""
    if name in _SNIPPETS:
        unknown = sorted(_directives(value) - _SUPPORTED_DIRECTIVES)
        if unknown:
            yield (
                f"Traefik does not support {', '.join(unknown)} and loads no route of this Ingress: use --app-component ingress-nginx",
                "error",
            )
    elif name in _SUPPORTED_VALUES:
        known, consequence, level = _SUPPORTED_VALUES[name]
        if value.strip().upper() not in known.upper().split("|"):
            yield f"Traefik supports {known.replace('|', ', ')}, not {value!r}: {consequence}", level
    elif name not in SUPPORTED:
        consequence = _CONSEQUENCES.get(name, "it has no effect")
        if value.strip().lower() not in _INACTIVE_VALUES:
            yield f"Traefik ignores it: {consequence}", "warning"


def _pattern_paths(ingress: Manifest) -> Iterator[tuple[str, str, Level]]:
    """Yield paths that ingress-nginx 1.12 and later reject unless strict-validate-path-type is off."""
    for rule_index, rule in enumerate((ingress.get("spec") or {}).get("rules") or ()):
        for path_index, path in enumerate((rule.get("http") or {}).get("paths") or ()):
            text = str(path.get("path") or "/")
            if path.get("pathType") in {"Prefix", "Exact"} and not _PLAIN_PATH.fullmatch(text):
                place = f"spec.rules[{rule_index}].http.paths[{path_index}].pathType"
                yield place, f"{text!r} is a pattern: ingress-nginx 1.12 and later require ImplementationSpecific", "warning"


def _directives(snippet: str) -> set[str]:
    """Return the names of all directives in an nginx snippet, including those in blocks."""
    text = re.sub(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"", "''", snippet)
    text = re.sub(r"(?m)(?:^|(?<=\s))#.*$", "", text)
    text = re.sub(r"\$\{\w+\}", "$", text)
    return {words[0] for statement in re.split(r"[;{}]", text) if (words := statement.split())}


def _is_ingress_nginx(workload: Manifest) -> bool:
    template = pod_template(workload) if kind_of(workload) in {"Deployment", "DaemonSet"} else None
    images = [str(container.get("image", "")) for _, container in template.containers()] if template is not None else []
    return any("ingress-nginx/controller" in image or "nginx-ingress-controller" in image for image in images)


def _annotations(manifest: Manifest) -> dict[str, str]:
    annotations: Mapping[str, Any] = manifest["metadata"].get("annotations") or {}
    return {name: str(value) for name, value in annotations.items()}


def _field(name: str) -> str:
    return f"metadata.annotations[{PREFIX}{name}]"
