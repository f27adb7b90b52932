"""Dangling references between objects.

A pod that refers to a missing object, or to a ConfigMap or Secret without the named key, never starts: an error. The API
server accepts every other dangling reference, so that is a warning.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kindgate.deploy.manifest_findings import Finding, Level
from kindgate.model import Manifest, ObjectRef, kind_of
from kindgate.pod_templates import PodTemplate, pod_templates

_INITIAL = frozenset(
    {
        ("ConfigMap", "kube-root-ca.crt"),
        ("ServiceAccount", "default"),
        ("PriorityClass", "system-cluster-critical"),
        ("PriorityClass", "system-node-critical"),
    }
)
"""Objects that every new cluster or namespace has."""

_UNANSWERED = "requests for it cannot be answered"

Problem = tuple[str, str, Level]
"""Path, message and level."""


@dataclass(frozen=True)
class ContentReference:
    """A ConfigMap or Secret (`kind`) that a pod template needs at `path`, and the `keys` that it names."""

    path: str
    kind: str
    name: str
    keys: tuple[str, ...] = ()


class References:
    """All objects of a run, and the references between them.

    `provided` are objects that are applied before, so references to them are valid.
    """

    def __init__(self, objects: Iterable[Manifest], provided: Iterable[Manifest] = ()) -> None:
        self._objects = {ObjectRef.of(manifest): manifest for manifest in [*provided, *objects]}
        self._templates = [(ref.namespace, template) for ref, manifest in self._objects.items() for template in pod_templates(manifest)]

    def findings(self, manifest: Manifest, file: str) -> Iterator[Finding]:
        """Yield the object's references to objects that were not found."""
        ref = ObjectRef.of(manifest)
        for path, message, level in self._dangling(manifest, ref.namespace):
            yield Finding(file, ref, path, message, level)

    def service_has_port(self, service: ObjectRef, port: Mapping[str, Any]) -> bool:
        """Return whether the Service exists and has an Ingress backend's port (`{"number": 80}` or `{"name": "http"}`)."""
        manifest = self._objects.get(service)
        field, value = next(iter(port.items()), ("number", None))
        ports = ((manifest or {}).get("spec") or {}).get("ports") or ()
        return value in [item.get("name" if field == "name" else "port") for item in ports]

    def templates_with_labels(self, labels: Mapping[str, str], namespace: str) -> Iterator[PodTemplate]:
        """Return the pod templates of a namespace that have all of `labels`."""
        return (
            template
            for template_namespace, template in self._templates
            if template_namespace == namespace and labels.items() <= template.labels.items()
        )

    def get(self, ref: ObjectRef) -> Manifest | None:
        """Return the object, if a manifest defines it."""
        return self._objects.get(ref)

    def _dangling(self, manifest: Manifest, namespace: str) -> Iterator[Problem]:
        spec = manifest.get("spec") or {}
        match kind_of(manifest):
            case "Ingress":
                yield from self._ingress(spec, namespace)
            case "Service":
                yield from self._service(spec, namespace)
            case "PodDisruptionBudget":
                yield from self._selector("spec.selector", (spec.get("selector") or {}).get("matchLabels") or {}, namespace)
            case "HorizontalPodAutoscaler":
                target = spec.get("scaleTargetRef") or {}
                ref = ObjectRef.of({**target, "metadata": {"name": target.get("name"), "namespace": namespace}})
                yield from self._missing("spec.scaleTargetRef", ref, "warning")
        for template in pod_templates(manifest):
            yield from self._own_selector(manifest, template)
            yield from self._pod(template, namespace)

    def _missing(self, path: str, ref: ObjectRef, level: Level = "error", consequence: str = "the pod cannot start") -> Iterator[Problem]:
        if (ref.kind, ref.name) not in _INITIAL and ref not in self._objects:
            suffix = f": {consequence}" if level == "error" else ""
            yield path, f"{ref} was not found in the manifests{suffix}", level

    def _ingress(self, spec: Mapping[str, Any], namespace: str) -> Iterator[Problem]:
        name = spec.get("ingressClassName")
        if name:
            yield from self._missing("spec.ingressClassName", ObjectRef("IngressClass", "", str(name)), "warning")
        for number, entry in enumerate(spec.get("tls") or ()):
            if entry.get("secretName"):
                secret = ObjectRef("Secret", namespace, str(entry["secretName"]))
                yield from self._missing(f"spec.tls[{number}].secretName", secret, "warning")
        backends = [("spec.defaultBackend", spec.get("defaultBackend") or {})]
        for rule_index, rule in enumerate(spec.get("rules") or ()):
            for path_index, path in enumerate((rule.get("http") or {}).get("paths") or ()):
                backends.append((f"spec.rules[{rule_index}].http.paths[{path_index}].backend", path.get("backend") or {}))
        for path, backend in backends:
            if backend.get("service"):
                yield from self._backend(f"{path}.service", backend["service"], namespace)

    def _backend(self, path: str, backend: Mapping[str, Any], namespace: str) -> Iterator[Problem]:
        service, port = ObjectRef("Service", namespace, str(backend.get("name"))), backend.get("port") or {}
        if service not in self._objects:
            yield f"{path}.name", f"{service} was not found in the manifests: {_UNANSWERED}", "warning"
        elif not self.service_has_port(service, port):
            yield f"{path}.port", f"{service} has no port {next(iter(port.values()), None)}: {_UNANSWERED}", "warning"

    def _service(self, spec: Mapping[str, Any], namespace: str) -> Iterator[Problem]:
        selector = spec.get("selector") or {}
        if not selector:
            return
        yield from self._selector("spec.selector", selector, namespace)
        templates = list(self.templates_with_labels(selector, namespace))
        for number, port in enumerate(spec.get("ports") or ()):
            target = port.get("targetPort")
            if isinstance(target, str) and templates and not any(target in _port_names(template) for template in templates):
                yield f"spec.ports[{number}].targetPort", f"no container that the Service selects has a port named {target}", "warning"

    def _selector(self, path: str, labels: Mapping[str, str], namespace: str) -> Iterator[Problem]:
        if labels and not any(self.templates_with_labels(labels, namespace)):
            yield path, f"no pod of namespace {namespace} in the manifests has the labels {_shown(labels)}", "warning"

    def _own_selector(self, manifest: Manifest, template: PodTemplate) -> Iterator[Problem]:
        if kind_of(manifest) in {"Pod", "ReplicationController"} or template.spec_path != "spec.template.spec":
            return
        selector = (manifest.get("spec") or {}).get("selector")
        labels = (selector.get("matchLabels") if isinstance(selector, Mapping) else None) or {}
        if not labels.items() <= template.labels.items():
            message = f"selects pods with labels {_shown(labels)}, but the template has labels {_shown(template.labels)}"
            yield "spec.selector.matchLabels", message, "error"

    def _pod(self, template: PodTemplate, namespace: str) -> Iterator[Problem]:
        """Yield everything missing that the pod needs to start, except optional references."""
        prefix = template.spec_path
        for field, kind, reference_namespace in (
            ("serviceAccountName", "ServiceAccount", namespace),
            ("priorityClassName", "PriorityClass", ""),
            ("runtimeClassName", "RuntimeClass", ""),
        ):
            if template.spec.get(field):
                yield from self._missing(f"{prefix}.{field}", ObjectRef(kind, reference_namespace, str(template.spec[field])))
        for number, volume in enumerate(template.spec.get("volumes") or ()):
            claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
            if claim:
                claimed = ObjectRef("PersistentVolumeClaim", namespace, str(claim))
                yield from self._missing(f"{prefix}.volumes[{number}].persistentVolumeClaim", claimed)
        for reference in content_references(template):
            yield from self._content(reference.path, ObjectRef(reference.kind, namespace, reference.name), reference.keys)

    def _content(self, path: str, ref: ObjectRef, keys: Iterable[str]) -> Iterator[Problem]:
        """Check a ConfigMap or Secret, and the keys that a pod names."""
        yield from self._missing(path, ref)
        manifest = self._objects.get(ref)
        if manifest is not None:
            defined_keys = {key for field in ("data", "stringData", "binaryData") for key in manifest.get(field) or {}}
            for key in keys:
                if key not in defined_keys:
                    listed_keys = ", ".join(sorted(defined_keys)) or "none"
                    yield path, f"{ref} has no key {key} (its keys: {listed_keys}): the pod cannot start", "error"


