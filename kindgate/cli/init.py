"""`kindgate init`: five minutes from a repository with an overlay to one that is judged."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from kindgate.adoption.application import Application
    from kindgate.adoption.changes import Change
    from kindgate.adoption.provenance import Provenance
    from kindgate.adoption.repository import Repository
    from kindgate.model import Rendered

INIT_SECONDS = 1800.0
"""On a machine without a registry, kubectl itself may have to be compiled first."""


def init(
    overlay: Annotated[Path | None, typer.Option(help="Kustomize overlay to judge; found when it is left out", metavar="PATH")] = None,
    directory: Annotated[Path, typer.Option("--dir", help="Folder of the application, in a repository of several", metavar="DIR")] = Path(),
    source: Annotated[
        str, typer.Option(help="Where the reusable workflows are; known where pip installed from it", metavar="OWNER/REPOSITORY@COMMIT")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be written, and write nothing")] = False,
) -> None:
    """Make a repository ready: a suite in `e2e/`, and two workflows. Nothing that a person wrote is overwritten.

    Call it again with other arguments: files that nobody edited since are renewed.

    Example: `kindgate init --overlay deploy/overlays/ci`, or `kindgate init --dir services/a` for one application of several.
    """
    from kindgate.adoption.application import look_at  # noqa: PLC0415  # keeps --help quick
    from kindgate.adoption.changes import write  # noqa: PLC0415  # the same
    from kindgate.adoption.files import wanted_changes  # noqa: PLC0415  # the same
    from kindgate.adoption.overlays import choose_overlay  # noqa: PLC0415  # the same
    from kindgate.adoption.provenance import provenance  # noqa: PLC0415  # the same
    from kindgate.adoption.repository import look_around  # noqa: PLC0415  # the same
    from kindgate.waiting import Deadline  # noqa: PLC0415  # the same

    deadline = Deadline.after(INIT_SECONDS)
    origin = provenance(source)
    repository = look_around(directory, deadline)
    chosen = overlay.resolve() if overlay is not None else choose_overlay(repository.folder, Path.cwd())
    names = (repository.folder.name, repository.root.name)
    application = look_at(_rendered(chosen), builds_image=repository.builds_image, names=names)
    changes = wanted_changes(repository, chosen, application, origin)
    _show(repository, changes, dry_run=dry_run)
    if not dry_run:
        write(changes)
    _say_what_is_next(repository, application, origin)


def _rendered(overlay: Path) -> Rendered:
    """The overlay's objects; raises `ManifestError` in Kustomize's own words."""
    import os  # noqa: PLC0415  # keeps --help quick

    from kindgate.cli.console import stopwatch_progress  # noqa: PLC0415  # the same
    from kindgate.deploy.normalize import normalized  # noqa: PLC0415  # the same
    from kindgate.deploy.render import render  # noqa: PLC0415  # the same
    from kindgate.pipeline.tools import find_kubectl  # noqa: PLC0415  # the same
    from kindgate.settings import build_settings  # noqa: PLC0415  # the same
    from kindgate.waiting import Deadline  # noqa: PLC0415  # the same

    deadline = Deadline.after(INIT_SECONDS)
    kubectl = find_kubectl(build_settings(Path.cwd(), {}, {}, os.environ), deadline, stopwatch_progress())
    (rendered,) = normalized((render(overlay, kubectl=kubectl, deadline=deadline),))
    return rendered


def _show(repository: Repository, changes: tuple[Change, ...], *, dry_run: bool) -> None:
    """A line per file; the diff of what exists and differs, and with --dry-run of everything."""
    from kindgate.adoption.changes import Kind  # noqa: PLC0415  # keeps --help quick

    for one in changes:
        name = one.path.relative_to(repository.root).as_posix()
        print(f"{one.kind:>14}  {name}")
        if one.kind is Kind.KEEP or (dry_run and one.kind is not Kind.SAME):
            print(one.diff(name))
    if dry_run:
        print("nothing was written (--dry-run)")


def _say_what_is_next(repository: Repository, application: Application, origin: Provenance) -> None:
    from kindgate.adoption.files import built_image  # noqa: PLC0415  # keeps --help quick

    for note in application.notes:
        print(f"note: {note}")
    if not origin.known:
        print("note: the workflows call OWNER/kindgate at COMMIT: put both in, or call init with --source OWNER/REPOSITORY@COMMIT")
    first = f"docker build -t {built_image(application)} ." if application.image else "kindgate doctor"
    print("\nNext:")
    if repository.folder != Path.cwd():
        print(f"  cd {repository.folder}")
    for command in (first, "kindgate validate", f"pytest {repository.suite.name}"):
        print(f"  {command}")
