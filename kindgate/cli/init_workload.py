"""The part of `kindgate init` that creates a workload from an API description, a recording, a k6 script or an access log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kindgate.scaffold.file_changes import Change
    from kindgate.scaffold.workload_sources.imported import Imported
    from kindgate.scaffold.workload_sources.importing import ImportRequest

_NOTE_LENGTH = 200
"""Maximum characters of a note on the terminal; the file has all of it."""


def import_request(
    named: Mapping[str, str | Path | None], *, unsafe: bool, include: Sequence[str], host: str, folder: Path | None
) -> ImportRequest | None:
    """The request of a command line; `named` maps the options that name a source to their values.

    Raises `SettingsError` for several sources, and for options that do not fit.
    """
    from kindgate.errors import SettingsError  # noqa: PLC0415  # keeps --help quick
    from kindgate.scaffold.workload_sources.importing import ImportRequest, SourceKind  # noqa: PLC0415  # the same
    from kindgate.scaffold.workload_sources.selection import Selection  # noqa: PLC0415  # the same

    given = {option: str(value) for option, value in named.items() if value}
    if len(given) > 1:
        raise SettingsError(f"{' and '.join(given)} cannot be combined", next_step="import one source, and add routes of the other by hand")
    if not given:
        dependent = {"--unsafe": unsafe, "--include": include, "--host": host, "--workload-dir": folder}
        lone = next((option for option, value in dependent.items() if value), "")
        if lone:
            raise SettingsError(f"{lone} needs a source of load", next_step=f"name one: {', '.join(named)}")
        return None
    option, name = next(iter(given.items()))
    if host and option == SourceKind.OPENAPI:
        raise SettingsError(f"--host does not apply to {option}: paths are those of the first server", next_step="remove --host")
    return ImportRequest(SourceKind(option), name, Selection(unsafe, tuple(include), host))


def import_workload(request: ImportRequest) -> Imported:
    """Read the source; raises `SettingsError` and `SloError`."""
    from kindgate.scaffold.workload_sources.importing import import_workload as imported  # noqa: PLC0415  # keeps --help quick

    return imported(request)


def write_import(folder: Path, root: Path, imported: Imported, request: ImportRequest, *, dry_run: bool) -> None:
    """Show the files of an import in `folder` and write them, and print what was left out and what to do next."""
    from kindgate.scaffold.file_changes import write  # noqa: PLC0415  # keeps --help quick
    from kindgate.scaffold.workload_files import dropped_lines, plan_workload, summary_of, variables_of  # noqa: PLC0415  # the same

    plan = plan_workload(folder, imported, request)
    print(f"workload: {summary_of(imported)}")
    print_changes(root, plan.changes, dry_run=dry_run)
    if imported.dropped:
        print("dropped:")
    for line in dropped_lines(imported.dropped):
        print(f"  {line}")
    for note in imported.notes:
        print(f"note: {note if len(note) <= _NOTE_LENGTH else f'{note[: _NOTE_LENGTH - 1]}…'}")
    if imported.rate is not None:
        print(f"note: the source peaked at {imported.rate:g} per second: compare it with bursts: rate in slo.yaml")
    if variables := variables_of(imported):
        print(f"note: the workload reads environment variables: {', '.join(variables)}")
    if plan.lines:
        print("note: add to the SLO file:")
        print("\n".join(f"  {line}" for line in plan.lines))
    if not dry_run:
        write(plan.changes)


def print_changes(root: Path, changes: Sequence[Change], *, dry_run: bool) -> None:
    """Print one line per file, and the diff of existing files that differ; with --dry-run, every diff."""
    from kindgate.scaffold.file_changes import Kind  # noqa: PLC0415  # keeps --help quick

    for change in changes:
        name = change.path.relative_to(root).as_posix() if change.path.is_relative_to(root) else str(change.path)
        print(f"{change.kind:>14}  {name}")
        has_diff = change.kind in {Kind.KEEP, Kind.UPDATE} or (dry_run and change.kind is not Kind.SAME)
        if has_diff and not change.path.name.startswith(".kindgate-"):
            print(change.diff(name))
    if dry_run:
        print("nothing written (--dry-run)")