def _port_names(template: PodTemplate) -> set[str]:
    return {str(port.get("name")) for _, container in template.containers() for port in container.get("ports") or ()}


def _shown(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(labels.items())) or "none"


def content_references(template: PodTemplate) -> Iterator[ContentReference]:
    """Yield everything that the template's volumes and variables need, except optional references."""
    for number, volume in enumerate(template.spec.get("volumes") or ()):
        yield from _volume_references(f"{template.spec_path}.volumes[{number}]", volume)
    for path, container in template.containers():
        yield from _environment_references(path, container)


def _volume_references(path: str, volume: Mapping[str, Any]) -> Iterator[ContentReference]:
    projected = (volume.get("projected") or {}).get("sources") or ()
    for source_path, source in ((path, volume), *((f"{path}.projected.sources[{index}]", item) for index, item in enumerate(projected))):
        for field, kind, key in (("secret", "Secret", "secretName"), ("configMap", "ConfigMap", "name")):
            part = source.get(field) or {}
            name = part.get(key) or part.get("name")
            if name and not part.get("optional"):
                keys = tuple(str(item["key"]) for item in part.get("items") or () if item.get("key"))
                yield ContentReference(f"{source_path}.{field}", kind, str(name), keys)


def _environment_references(path: str, container: Mapping[str, Any]) -> Iterator[ContentReference]:
    sources = [(f"{path}.envFrom[{number}]", entry) for number, entry in enumerate(container.get("envFrom") or ())]
    sources += [(f"{path}.env[{number}]", entry.get("valueFrom") or {}) for number, entry in enumerate(container.get("env") or ())]
    for source_path, source in sources:
        for fields, kind in ((("secretRef", "secretKeyRef"), "Secret"), (("configMapRef", "configMapKeyRef"), "ConfigMap")):
            part: Mapping[str, Any] = next((source[field] for field in fields if source.get(field)), {})
            if part.get("name") and not part.get("optional"):
                yield ContentReference(source_path, kind, str(part["name"]), (str(part["key"]),) if part.get("key") else ())
