"""The folders and files of one of several suites, whose changes require it to run."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from kindgate.errors import SettingsError
from kindgate.scaffold.manifest_facts import relative_path
from kindgate.scaffold.pytest_config import find_config
from kindgate.scaffold.repository import Repository
from kindgate.scaffold.repository_tree import scan_tree
from kindgate.settings import Settings
from kindgate.settings_sources import build_settings


def watched_paths(repository: Repository, roots: Iterable[Path]) -> list[str]:
    """The application's folder, `roots`, paths in the suite's settings, and whatever these build on elsewhere.

    Paths are relative to the repository root; a pull request cannot change anything outside of it.
    """
    built_on = {one.folder: one.uses for one in scan_tree(repository.root).kustomizations}
    paths = set[Path]()
    todo = [*(path.resolve() for path in roots), *_named_by_settings(repository.suite)]
    while todo:
        path = todo.pop()
        if path not in paths:
            paths.add(path)
            todo += built_on.get(path, ())
    inside = {path for path in paths if path.is_relative_to(repository.root) and not path.is_relative_to(repository.folder)}
    return [repository.directory, *sorted(relative_path(path, repository.root) for path in inside)]


def _named_by_settings(suite: Path) -> Iterator[Path]:
    """Files and folders in the suite's present pytest settings; none if these are unreadable, which validation reports."""
    try:
        config = find_config(suite)
        settings = build_settings(suite, {}, config.values if config is not None else {}, {})
    except SettingsError:
        return
    for name in _paths_of(settings):
        path = Path(os.path.normpath(suite / name)).resolve()
        if path.exists():
            yield path


def _paths_of(settings: Settings) -> Iterator[Path]:
    """Every setting that is a path in the repository, or may be one: an image, a baseline."""
    deploy, cluster = settings.deploy, settings.cluster
    yield from (deploy.overlay, *deploy.apply, *deploy.values, settings.slo.file)
    yield from (path for path in (cluster.config, settings.images.seed) if path is not None)
    yield from map(Path, settings.images.load)
    yield from (Path(build.folder) for build in settings.images.builds)
    if settings.slo.base:
        yield Path(settings.slo.base)
