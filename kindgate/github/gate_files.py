"""The files of a commit that determine a suite's verdict: those in its settings, with everything that Kustomize reads for them."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from kindgate.deploy.manifest_yaml import read_documents
from kindgate.deploy.render import KUSTOMIZATION_NAMES
from kindgate.errors import ManifestError, SloError
from kindgate.github.suite_settings import ReadsFile
from kindgate.settings import Settings
from kindgate.workload.document import IncludedWorkload, parse_slo_document, parse_workload
from kindgate.workload.file_names import files_of, imported_files
from kindgate.workload.model import Workload

KUSTOMIZATIONS_LIMIT = 100
"""Maximum kustomizations to follow; the rest of a larger tree is ignored."""

IMPORTS_LIMIT = 200
"""Number of files that a program may import after which no more are read."""

_PROGRAMS = (".py", ".js", ".ts")

_BASE_KEYS = ("resources", "bases", "components")
_FILES = ("patchesStrategicMerge", "configurations", "crds", "transformers", "generators", "validators")
_WITH_PATHS = ("patches", "patchesJson6902", "replacements")
_GENERATORS = ("configMapGenerator", "secretGenerator")
_CHARTS = ("helmCharts", "helmChartInflationGenerator")


def gate_paths_of(read: ReadsFile, settings: Settings) -> tuple[str, ...]:
    """The files and folders that affect a suite with these settings, sorted, relative to the repository root.

    `settings.root` is the suite's folder, also relative to it. Paths outside of the repository and registry images are
    omitted.
    """
    root = settings.root.as_posix()
    deploy = settings.deploy
    found: set[str] = set()
    for manifests in (deploy.overlay, *deploy.apply, *([settings.slo.base] if settings.slo.base else ())):
        found |= manifest_files(read, _joined(root, str(manifests)))
    found |= workload_files(read, settings)
    others = [settings.slo.file, *deploy.values, *([settings.cluster.config] if settings.cluster.config else ()), *settings.images.load]
    found |= {_joined(root, str(one)) for one in others}
    found |= {_joined(root, posixpath.join(build.folder, file)) for build in settings.images.builds for file in build.files}
    return tuple(sorted(path for path in found if _is_inside(path)))


def objectives_path(settings: Settings) -> str:
    """The suite's objectives file, relative to the repository root."""
    return _joined(settings.root.as_posix(), str(settings.slo.file))


def workload_at(read: ReadsFile, file: str, text: str) -> Workload | None:
    """The workload of the objectives file at `file`, whose content is `text`; None if it has none.

    Raises `SloError` if the workload, or the file that it is in, cannot be read.
    """
    found = parse_slo_document(text, file)
    if not isinstance(found, IncludedWorkload):
        return found
    included = _joined(posixpath.dirname(file), found.file)
    return parse_workload(read(included) if _is_inside(included) else "", included)


def workload_files(read: ReadsFile, settings: Settings) -> set[str]:
    """The files that the workload of the objectives file is read from, as far as it can be read; the run reports the rest.

    `settings.root` is the suite's folder, relative to the folder of the paths that `read` takes.
    """
    file = objectives_path(settings)
    text = read(file) if _is_inside(file) else ""
    if not text.strip():
        return set()
    folder, included = posixpath.dirname(file), set[str]()
    try:
        found = parse_slo_document(text, file)
        if isinstance(found, IncludedWorkload):
            included = {_joined(folder, found.file)}
            folder = posixpath.dirname(_joined(folder, found.file))
        workload = workload_at(read, file, text)
    except SloError:
        return included
    named = {_joined(folder, name) for name in (files_of(workload) if workload is not None else ())}
    imported = _imported(read, {name for name in named if name.endswith(_PROGRAMS)}) if workload is not None and workload.program else set()
    return included | named | imported


def _imported(read: ReadsFile, programs: set[str]) -> set[str]:
    """The files that programs may import, and those that these may import in turn."""
    found: set[str] = set()
    todo = sorted(programs)
    while todo and len(found) < IMPORTS_LIMIT:
        path = todo.pop()
        text = read(path) if _is_inside(path) and path.endswith(_PROGRAMS) else ""
        new = {_joined(posixpath.dirname(path), name) for name in imported_files(path, text)} - found - programs
        found |= new
        todo += sorted(new)
    return found


def manifest_files(read: ReadsFile, path: str) -> set[str]:
    """A path of manifests with everything that Kustomize reads for it; anything but a kustomization is a file or a whole folder."""
    found: set[str] = set()
    seen: set[str] = set()
    todo = [path]
    while todo and len(seen) < KUSTOMIZATIONS_LIMIT:
        folder = todo.pop()
        if folder in seen or not _is_inside(folder):
            continue
        seen.add(folder)
        file, document = _kustomization(read, folder)
        if not file:
            found.add(folder)
            continue
        found |= {file, *(_joined(folder, one) for one in _files_of(document))}
        todo += [_joined(folder, one) for one in _bases_of(document)]
    return found


def _kustomization(read: ReadsFile, folder: str) -> tuple[str, Mapping[str, Any]]:
    """The path and content of a folder's kustomization; empty without one. Invalid YAML names no files."""
    for name in KUSTOMIZATION_NAMES:
        file = _joined(folder, name)
        text = read(file)
        if not text:
            continue
        try:
            documents = read_documents(text, file)
        except ManifestError:
            documents = []
        return file, documents[0] if documents and isinstance(documents[0], Mapping) else {}
    return "", {}


def _bases_of(document: Mapping[str, Any]) -> Iterator[str]:
    return (entry for key in _BASE_KEYS for entry in _texts(document.get(key)) if "://" not in entry)


def _files_of(document: Mapping[str, Any]) -> Iterator[str]:
    """The files that a kustomization names, apart from its bases; patches may also be inline."""
    for key in _FILES:
        yield from (entry for entry in _texts(document.get(key)) if "\n" not in entry)
    for key in _WITH_PATHS:
        yield from (path for entry in _maps(document.get(key)) for path in _texts([entry.get("path")]))
    for key in _GENERATORS:
        for entry in _maps(document.get(key)):
            yield from (file.rpartition("=")[2] for file in _texts(entry.get("files")))
            yield from _texts([*_list(entry.get("envs")), entry.get("env")])
    for key in _CHARTS:
        for entry in _maps(document.get(key)):
            yield from _texts([entry.get("valuesFile"), entry.get("values"), *_list(entry.get("additionalValuesFiles"))])
    yield from _texts([(_map(document.get("openapi"))).get("path"), (_map(document.get("helmGlobals"))).get("chartHome")])


def _joined(folder: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(folder, path))


def _is_inside(path: str) -> bool:
    return not path.startswith(("/", "../")) and path != ".."


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _maps(value: object) -> Iterator[Mapping[str, Any]]:
    return (entry for entry in _list(value) if isinstance(entry, Mapping))


def _texts(value: object) -> Iterator[str]:
    return (entry for entry in _list(value) if isinstance(entry, str) and entry.strip())
