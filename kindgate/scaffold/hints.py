"""Hints of Skaffold, Tilt and Compose files about a repository: the images that it builds, and the manifests that it applies."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

COMPOSE_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
SKAFFOLD_NAMES = ("skaffold.yaml", "skaffold.yml")
TILT_NAME = "Tiltfile"


@dataclass(frozen=True)
class ImageHint:
    """A hint in `file`: `image` is built in `context` from `dockerfile` (relative to the context), up to the stage `target`."""

    image: str
    context: Path
    dockerfile: str
    target: str
    file: Path


@dataclass(frozen=True)
class Hints:
    """The hints of a folder's files: images that they build, and manifests that they apply."""

    images: tuple[ImageHint, ...] = ()
    manifests: tuple[Path, ...] = ()


def read_hints(folder: Path) -> Hints:
    """Read the hints of the files in `folder` itself; unreadable files are ignored."""
    skaffold = [file for name in SKAFFOLD_NAMES if (file := folder / name).is_file()]
    images = [hint for file in skaffold for document in _documents(file) for hint in _skaffold_images(file, document)]
    manifests = [path for file in skaffold for document in _documents(file) for path in _skaffold_manifests(folder, document)]
    tilt = folder / TILT_NAME
    if tilt.is_file():
        text = tilt.read_text(errors="replace")
        images += _tilt_images(tilt, text)
        manifests = manifests or _tilt_manifests(folder, text)
    compose = next((file for name in COMPOSE_NAMES if (file := folder / name).is_file()), None)
    for document in _documents(compose) if compose is not None else ():
        images += _compose_images(compose or folder, document)
    return Hints(tuple(images), tuple(dict.fromkeys(path for path in manifests if path.exists())))


def _skaffold_images(file: Path, document: Mapping[str, Any]) -> Iterator[ImageHint]:
    for artifact in _list(_map(document.get("build")).get("artifacts")):
        docker = _map(artifact.get("docker"))
        others = {"jib", "buildpacks", "ko", "bazel", "custom"} & set(artifact)
        image = str(artifact.get("image") or "")
        if image and not others:
            context = _path(file.parent, artifact.get("context") or ".")
            yield ImageHint(image, context, str(docker.get("dockerfile") or "Dockerfile"), str(docker.get("target") or ""), file)


def _skaffold_manifests(folder: Path, document: Mapping[str, Any]) -> Iterator[Path]:
    """Manifests of `manifests:` and, in older versions, of `deploy:`."""
    manifests, deploy = _map(document.get("manifests")), _map(document.get("deploy"))
    kustomize = _map(manifests.get("kustomize")) or _map(deploy.get("kustomize"))
    yield from (_path(folder, path) for path in _texts(kustomize.get("paths")))
    if not kustomize and ("kustomize" in manifests or "kustomize" in deploy):
        yield folder
    raw = _texts(manifests.get("rawYaml")) or _texts(_map(deploy.get("kubectl")).get("manifests"))
    yield from (path for pattern in raw for path in _globbed(folder, pattern))
    helm = _map(manifests.get("helm")) or _map(deploy.get("helm"))
    yield from (_path(folder, release["chartPath"]) for release in _list(helm.get("releases")) if release.get("chartPath"))


def _tilt_images(file: Path, text: str) -> list[ImageHint]:
    """Images of `docker_build('image', 'context', dockerfile='...', target='...')` with literal arguments."""
    found = []
    for call in re.findall(r"\bdocker_build\(((?:[^()]|\([^()]*\))*)\)", text):
        positional = re.findall(r"(?:^|,)\s*['\"]([^'\"]+)['\"]", call)
        named = dict(re.findall(r"(\w+)\s*=\s*['\"]([^'\"]+)['\"]", call))
        image, context = (*positional, "", "")[:2]
        image, context = named.get("ref", image), named.get("context", context or ".")
        if image:
            place = _path(file.parent, context)
            dockerfile = os.path.relpath(_path(file.parent, named["dockerfile"]), place) if "dockerfile" in named else "Dockerfile"
            found.append(ImageHint(image, place, dockerfile, named.get("target", ""), file))
    return found


def _tilt_manifests(folder: Path, text: str) -> list[Path]:
    """Manifests of `k8s_yaml('file')`, `k8s_yaml(['a', 'b'])`, `k8s_yaml(kustomize('folder'))` and `k8s_yaml(helm('chart'))`."""
    calls = re.findall(r"\bk8s_yaml\(\s*((?:kustomize|helm)\([^()]*\)|[^()]*)", text)
    paths = [name for call in calls for name in re.findall(r"['\"]([^'\"]+)['\"]", call.partition("=")[0])]
    return [path for name in paths for path in _globbed(folder, name)]


def _compose_images(file: Path, document: Mapping[str, Any]) -> Iterator[ImageHint]:
    for name, service in _map(document.get("services")).items():
        build = _map(service).get("build")
        if not build:
            continue
        options: Mapping[str, Any] = {"context": build} if isinstance(build, str) else _map(build)
        context = _path(file.parent, options.get("context") or ".")
        dockerfile = str(options.get("dockerfile") or "Dockerfile")
        yield ImageHint(str(service.get("image") or name), context, dockerfile, str(options.get("target") or ""), file)


def _globbed(folder: Path, pattern: str) -> Iterable[Path]:
    """The paths that match a pattern; for all files of a folder, the folder itself."""
    bare = re.sub(r"/?(\*\*/?)?\*?(\.ya?ml)?$", "", pattern) if "*" in pattern else pattern
    if "*" not in bare:
        return [_path(folder, bare or ".")] if bare or "*" in pattern else []
    return sorted(folder.glob(pattern))


def _path(folder: Path, value: object) -> Path:
    return Path(os.path.normpath(folder / str(value)))


def _documents(file: Path) -> list[Mapping[str, Any]]:
    try:
        return [document for document in yaml.safe_load_all(file.read_text(errors="replace")) if isinstance(document, Mapping)]
    except (OSError, yaml.YAMLError):
        return []


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
