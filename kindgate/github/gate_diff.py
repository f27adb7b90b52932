"""A pull request's changes to the gate that judges it: workflows, objectives, tests, manifests."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from kindgate.errors import CommandFailed, SloError
from kindgate.gate_paths import GATE_FOLDERS, GATE_NAMES, below, matches
from kindgate.github.context import PullRequest
from kindgate.host import command
from kindgate.report.frozen_record import LINE_LIMIT, NAME_LIMIT
from kindgate.report.markdown_escape import shortened
from kindgate.report.objective_records import GateChanges, ThresholdChange
from kindgate.slo.slo_file import parse_document
from kindgate.waiting import Deadline

_SLO_FILE = re.compile(r"(.*[._-])?slo\.ya?ml", re.IGNORECASE)
_FILES_LIMIT = 500
CHANGES_LIMIT = 200
"""Maximum changed objectives in a report."""


def is_slo_file(path: str) -> bool:
    """Whether a file of this name contains objectives: `slo.yaml`, `checkout.slo.yml`."""
    return _SLO_FILE.fullmatch(PurePosixPath(path).name) is not None


def gate_files(paths: Iterable[str], own: Sequence[str] = ()) -> tuple[str, ...]:
    """The `paths` (with `/`, relative to the repository root) that belong to the gate, sorted, without duplicates.

    `own` are files and folders that a run was configured to judge by, under any name.
    """
    kept = sorted({path for path in paths if matches(path, (*GATE_NAMES, *GATE_FOLDERS)) or below(path, own)})
    if len(kept) > _FILES_LIMIT:
        kept = [*kept[: _FILES_LIMIT - 1], f"and {len(kept) - _FILES_LIMIT + 1} more"]
    return tuple(shortened(path, NAME_LIMIT) for path in kept)


def threshold_changes(file: str, old: str, new: str) -> tuple[ThresholdChange, ...]:
    """Every objective that differs between two texts of an objectives file; an empty text is a missing file.

    Objectives with the same metric and aggregation (`p(95)` of `http_req_duration`) are the same objective with a different
    limit. A text that cannot be read counts as one change.
    """
    before, after = _objectives(file, old), _objectives(file, new)
    rows = [
        ThresholdChange(
            file=shortened(file, NAME_LIMIT),
            metric=shortened(metric, NAME_LIMIT),
            old=shortened(before.get(metric, ""), LINE_LIMIT),
            new=shortened(after.get(metric, ""), LINE_LIMIT),
        )
        for metric in sorted(before.keys() | after.keys())
        if before.get(metric) != after.get(metric)
    ]
    return tuple(rows[:CHANGES_LIMIT])


def changes_in_checkout(
    root: Path, pull: PullRequest, deadline: Deadline, *, slo_file: Path = Path("slo.yaml"), folders: Sequence[Path] = ()
) -> GateChanges:
    """The gate changes of the pull request checked out at `root`.

    `slo_file` and `folders` are used by this run, relative to `root`; they belong to the gate under any name. GitHub checks
    out a merge of base and head: its difference to its first parent is the pull request, and requires `fetch-depth: 2`.
    Elsewhere both commits must exist. Raises `CommandError` if git fails.
    """
    base, head = _compared_commits(root, pull, deadline)
    listed = _git(root, deadline, "diff", "--name-only", "--no-renames", "-z", base, head)
    suite_paths = [_in_repository(root, path, deadline) for path in (slo_file, *folders)]
    files = gate_files((path for path in listed.split("\0") if path), [path for path in suite_paths if path])
    thresholds = [
        change
        for file in files
        if is_slo_file(file) or file == suite_paths[0]
        for change in threshold_changes(file, _text_at(root, deadline, base, file), _text_at(root, deadline, head, file))
    ]
    return GateChanges(files=files, thresholds=tuple(thresholds[:CHANGES_LIMIT]))


def _objectives(file: str, text: str) -> dict[str, str]:
    """The expressions of each objective, by metric and aggregation."""
    if not text.strip():
        return {}
    try:
        document = parse_document(text, file)
    except (SloError, RecursionError) as error:
        return {"the whole file": f"unreadable: {str(error).splitlines()[0]}"}
    found: dict[str, list[str]] = {}
    for threshold in document.thresholds:
        found.setdefault(f"{threshold.selector}: {threshold.expression.aggregate}", []).append(str(threshold.expression))
    for tolerance in document.compare:
        found.setdefault(f"compare: {tolerance.figure}", []).append(str(tolerance))
    for one in document.scenarios:
        found.setdefault(f"scenarios: {one.scenario}: {one.selector}: {one.expression.aggregate}", []).append(str(one.expression))
    if document.policy:
        found["scenarios: policy"] = [str(rule) for rule in document.policy]
    if document.answers is not None:
        found["compare: answers"] = [str(document.answers)]
    sizes = document.bursts
    for name, value in (("count", sizes.count), ("rate", sizes.rate), ("duration", sizes.duration)):
        if value is not None:
            found[f"bursts: {name}"] = [f"{value:g}"]
    return {metric: ", ".join(sorted(expressions)) for metric, expressions in found.items()}


def _compared_commits(root: Path, pull: PullRequest, deadline: Deadline) -> tuple[str, str]:
    """The two commits whose difference is the pull request."""
    parents = _git(root, deadline, "rev-list", "--parents", "--max-count=1", "HEAD").split()[1:]
    if len(parents) == 2 and parents[1] == pull.head_sha:
        return parents[0], "HEAD"
    return _git(root, deadline, "merge-base", pull.base_sha, pull.head_sha).strip(), pull.head_sha


def _in_repository(root: Path, path: Path, deadline: Deadline) -> str:
    """A path of the suite as git lists it, relative to the repository root; empty if outside of the repository."""
    top = Path(_git(root, deadline, "rev-parse", "--show-toplevel").strip())
    absolute = (root / path).resolve()
    return absolute.relative_to(top.resolve()).as_posix() if absolute.is_relative_to(top.resolve()) and absolute != top.resolve() else ""


def _text_at(root: Path, deadline: Deadline, commit: str, file: str) -> str:
    """A file's text at a commit; empty if missing."""
    try:
        return _git(root, deadline, "show", "--no-ext-diff", "--no-textconv", f"{commit}:{file}")
    except CommandFailed:
        return ""


def _git(root: Path, deadline: Deadline, *args: str) -> str:
    return command.run(["git", "-C", root, *args], deadline=deadline).stdout
