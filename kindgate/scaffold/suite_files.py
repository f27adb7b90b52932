"""The generated files of a repository: a suite in a separate folder, and two workflows."""

from __future__ import annotations

import functools
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from kindgate.gate_paths import GATE_NAMES
from kindgate.scaffold.adaptation import OVERLAY, UNCHANGED, Adaptation
from kindgate.scaffold.builds import Build
from kindgate.scaffold.file_changes import Change, Kind, compare_files
from kindgate.scaffold.init_arguments import NO_ARGUMENTS, InitArguments
from kindgate.scaffold.manifest_facts import Application, relative_path
from kindgate.scaffold.provenance import Provenance
from kindgate.scaffold.repository import Repository
from kindgate.scaffold.watched_paths import watched_paths
from kindgate.version import __version__


@dataclass(frozen=True)
class Plan:
    """The decisions of `kindgate init`: the manifests (`paths`, one or several), their needs, and Helm's options for them."""

    paths: tuple[Path, ...]
    application: Application
    adaptation: Adaptation = UNCHANGED
    values: tuple[Path, ...] = ()
    namespace: str = ""
    enable_helm: bool = False

    @property
    def adapted(self) -> bool:
        """Whether the suite must use an adapted overlay instead of the manifests themselves."""
        return self.adaptation.needed or len(self.paths) > 1


def wanted_changes(repository: Repository, plan: Plan, source: Provenance, arguments: InitArguments = NO_ARGUMENTS) -> tuple[Change, ...]:
    """Every file that kindgate wants in the repository, compared with the existing ones."""
    wanted = {**dict(_suite_files(repository, plan)), **dict(_workflows(repository, plan, source, sealed=arguments.sealed))}
    changes = compare_files(repository.suite, wanted, arguments.line(repository.suite))
    if plan.adapted or not _names_overlay(changes):
        return changes
    return compare_files(repository.suite, {**wanted, **dict(_overlay_files(repository, plan))}, arguments.line(repository.suite))


def _names_overlay(changes: Iterable[Change]) -> bool:
    """Whether settings edited by a person still use the adapted overlay, although the manifests no longer need one."""
    return any(
        one.path.name == "pytest.ini"
        and one.kind is Kind.KEEP
        and re.search(rf"^app_overlay\s*=\s*{OVERLAY}\s*$", one.before or "", re.MULTILINE)
        for one in changes
    )


def _suite_files(repository: Repository, plan: Plan) -> Iterator[tuple[Path, str]]:
    environment = _environment()
    values = {"folder": repository.suite.name, "settings": _settings(repository, plan)}
    for template, name in (("pytest.ini.j2", "pytest.ini"), ("slo.yaml.j2", "slo.yaml"), ("judge_slo.py.j2", "judge_slo.py")):
        yield repository.suite / name, environment.get_template(template).render(values)
    yield repository.suite / ".gitignore", environment.get_template("gitignore.j2").render()
    if plan.adapted:
        yield from _overlay_files(repository, plan)


def _overlay_files(repository: Repository, plan: Plan) -> Iterator[tuple[Path, str]]:
    overlay = repository.suite / OVERLAY
    for name, text in plan.adaptation.files([relative_path(path, overlay) for path in plan.paths]).items():
        yield overlay / name, text


def _settings(repository: Repository, plan: Plan) -> Mapping[str, str]:
    """The ini values of the suite."""
    suite, application = repository.suite, plan.application
    overlay = OVERLAY if plan.adapted else relative_path(plan.paths[0], suite)
    builds = application.builds
    settings = {
        "app_overlay": overlay,
        "app_values": _setting_lines(relative_path(file, suite) for file in plan.values),
        "app_namespace": plan.namespace,
        "app_enable_helm": "true" if plan.enable_helm else "",
        "app_component": " ".join(application.components),
        "app_image": _setting_lines(f"{build.image}={build.built}" for build in builds),
        "app_build": _setting_lines(build_setting(build, suite) for build in builds),
        "slo_file": "slo.yaml",
    }
    return {key: value for key, value in settings.items() if value}


def build_setting(build: Build, folder: Path) -> str:
    """A build in the form of --app-build, with paths relative to `folder`."""
    more = "".join(f",{key}={value}" for key, value in (("file", build.dockerfile), ("target", build.target)) if value)
    return f"{build.built}={relative_path(build.context, folder)}{more}"


def _setting_lines(values: Iterable[str]) -> str:
    """The values of a setting, one per line if there are several."""
    lines = list(values)
    return lines[0] if len(lines) == 1 else "".join(f"\n    {line}" for line in lines)


def _workflows(repository: Repository, plan: Plan, source: Provenance, *, sealed: bool) -> Iterator[tuple[Path, str]]:
    environment = _environment()
    name = f"kindgate-{repository.slug}" if repository.slug else "kindgate"
    folder = repository.root / ".github" / "workflows"
    values: Mapping[str, object] = {
        "name": name,
        "status": f"kindgate/verdict-{repository.slug}" if repository.slug else "kindgate/verdict",
        "leg": repository.slug or "e2e",
        "needed": ["changes", "e2e"] if repository.slug else ["e2e"],
        "branch": repository.branch,
        "directory": relative_path(repository.suite, repository.root),
        "watched": [*_watched(repository, plan), f".github/workflows/{name}.yml"] if repository.slug else [],
        "gate": [f":(glob,icase){pattern}" for pattern in GATE_NAMES],
        "source": source,
        "version": __version__,
    }
    first, second = ("request.yml.j2", "sealed.yml.j2") if sealed else ("e2e.yml.j2", "report.yml.j2")
    for template, file in ((first, f"{name}.yml"), (second, f"{name}-report.yml")):
        yield folder / file, environment.get_template(template).render(values)


def _watched(repository: Repository, plan: Plan) -> list[str]:
    """The paths that the workflow's job `changes` watches."""
    return watched_paths(repository, (*plan.paths, *plan.values, *(build.context for build in plan.application.builds)))


@functools.cache
def _environment() -> Environment:
    """A template environment with brackets, because GitHub's expressions use braces."""
    environment = Environment(  # noqa: S701  # YAML and Python are no HTML; values are names of files, hosts and branches
        loader=PackageLoader("kindgate.scaffold"),
        variable_start_string="[[",
        variable_end_string="]]",
        block_start_string="[%",
        block_end_string="%]",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
    )
    environment.filters["quoted"] = shlex.quote
    return environment
