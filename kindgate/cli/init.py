"""`kindgate init`: set up a repository with manifests to be judged, in five minutes."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from kindgate.deploy.helm_charts import Helm
    from kindgate.deploy.manifest_sources import Renderer
    from kindgate.model import Rendered
    from kindgate.scaffold.init_arguments import InitArguments
    from kindgate.scaffold.manifest_choice import Choice
    from kindgate.scaffold.provenance import Provenance
    from kindgate.scaffold.repository import Repository
    from kindgate.scaffold.suite_files import Plan
    from kindgate.waiting import Deadline

_LOAD = "Where load comes from"

INIT_SECONDS = 1800.0
"""Includes compiling kubectl, if no registry is reachable."""


def init(  # noqa: PLR0917  # typer calls it by name
    overlay: Annotated[
        Path | None,
        typer.Option(help="Application manifests: a Kustomize overlay, a folder or file of YAML, or a Helm chart", metavar="PATH"),
    ] = None,
    values: Annotated[list[Path] | None, typer.Option(help="Helm values file; repeatable", metavar="FILE")] = None,
    namespace: Annotated[str, typer.Option(help="Namespace of the Helm release", metavar="NAME")] = "",
    image: Annotated[
        list[str] | None,
        typer.Option(
            help="Image to use for NAME, a placeholder that a pipeline replaces and no Dockerfile builds; repeatable", metavar="NAME=IMAGE"
        ),
    ] = None,
    directory: Annotated[
        Path, typer.Option("--dir", help="Folder of the application, in a repository that holds several", metavar="DIR")
    ] = Path(),
    source: Annotated[
        str,
        typer.Option(
            help="Repository and commit of the reusable workflows; default: where pip installed kindgate from",
            metavar="OWNER/REPOSITORY@COMMIT",
        ),
    ] = "",
    sealed: Annotated[bool, typer.Option("--sealed", help="Write workflows that run pull request code only in containers")] = False,
    from_openapi: Annotated[
        str, typer.Option(help="Create a workload from an OpenAPI 3 or Swagger 2 document", metavar="FILE|URL", rich_help_panel=_LOAD)
    ] = "",
    from_har: Annotated[
        Path | None, typer.Option(help="Create a workload from a browser's recording", metavar="FILE", rich_help_panel=_LOAD)
    ] = None,
    from_k6: Annotated[
        Path | None,
        typer.Option(help="Create a workload from the constant requests of a k6 script", metavar="FILE", rich_help_panel=_LOAD),
    ] = None,
    from_access_log: Annotated[
        Path | None,
        typer.Option(
            help="Create a workload from an access log: common or combined format, or JSON lines; also .gz",
            metavar="FILE",
            rich_help_panel=_LOAD,
        ),
    ] = None,
    unsafe: Annotated[
        bool,
        typer.Option("--unsafe", help="Send requests that may change data; otherwise they are written as comments", rich_help_panel=_LOAD),
    ] = False,
    include: Annotated[
        list[str] | None,
        typer.Option(help="Pattern of paths to import, such as /api/*; repeatable", metavar="PATTERN", rich_help_panel=_LOAD),
    ] = None,
    host: Annotated[
        str,
        typer.Option(
            help="The application's host in the source; default: the one of the first page or request",
            metavar="HOST",
            rich_help_panel=_LOAD,
        ),
    ] = "",
    workload_dir: Annotated[
        Path | None,
        typer.Option(help="Folder for the workload, and write nothing else; default: the suite's", metavar="DIR", rich_help_panel=_LOAD),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the changes without writing them")] = False,
) -> None:
    """Set up a repository: a suite in `e2e/` and two workflows. Files written by a person are never overwritten.

    Run it again with other arguments to update files that were not edited since. Omitted arguments keep their previous values.

    In a repository that has a suite, `--from-...` adds a workload and changes nothing else.

    Examples: `kindgate init --overlay deploy/overlays/ci`, `kindgate init --dir services/a` for one application of several, or
    `kindgate init --from-openapi api/openapi.yaml`.
    """
    from kindgate.cli.init_workload import import_request, import_workload, print_changes, write_import  # noqa: PLC0415  # keeps --help quick
    from kindgate.scaffold.file_changes import write  # noqa: PLC0415  # the same
    from kindgate.scaffold.init_arguments import NO_ARGUMENTS, InitArguments, with_last_arguments  # noqa: PLC0415  # the same
    from kindgate.scaffold.provenance import provenance  # noqa: PLC0415  # the same
    from kindgate.scaffold.repository import find_repository  # noqa: PLC0415  # the same
    from kindgate.scaffold.suite_files import wanted_changes  # noqa: PLC0415  # the same
    from kindgate.scaffold.suite_folder import is_suite  # noqa: PLC0415  # the same
    from kindgate.waiting import Deadline  # noqa: PLC0415  # the same

    named = {"--from-openapi": from_openapi, "--from-har": from_har, "--from-k6": from_k6, "--from-access-log": from_access_log}
    request = import_request(named, unsafe=unsafe, include=include or (), host=host, folder=workload_dir)
    imported = import_workload(request) if request is not None else None  # first, so that nothing is written for a bad source
    given = InitArguments(overlay, tuple(values or ()), namespace, tuple(image or ()), sealed)
    deadline = Deadline.after(INIT_SECONDS)
    repository = find_repository(directory, deadline)
    has_suite = workload_dir is not None or is_suite(repository.suite)
    if request is not None and imported is not None and has_suite and given == NO_ARGUMENTS and not source:
        write_import(workload_dir.resolve() if workload_dir else repository.suite, repository.root, imported, request, dry_run=dry_run)
        return
    origin = provenance(source)
    arguments = with_last_arguments(repository.suite, given)
    plan = _planned(repository, arguments, deadline)
    changes = wanted_changes(repository, plan, origin, arguments)
    print_changes(repository.root, changes, dry_run=dry_run)
    for note in (*plan.adaptation.notes, *plan.application.notes):
        print(f"note: {note}")
    if not dry_run:
        write(changes)
        _validate(repository, deadline)
    if request is not None and imported is not None:
        print()
        write_import(repository.suite, repository.root, imported, request, dry_run=dry_run)
    _print_next_steps(repository, plan, origin)


def _planned(repository: Repository, arguments: InitArguments, deadline: Deadline) -> Plan:
    """Choose, render and read the manifests, and print the choice with its reason; raise `ManifestError` if they cannot be judged."""
    from kindgate.deploy.helm_charts import Helm  # noqa: PLC0415  # the same
    from kindgate.deploy.manifest_sources import SourceKind, source_kind  # noqa: PLC0415  # the same
    from kindgate.deploy.normalize import normalized  # noqa: PLC0415  # the same
    from kindgate.deploy.tls import with_run_certificates  # noqa: PLC0415  # the same
    from kindgate.scaffold.adaptation import adaptation, with_placeholders  # noqa: PLC0415  # keeps --help quick
    from kindgate.scaffold.builds import exposed_ports, find_builds  # noqa: PLC0415  # the same
    from kindgate.scaffold.hints import read_hints  # noqa: PLC0415  # the same
    from kindgate.scaffold.manifest_choice import Choice, choose_manifests, choose_values  # noqa: PLC0415  # the same
    from kindgate.scaffold.manifest_facts import application_of, images_of, refuse_templates  # noqa: PLC0415  # the same
    from kindgate.scaffold.placeholder_images import image_changes, parse_image_options, placeholder_names  # noqa: PLC0415  # the same
    from kindgate.scaffold.repository_tree import scan_tree  # noqa: PLC0415  # the same
    from kindgate.scaffold.suite_files import Plan  # noqa: PLC0415  # the same

    hints = read_hints(repository.folder)
    if arguments.overlay is not None:
        choice = Choice((arguments.overlay,))
    else:
        choice = choose_manifests(repository.folder, scan_tree(repository.folder), Path.cwd(), hints.manifests)
    charts = [path for path in choice.paths if source_kind(path) is SourceKind.CHART]
    files = arguments.values or (choose_values(charts[0]) if len(charts) == 1 else ())
    renderer, rendered = _rendered(choice.paths, Helm(files, namespace=arguments.namespace), deadline)
    _print_choice(choice, files, renderer.helm)
    refuse_templates(rendered)
    names, images = placeholder_names(rendered), images_of(rendered)
    builds = find_builds(repository.folder, images, hints.images, repository.root.name, tuple(dict.fromkeys(names.values())))
    changes, notes = image_changes(
        rendered, names, {build.image: build.built for build in builds.found}, parse_image_options(arguments.images)
    )
    adapted = adaptation(rendered, exposed=exposed_ports(builds, images, names), images=changes, notes=notes)
    prerequisites = _prerequisites(repository, renderer)
    *_, complete = with_run_certificates(normalized((*prerequisites, adapted.applied(rendered))))
    adapted = with_placeholders(adapted, rendered, complete, [item for part in prerequisites for item in part.objects])
    return Plan(choice.paths, application_of(complete, builds), adapted, files, arguments.namespace, renderer.helm.enabled)


def _prerequisites(repository: Repository, renderer: Renderer) -> tuple[Rendered, ...]:
    """Manifests that existing suite settings apply before the overlay; validation reports errors in them."""
    from kindgate.cli.command_options import project_settings  # noqa: PLC0415  # keeps --help quick
    from kindgate.deploy.normalize import normalized  # noqa: PLC0415  # the same
    from kindgate.errors import KindgateError  # noqa: PLC0415  # the same

    try:
        settings = project_settings(repository.folder, {})
        return normalized([renderer.prerequisite(settings.path(path)) for path in settings.deploy.apply])
    except KindgateError:
        return ()


def _rendered(paths: Sequence[Path], helm: Helm, deadline: Deadline) -> tuple[Renderer, Rendered]:
    """The objects of all paths, and their renderer, with Helm allowed if a kustomization has helmCharts."""
    from kindgate.cli.command_options import project_settings  # noqa: PLC0415  # the same
    from kindgate.cli.console import stopwatch_progress  # noqa: PLC0415  # keeps --help quick
    from kindgate.errors import ManifestError  # noqa: PLC0415  # the same
    from kindgate.model import Rendered  # noqa: PLC0415  # the same
    from kindgate.pipeline.run_tools import find_kubectl, renderer  # noqa: PLC0415  # the same

    settings, progress = project_settings(Path.cwd(), {}), stopwatch_progress()
    source = replace(renderer(settings, find_kubectl(settings, deadline, progress), deadline, progress), helm=helm)
    try:
        parts = [source.render(path) for path in paths]
    except ManifestError as error:
        if "helmCharts" not in error.message:
            raise
        source = replace(source, helm=replace(helm, enabled=True))
        parts = [source.render(path) for path in paths]
    origins = {ref: file for part in parts for ref, file in part.origins.items()}
    return source, Rendered(paths[0], tuple(item for part in parts for item in part.objects), origins)


def _print_choice(choice: Choice, values: Sequence[Path], helm: Helm) -> None:
    from kindgate.scaffold.manifest_facts import relative_path  # noqa: PLC0415  # keeps --help quick

    named = ", ".join(relative_path(path, Path.cwd()) for path in choice.paths)
    print(f"manifests: {named}" + (f" ({choice.reason})" if choice.reason else ""))
    if values:
        print(f"values: {', '.join(relative_path(file, Path.cwd()) for file in values)}")
    if helm.enabled:
        print("helm: allowed for the helmCharts of the kustomization (app_enable_helm = true)")


def _validate(repository: Repository, deadline: Deadline) -> None:
    """Print everything left to do before the suite can run, except images still to be built."""
    from kindgate.cli.command_options import project_settings  # noqa: PLC0415  # keeps --help quick
    from kindgate.cli.console import stopwatch_progress, without_secrets  # noqa: PLC0415  # the same
    from kindgate.errors import KindgateError  # noqa: PLC0415  # the same
    from kindgate.pipeline.app_secrets import refuse_missing  # noqa: PLC0415  # the same
    from kindgate.pipeline.inputs import check_application  # noqa: PLC0415  # the same
    from kindgate.pipeline.run_tools import Tools, find_kubectl  # noqa: PLC0415  # the same

    settings = project_settings(repository.folder, {})
    try:
        checked = check_application(settings, Tools(find_kubectl(settings, deadline, stopwatch_progress()), None), deadline)
        remaining = [f"{finding.level}: {finding}" for finding in checked.findings]
        for note in checked.notes:
            print(f"note: {note}")
        refuse_missing(settings, checked.secrets)
    except KindgateError as error:
        remaining = [f"error: {without_secrets(str(error))}"]
    errors = [line for line in remaining if line.startswith("error")]
    print(
        f"\n{'Before the suite can run, fix' if errors else 'The manifests are valid'}"
        + ("; worth checking:" if remaining and not errors else ":" * bool(remaining))
    )
    for line in remaining:
        print(f"  {line}")


def _print_next_steps(repository: Repository, plan: Plan, origin: Provenance) -> None:
    from kindgate.scaffold.manifest_facts import relative_path  # noqa: PLC0415  # keeps --help quick

    if not origin.known:
        print("note: the workflows call OWNER/kindgate at COMMIT: replace both, or run init again with --source OWNER/REPOSITORY@COMMIT")
    builds = plan.application.builds
    first_command = "kindgate build" if builds else "kindgate doctor"
    if len(builds) == 1 and not builds[0].target:
        build = builds[0]
        file = ["-f", relative_path(build.context / build.dockerfile, repository.folder)] if build.dockerfile else []
        engine = "podman" if shutil.which("docker") is None and shutil.which("podman") is not None else "docker"
        first_command = shlex.join([engine, "build", "-t", build.built, *file, relative_path(build.context, repository.folder)])
    print("\nNext:")
    if repository.folder != Path.cwd():
        print(f"  cd {repository.folder}")
    for command in (first_command, "kindgate validate", f"pytest {repository.suite.name}"):
        print(f"  {command}")


def seal(
    base: Annotated[Path, typer.Argument(help="Checkout of the base branch, whose suite is used", metavar="BASE")],
    judged: Annotated[Path, typer.Argument(help="Checkout of the pull request, which is modified in place", metavar="JUDGED")],
    directory: Annotated[str, typer.Option("--dir", help="Folder of the suite, relative to the repository root", metavar="DIR")] = "e2e",
) -> None:
    """Prepare a pull request's files to be judged as data: take the suite from BASE, and delete links.

    Example: `kindgate seal base judged`, as the sealed workflow does before `pytest e2e` runs in JUDGED.
    """
    from kindgate.scaffold.seal import seal as seal_suite  # noqa: PLC0415  # keeps --help quick

    for link in seal_suite(base, judged, directory):
        print(f"deleted link: {link!r}")
    print(f"replaced the suite in {directory} with the one from {base}")
