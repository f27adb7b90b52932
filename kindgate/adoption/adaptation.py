"""What manifests lack to be tested on a cluster in containers, as the files of an adapted overlay."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import yaml

from kindgate.adoption.entry_components import CONTROLLERS
from kindgate.adoption.placeholder_images import ImageChange, with_changed_images
from kindgate.adoption.placeholder_secrets import FILE as SECRETS_FILE
from kindgate.adoption.placeholder_secrets import placeholder_secrets
from kindgate.adoption.ways_in import ways_in
from kindgate.deploy.adapted import ANNOTATION
from kindgate.deploy.entries import PATH_ANNOTATION
from kindgate.deploy.ingress_routes import ingress_class
from kindgate.model import Manifest, ObjectRef, Rendered, group_of

OVERLAY = "overlay"
"""Name of the adapted overlay's folder in the suite's."""

LEGACY_CLASS = "kubernetes.io/ingress.class"

_SECRETS_HEADER = (
    "Secrets that pods need and no manifest holds. No value here is real: edit those that the application must be able to use in a test,",
    "or keep them out of git: `app_secret = NAME/KEY=VARIABLE` in pytest.ini takes a value from the environment or from .env.",
)


@dataclass(frozen=True)
class Adaptation:
    """Objects to add, Ingresses whose class is to be one that is served, images to replace, and Secrets of placeholders.

    `notes` say what was changed and why; `ways` are those of them that say it of the added objects.
    """

    added: tuple[Manifest, ...] = ()
    ways: tuple[str, ...] = ()
    reclassed: tuple[Manifest, ...] = ()
    images: tuple[ImageChange, ...] = ()
    secrets: tuple[Manifest, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def needed(self) -> bool:
        """Whether anything has to be changed."""
        return bool(self.added or self.reclassed or self.images or self.secrets)

    def applied(self, rendered: Rendered) -> Rendered:
        """`rendered` as the adapted overlay will have it."""
        classed = {ObjectRef.of(item): _with_class(item) for item in self.reclassed}
        whole = (*(classed.get(ObjectRef.of(item), item) for item in rendered.objects), *self.added, *self.secrets)
        return with_changed_images(replace(rendered, objects=whole), self.images)

    def files(self, resources: Sequence[str]) -> Mapping[str, str]:
        """The overlay's files by name; it builds upon `resources`, as they are called from its folder."""
        patches = [*map(_class_patch, self.reclassed), *map(_image_patch, self.images)]
        written = {
            "ingress.yaml": _stream(self.added, *self.ways, f"the annotation {PATH_ANNOTATION}: /path names another path to judge"),
            SECRETS_FILE: _stream(self.secrets, *_SECRETS_HEADER),
        }
        kept = {name: text for name, text in written.items() if text}
        document = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "metadata": {"name": "kindgate", "annotations": {ANNOTATION: "true"}},
            "resources": [*resources, *kept],
            **({"patches": patches} if patches else {}),
        }
        header = "# Made by `kindgate init`: the application's manifests as they are, and what the test cluster needs beside them.\n"
        return {"kustomization.yaml": header + yaml.safe_dump(document, sort_keys=False), **kept}


UNCHANGED = Adaptation()
"""Manifests that need nothing."""


def adaptation(
    rendered: Rendered, *, exposed: Mapping[str, int] = MappingProxyType({}), images: Sequence[ImageChange] = (), notes: Sequence[str] = ()
) -> Adaptation:
    """What `rendered` lacks: a way in for requests, and an Ingress class that is served; `images` and their `notes` are taken over.

    `exposed` gives images, as the manifests name them, the port that their Dockerfiles expose.
    """
    brought = {str(item["metadata"]["name"]) for item in rendered.of_kind("IngressClass")}
    foreign = tuple(item for item in rendered.of_kind("Ingress") if ingress_class(item) not in CONTROLLERS.keys() | brought)
    classes = [
        f"{ObjectRef.of(item)} has the class {ingress_class(item)!r}, which no bundled component serves: traefik serves it"
        for item in foreign
    ]
    led = ways_in(rendered, exposed)
    return Adaptation(led.added, led.notes, foreign, tuple(images), notes=(*notes, *classes, *led.notes))


def with_placeholders(adapted: Adaptation, source: Rendered, rendered: Rendered, provided: Iterable[Manifest] = ()) -> Adaptation:
    """`adapted` with the Secrets that its objects (`rendered`, normalized) need and neither they nor `provided` hold.

    Like the objects of `source`, as they were before, the Secrets name no namespace where those leave it to the cluster.
    """
    found = placeholder_secrets(rendered, provided)
    named = {item["metadata"].get("namespace") for item in source.objects}
    secrets = tuple(secret if secret["metadata"]["namespace"] in named else _without_namespace(secret) for secret in found.added)
    return replace(adapted, secrets=secrets, notes=(*adapted.notes, *found.notes))


def _without_namespace(item: Manifest) -> Manifest:
    return {**item, "metadata": {key: value for key, value in item["metadata"].items() if key != "namespace"}}


def _with_class(item: Manifest) -> Manifest:
    changed: dict[str, Any] = copy.deepcopy(dict(item))
    (changed["metadata"].get("annotations") or {}).pop(LEGACY_CLASS, None)
    changed["spec"]["ingressClassName"] = "traefik"
    return changed


def _class_patch(item: Manifest) -> Mapping[str, Any]:
    operations = [{"op": "add", "path": "/spec/ingressClassName", "value": "traefik"}]
    if LEGACY_CLASS in (item["metadata"].get("annotations") or {}):
        operations.append({"op": "remove", "path": f"/metadata/annotations/{LEGACY_CLASS.replace('/', '~1')}"})
    return _patch(item, operations)


def _image_patch(change: ImageChange) -> Mapping[str, Any]:
    """Kustomize's own `images:` find no name that is no image reference."""
    steps = re.findall(r"[^.\[\]]+", change.path)
    return _patch(change.object, [{"op": "replace", "path": "/".join(("", *steps, "image")), "value": change.image}])


def _patch(item: Manifest, operations: Sequence[Mapping[str, str]]) -> Mapping[str, Any]:
    metadata = item["metadata"]
    place = {"namespace": metadata["namespace"]} if metadata.get("namespace") else {}
    target = {"group": group_of(item), "kind": item["kind"], "name": metadata["name"], **place}
    return {
        "target": {key: value for key, value in target.items() if value},
        "patch": yaml.safe_dump(list(operations), sort_keys=False),
    }


def _stream(objects: Sequence[Manifest], *lines: str) -> str:
    """The objects as YAML below the lines as comments; empty where there is none."""
    text = yaml.safe_dump_all([dict(item) for item in objects], sort_keys=False)
    return "".join(f"# {line}\n" for line in lines) + text if objects else ""
