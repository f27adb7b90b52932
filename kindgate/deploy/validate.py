"""Validation of the objects to apply, before a cluster exists."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from kindgate.deploy.container_rules import LimitDefaults, container_findings, limit_defaults
from kindgate.deploy.manifest_findings import Finding, errors_first
from kindgate.deploy.manifest_schema import DEFAULT_VERSION, custom_schemas, schema_problems
from kindgate.deploy.nginx_annotations import nginx_findings
from kindgate.deploy.normalize import INITIAL_NAMESPACES, identity
from kindgate.deploy.references import References
from kindgate.deploy.secrets import placeholder_findings
from kindgate.deploy.server_rules import server_problems
from kindgate.errors import ManifestError
from kindgate.model import Manifest, ObjectRef, Rendered, group_of

_COMPONENTS = {"gateway.networking.k8s.io": "gateway-api", "traefik.io": "traefik-crds"}
"""The bundled components that provide CRDs, by API group."""

_PROVIDE = "apply missing objects before the overlay with --app-apply PATH; create a Secret from a variable with --app-secret NAME=ENV_VAR"


def validate(
    rendered: Rendered, *, version: str = DEFAULT_VERSION, provided: Sequence[Rendered] = (), existing: bool = False
) -> tuple[Finding, ...]:
    """Return everything wrong with `rendered` (normalized) for Kubernetes `version`, errors first.

    `provided` is applied before. With `existing`, the cluster might contain anything already, so a missing object is only
    a warning. No I/O except reading the bundled schemas. Pass the findings to `raise_for_errors`.
    """
    provided_objects = [manifest for other in provided for manifest in other.objects]
    references = References(rendered.objects, provided_objects)
    namespaces = {*INITIAL_NAMESPACES, *(name for other in (rendered, *provided) for name in _namespace_names(other))}
    defaults = limit_defaults([*provided_objects, *rendered.objects])
    custom = custom_schemas([*provided_objects, *rendered.objects])
    findings = list(_duplicates(rendered))
    for manifest in rendered.objects:
        ref = ObjectRef.of(manifest)
        file = rendered.origins.get(ref, str(rendered.overlay))
        problems = schema_problems(manifest, version, custom)
        if problems is not None:
            problems = problems or list(server_problems(manifest))
        findings += [Finding(file, ref, path, message) for path, message in problems or ()]
        if problems:
            continue
        findings += container_findings(manifest, file, defaults.get(ref.namespace, LimitDefaults()))
        findings += placeholder_findings(manifest, file)
        missing = list(references.findings(manifest, file))
        if problems is None:
            missing.append(Finding(file, ref, "kind", _unknown_kind(manifest, version)))
        if ref.namespace and ref.namespace not in namespaces:
            missing.append(Finding(file, ref, "metadata.namespace", f"namespace {ref.namespace} was not found in the manifests"))
        findings += [replace(finding, level="warning") for finding in missing] if existing else missing
    if not existing:
        findings += nginx_findings(rendered, provided)
    return errors_first(findings)


def raise_for_errors(findings: Iterable[Finding]) -> None:
    """Raise `ManifestError` with all findings that are errors; do nothing if there are none."""
    errors = [finding for finding in findings if finding.level == "error"]
    if not errors:
        return
    first, *others = errors
    message = str(first) if not others else f"{first} (and {len(others)} more)"
    raise ManifestError(
        message,
        last_state="\n".join(str(finding) for finding in errors) if others else "",
        next_step=_PROVIDE if any("not found in the manifests" in finding.message for finding in errors) else "",
    )


def _namespace_names(rendered: Rendered) -> set[str]:
    return {ObjectRef.of(manifest).name for manifest in rendered.of_kind("Namespace")}


def _duplicates(rendered: Rendered) -> Iterator[Finding]:
    """Yield objects that are defined twice: the second would silently replace the first."""
    counts = Counter(identity(manifest, str(rendered.overlay)) for manifest in rendered.objects)
    seen: set[ObjectRef] = set()
    for manifest in rendered.objects:
        ref = ObjectRef.of(manifest)
        count = counts[identity(manifest, str(rendered.overlay))]
        if count > 1 and ref not in seen:
            seen.add(ref)
            yield Finding(
                rendered.origins.get(ref, str(rendered.overlay)), ref, "", "defined twice" if count == 2 else f"defined {count} times"
            )


def _unknown_kind(manifest: Manifest, version: str) -> str:
    component = _COMPONENTS.get(group_of(manifest))
    hint = f" (--app-component {component} provides it)" if component else ""
    return f"Kubernetes {version} has no {manifest['apiVersion']} {manifest['kind']}, and its CRD was not found in the manifests{hint}"
