"""The files that a repository gets: a suite in a folder by itself, and two workflows."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from kindgate import __version__
from kindgate.adoption.application import Application, relative, short_name, without_tag
from kindgate.adoption.changes import Change, compared
from kindgate.adoption.overlays import find_kustomizations
from kindgate.adoption.provenance import Provenance
from kindgate.adoption.repository import Repository

TAG = "kindgate"
"""Tag of the image that is built from the repository to be judged."""


def built_image(application: Application) -> str:
    """What the repository's own image is built as: `shop:kindgate`; empty where it builds none."""
    return f"{short_name(application.image)}:{TAG}" if application.image else ""


def wanted_changes(repository: Repository, overlay: Path, application: Application, source: Provenance) -> tuple[Change, ...]:
    """Every file that kindgate wants there, compared with what is there."""
    wanted = {**dict(_suite_files(repository, overlay, application)), **dict(_workflows(repository, overlay, application, source))}
    return compared(repository.suite, wanted)


def _suite_files(repository: Repository, overlay: Path, application: Application) -> Iterator[tuple[Path, str]]:
    environment = _environment()
    values = {
        "folder": repository.suite.name,
        "hosts": application.hosts,
        "settings": _settings(repository, overlay, application),
    }
    for template, name in (("pytest.ini.j2", "pytest.ini"), ("slo.yaml.j2", "slo.yaml"), ("judge_slo.py.j2", "judge_slo.py")):
        yield repository.suite / name, environment.get_template(template).render(values)
    yield repository.suite / ".gitignore", environment.get_template("gitignore.j2").render()


def _settings(repository: Repository, overlay: Path, application: Application) -> Mapping[str, str]:
    """The ini values of the suite."""
    settings = {"app_overlay": relative(overlay, repository.suite), "slo_file": "slo.yaml"}
    if application.components:
        settings["app_component"] = " ".join(application.components)
    if application.image:
        settings["app_image"] = f"{without_tag(application.image)}={built_image(application)}"
    return settings


def _workflows(repository: Repository, overlay: Path, application: Application, source: Provenance) -> Iterator[tuple[Path, str]]:
    environment = _environment()
    name = f"kindgate-{repository.slug}" if repository.slug else "kindgate"
    folder = repository.root / ".github" / "workflows"
    jobs = ["e2e", "publish"]
    values: Mapping[str, object] = {
        "name": name,
        "leg": repository.slug or "e2e",
        "needed": ["changes", *jobs] if repository.slug else jobs,
        "branch": repository.branch,
        "directory": relative(repository.suite, repository.root),
        "context": relative(repository.folder, repository.suite),
        "image": built_image(application),
        "watched": [*_watched(repository, overlay), f".github/workflows/{name}.yml"] if repository.slug else [],
        "source": source,
        "version": __version__,
    }
    for template, file in (("e2e.yml.j2", f"{name}.yml"), ("report.yml.j2", f"{name}-report.yml")):
        yield folder / file, environment.get_template(template).render(values)


def _watched(repository: Repository, overlay: Path) -> list[str]:
    """The folders whose change is a change of this suite: the application's, and all that its overlay builds upon elsewhere."""
    uses = {one.folder: one.uses for one in find_kustomizations(repository.root)}
    folders, todo = set[Path](), [overlay.resolve()]
    while todo:
        folder = todo.pop()
        if folder not in folders:
            folders.add(folder)
            todo += uses.get(folder, ())
    outside = {relative(folder, repository.root) for folder in folders if not folder.is_relative_to(repository.folder)}
    return [repository.directory, *sorted(outside)]


def _environment() -> Environment:
    """GitHub's own expressions are written with braces, so ours are not."""
    made = Environment(  # noqa: S701  # YAML and Python are no HTML; values are names of files, hosts and branches
        loader=PackageLoader("kindgate.adoption"),
        variable_start_string="[[",
        variable_end_string="]]",
        block_start_string="[%",
        block_end_string="%]",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
    )
    made.filters["quoted"] = shlex.quote
    return made
