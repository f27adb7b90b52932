"""Validation of what is about to be applied, before a cluster exists."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from kindgate.deploy.containers import container_findings
from kindgate.deploy.findings import Finding
from kindgate.deploy.identity import identity
from kindgate.deploy.references import References
from kindgate.deploy.schema import DEFAULT_VERSION, schema_problems
from kindgate.errors import ManifestError
from kindgate.model import Manifest, ObjectRef, Rendered

NAMESPACES = frozenset({"default", "kube-system", "kube-public", "kube-node-lease"})
"""What every cluster has from the start."""

_PROVIDE = "apply what is missing before the overlay with --app-apply PATH; make a Secret from a variable with --app-secret NAME=ENV_VAR"


def validate(
    rendered: Rendered, *, version: str = DEFAULT_VERSION, provided: Sequence[Rendered] = (), existing: bool = False
) -> tuple[Finding, ...]:
    """Everything that is wrong with `rendered` for a cluster of Kubernetes `version`; pass it to `refuse`.

    `provided` is what is applied before. With `existing`, the cluster may hold anything already: what is missing
    here is then a warning. No I/O but for reading the bundled schemas.
    """
    before = [manifest for other in provided for manifest in other.objects]
    references = References(rendered.objects, before)
    namespaces = {*NAMESPACES, *(name for other in (rendered, *provided) for name in _made(other))}
    kinds = {_defined(manifest) for manifest in (*before, *rendered.objects) if manifest["kind"] == "CustomResourceDefinition"}
    findings = list(_duplicates(rendered))
    for manifest in rendered.objects:
        ref = ObjectRef.of(manifest)
        file = rendered.origins.get(ref, str(rendered.overlay))
        problems = schema_problems(manifest, version)
        findings += [Finding(file, ref, path, message) for path, message in problems or ()]
        if problems:
            continue
        findings += container_findings(manifest, file)
        missing = list(references.findings(manifest, file))
        if problems is None and (_group(manifest), ref.kind) not in kinds:
            missing.append(
                Finding(file, ref, "kind", f"Kubernetes {version} has no {manifest['apiVersion']} {ref.kind}, and no CRD provides it")
            )
        if ref.namespace and ref.namespace not in namespaces:
            missing.append(Finding(file, ref, "metadata.namespace", f"the namespace {ref.namespace} is provided by nobody"))
        findings += [replace(finding, level="warning") for finding in missing] if existing else missing
    return tuple(findings)


def refuse(findings: Iterable[Finding]) -> None:
    """Raise the `ManifestError` that lists every finding that is an error; does nothing where there is none."""
    errors = [finding for finding in findings if finding.level == "error"]
    if not errors:
        return
    first, *others = errors
    message = str(first) if not others else f"{first} (and {len(others)} more)"
    raise ManifestError(
        message,
        last_state="\n".join(str(finding) for finding in errors) if others else "",
        next_step=_PROVIDE if any("provide" in finding.message for finding in errors) else "",
    )


def _made(rendered: Rendered) -> set[str]:
    return {ObjectRef.of(manifest).name for manifest in rendered.of_kind("Namespace")}


def _duplicates(rendered: Rendered) -> Iterator[Finding]:
    """Objects that are there twice: the second would silently replace the first."""
    counts = Counter(identity(manifest, str(rendered.overlay)) for manifest in rendered.objects)
    for one, count in counts.items():
        if count > 1:
            ref = ObjectRef(one.kind, one.namespace, one.name)
            yield Finding(rendered.origins.get(ref, str(rendered.overlay)), ref, "", f"is there {count} times")


def _group(manifest: Manifest) -> str:
    group, slash, _ = str(manifest["apiVersion"]).partition("/")
    return group if slash else ""


def _defined(definition: Manifest) -> tuple[str, str]:
    """Group and kind that a CustomResourceDefinition provides."""
    spec = definition.get("spec") or {}
    return str(spec.get("group")), str((spec.get("names") or {}).get("kind"))
