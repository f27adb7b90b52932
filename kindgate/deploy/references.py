"""References from object to object: each has to lead somewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kindgate.deploy.findings import Finding
from kindgate.deploy.podspecs import PodTemplate, pod_template
from kindgate.model import Manifest, ObjectRef

_ALWAYS_THERE = frozenset({("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")})


class References:
    """All objects of a run, and which of them each one needs.

    `provided` are objects that are applied before, and count as there.
    """

    def __init__(self, objects: Iterable[Manifest], provided: Iterable[Manifest] = ()) -> None:
        self._objects = {ObjectRef.of(manifest): manifest for manifest in [*provided, *objects]}

    def findings(self, manifest: Manifest, file: str) -> Iterator[Finding]:
        """What the object refers to and nobody provides."""
        ref = ObjectRef.of(manifest)
        for path, message in self._dangling(manifest, ref.namespace):
            yield Finding(file, ref, path, message)

    def _dangling(self, manifest: Manifest, namespace: str) -> Iterator[tuple[str, str]]:
        spec = manifest.get("spec") or {}
        match manifest.get("kind"):
            case "Ingress":
                yield from self._ingress(spec, namespace)
            case "Service":
                yield from self._service(spec, namespace)
            case "PodDisruptionBudget":
                yield from self._selector("spec.selector", (spec.get("selector") or {}).get("matchLabels") or {}, namespace)
            case "HorizontalPodAutoscaler":
                target = spec.get("scaleTargetRef") or {}
                yield from self._object("spec.scaleTargetRef", str(target.get("kind")), str(target.get("name")), namespace)
        template = pod_template(manifest)
        if template is not None:
            yield from self._own_selector(manifest, template)
            yield from self._pod(template, namespace)

    def _object(self, path: str, kind: str, name: str, namespace: str) -> Iterator[tuple[str, str]]:
        if (kind, name) not in _ALWAYS_THERE and ObjectRef(kind, namespace, name) not in self._objects:
            yield path, f"{ObjectRef(kind, namespace, name)} is provided by nobody"

    def _ingress(self, spec: Mapping[str, Any], namespace: str) -> Iterator[tuple[str, str]]:
        name = spec.get("ingressClassName")
        if name:
            yield from self._object("spec.ingressClassName", "IngressClass", str(name), "")
        for number, entry in enumerate(spec.get("tls") or ()):
            if entry.get("secretName"):
                yield from self._object(f"spec.tls[{number}].secretName", "Secret", str(entry["secretName"]), namespace)
        backends = [("spec.defaultBackend", spec.get("defaultBackend") or {})]
        for at, rule in enumerate(spec.get("rules") or ()):
            for number, path in enumerate((rule.get("http") or {}).get("paths") or ()):
                backends.append((f"spec.rules[{at}].http.paths[{number}].backend", path.get("backend") or {}))
        for path, backend in backends:
            if backend.get("service"):
                yield from self._backend(f"{path}.service", backend["service"], namespace)

    def _backend(self, path: str, backend: Mapping[str, Any], namespace: str) -> Iterator[tuple[str, str]]:
        name, wanted = str(backend.get("name")), backend.get("port") or {}
        service = self._objects.get(ObjectRef("Service", namespace, name))
        if service is None:
            yield f"{path}.name", f"{ObjectRef('Service', namespace, name)} is provided by nobody"
            return
        ports = (service.get("spec") or {}).get("ports") or ()
        field, value = next(iter(wanted.items()), ("number", None))
        if value not in [port.get("name" if field == "name" else "port") for port in ports]:
            yield f"{path}.port", f"{ObjectRef.of(service)} has no port {value}"

    def _service(self, spec: Mapping[str, Any], namespace: str) -> Iterator[tuple[str, str]]:
        selector = spec.get("selector") or {}
        if not selector:
            return
        yield from self._selector("spec.selector", selector, namespace)
        templates = list(self._selected(selector, namespace))
        for number, port in enumerate(spec.get("ports") or ()):
            target = port.get("targetPort")
            if isinstance(target, str) and templates and not any(target in _port_names(template) for template in templates):
                yield f"spec.ports[{number}].targetPort", f"no container that the Service selects has a port named {target}"

    def _selector(self, path: str, labels: Mapping[str, str], namespace: str) -> Iterator[tuple[str, str]]:
        if labels and not any(self._selected(labels, namespace)):
            yield path, f"no pod of namespace {namespace or 'default'} has the labels {_shown(labels)}"

    def _selected(self, labels: Mapping[str, str], namespace: str) -> Iterator[PodTemplate]:
        for ref, manifest in self._objects.items():
            template = pod_template(manifest) if ref.namespace == namespace else None
            if template is not None and labels.items() <= template.labels.items():
                yield template

    def _own_selector(self, manifest: Manifest, template: PodTemplate) -> Iterator[tuple[str, str]]:
        wanted = ((manifest.get("spec") or {}).get("selector") or {}) if manifest.get("kind") != "Pod" else {}
        labels = wanted.get("matchLabels") or {}
        if not labels.items() <= template.labels.items():
            yield "spec.selector.matchLabels", f"its own pods have the labels {_shown(template.labels)}, not {_shown(labels)}"

    def _pod(self, template: PodTemplate, namespace: str) -> Iterator[tuple[str, str]]:
        """Everything that has to exist for the pod to start; what is marked optional need not."""
        at = f"{template.path}.spec".removeprefix(".")
        account = template.spec.get("serviceAccountName")
        if account:
            yield from self._object(f"{at}.serviceAccountName", "ServiceAccount", str(account), namespace)
        for number, secret in enumerate(template.spec.get("imagePullSecrets") or ()):
            yield from self._object(f"{at}.imagePullSecrets[{number}]", "Secret", str(secret.get("name")), namespace)
        for number, volume in enumerate(template.spec.get("volumes") or ()):
            yield from self._volume(f"{at}.volumes[{number}]", volume, namespace)
        for path, container in template.containers():
            yield from self._environment(path, container, namespace)

    def _volume(self, path: str, volume: Mapping[str, Any], namespace: str) -> Iterator[tuple[str, str]]:
        claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        if claim:
            yield from self._object(f"{path}.persistentVolumeClaim", "PersistentVolumeClaim", str(claim), namespace)
        for source in (volume, *((volume.get("projected") or {}).get("sources") or ())):
            for field, kind, key in (("secret", "Secret", "secretName"), ("configMap", "ConfigMap", "name")):
                part = source.get(field) or {}
                name = part.get(key) or part.get("name")
                if name and not part.get("optional"):
                    yield from self._object(f"{path}.{field}", kind, str(name), namespace)

    def _environment(self, path: str, container: Mapping[str, Any], namespace: str) -> Iterator[tuple[str, str]]:
        sources = [(f"{path}.envFrom[{number}]", entry) for number, entry in enumerate(container.get("envFrom") or ())]
        sources += [(f"{path}.env[{number}]", entry.get("valueFrom") or {}) for number, entry in enumerate(container.get("env") or ())]
        for where, source in sources:
            for fields, kind in ((("secretRef", "secretKeyRef"), "Secret"), (("configMapRef", "configMapKeyRef"), "ConfigMap")):
                part: Mapping[str, Any] = next((source[field] for field in fields if source.get(field)), {})
                if part.get("name") and not part.get("optional"):
                    yield from self._object(where, kind, str(part["name"]), namespace)


def _port_names(template: PodTemplate) -> set[str]:
    return {str(port.get("name")) for _, container in template.containers() for port in container.get("ports") or ()}


def _shown(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(labels.items())) or "none"
