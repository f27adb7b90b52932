"""ConfigMaps and Secrets that a pod needs: it does not start without them, or without a key that it names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kindgate.pod_templates import PodTemplate


@dataclass(frozen=True)
class ContentReference:
    """A ConfigMap or Secret (`kind`) that a pod template needs at `path`, and the `keys` that it names."""

    path: str
    kind: str
    name: str
    keys: tuple[str, ...] = ()


def content_references(template: PodTemplate) -> Iterator[ContentReference]:
    """Yield everything that the template's volumes and variables need, except optional references."""
    for number, volume in enumerate(template.spec.get("volumes") or ()):
        yield from _of_volume(f"{template.spec_path}.volumes[{number}]", volume)
    for path, container in template.containers():
        yield from _of_environment(path, container)


def _of_volume(path: str, volume: Mapping[str, Any]) -> Iterator[ContentReference]:
    projected = (volume.get("projected") or {}).get("sources") or ()
    for where, source in ((path, volume), *((f"{path}.projected.sources[{at}]", item) for at, item in enumerate(projected))):
        for field, kind, key in (("secret", "Secret", "secretName"), ("configMap", "ConfigMap", "name")):
            part = source.get(field) or {}
            name = part.get(key) or part.get("name")
            if name and not part.get("optional"):
                keys = tuple(str(item["key"]) for item in part.get("items") or () if item.get("key"))
                yield ContentReference(f"{where}.{field}", kind, str(name), keys)


def _of_environment(path: str, container: Mapping[str, Any]) -> Iterator[ContentReference]:
    sources = [(f"{path}.envFrom[{number}]", entry) for number, entry in enumerate(container.get("envFrom") or ())]
    sources += [(f"{path}.env[{number}]", entry.get("valueFrom") or {}) for number, entry in enumerate(container.get("env") or ())]
    for where, source in sources:
        for fields, kind in ((("secretRef", "secretKeyRef"), "Secret"), (("configMapRef", "configMapKeyRef"), "ConfigMap")):
            part: Mapping[str, Any] = next((source[field] for field in fields if source.get(field)), {})
            if part.get("name") and not part.get("optional"):
                yield ContentReference(where, kind, str(part["name"]), (str(part["key"]),) if part.get("key") else ())
