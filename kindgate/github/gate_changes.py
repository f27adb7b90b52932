"""A pull request's changes to the gate that judges it, read from GitHub's API: the list of files, and the commits themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kindgate.errors import GitHubRefused, SettingsError
from kindgate.gate_paths import GATE_NAMES, matches
from kindgate.github.client import Api
from kindgate.github.gate_diff import CHANGES_LIMIT, gate_files, is_slo_file, threshold_changes
from kindgate.github.gate_files import gate_paths_of, objectives_path
from kindgate.github.replies import ChangedFile, PullState
from kindgate.github.retry import retried
from kindgate.github.suite_settings import Suite, suite_settings
from kindgate.report.frozen_record import LINE_LIMIT
from kindgate.report.markdown_escape import shortened
from kindgate.report.objective_records import GateChanges, ThresholdChange
from kindgate.waiting import Deadline

FILES_LIMIT = 3000
"""Maximum files of a pull request that GitHub lists (docs.github.com, "List pull requests files")."""

SLO_TEXT_LIMIT = 64 * 1024
"""Maximum characters of an objectives file to compare."""

CI = ".github"


@dataclass(frozen=True)
class PullChanges:
    """The files that a pull request changes, by old and new names, and its changes to its gate.

    `complete` is whether the list is complete.
    """

    names: tuple[str, ...]
    gate: GateChanges
    complete: bool = True


@dataclass
class Commit:
    """The files of one commit, each requested once; `blobs` is its whole tree, None if GitHub truncates it."""

    api: Api
    sha: str
    deadline: Deadline
    texts: dict[str, str] = field(default_factory=dict)
    folders: dict[str, dict[str, str]] = field(default_factory=dict)
    blobs: dict[str, str] | None = None
    tree_read: bool = False

    def tree(self) -> dict[str, str] | None:
        """Each file of the commit with its blob; None if there are too many."""
        if not self.tree_read:
            blobs, truncated = retried(f"the files of {self.sha[:10]}", lambda: self.api.tree(self.sha), self.deadline)
            self.blobs, self.tree_read = (None if truncated else blobs), True
        return self.blobs

    def text(self, path: str) -> str:
        """A file's text; empty if missing."""
        blobs = self.tree()
        if blobs is not None and path not in blobs:
            return ""
        if path not in self.texts:
            self.texts[path] = retried(path, lambda: self.api.file(path, self.sha), self.deadline)
        return self.texts[path]

    def version(self, path: str) -> str:
        """The hash of a file or folder at this commit; empty if missing."""
        parent, _, name = path.rpartition("/")
        if parent not in self.folders:
            self.folders[parent] = retried(parent or "the root", lambda: self.api.folder(parent, self.sha), self.deadline)
        return self.folders[parent].get(name, "")


def read_changes(api: Api, pull: PullState, suite: Suite, deadline: Deadline) -> PullChanges:
    """A pull request's changes, and those to its gate as the base defines it.

    `GateChanges.notes` lists facts that GitHub does not show. Raises `GitHubRefused` if even the list of files is unavailable.
    """
    listed = retried("the files of the pull request", lambda: api.changed_files(pull.number), deadline)
    names = _file_names(listed)
    truncated = len(listed) >= FILES_LIMIT
    try:
        merge_base = retried("the merge base", lambda: api.merge_base(pull.base_sha, pull.head_sha), deadline)
        return _changes_between(Commit(api, merge_base, deadline), Commit(api, pull.head_sha, deadline), names, suite, truncated=truncated)
    except GitHubRefused as error:
        notes = [f"the base's own gate files and the changed thresholds are unknown: {error.message}"]
        notes += [_TRUNCATED_NOTE] if truncated else []
        return PullChanges(names, _gate(names, (), (), notes), complete=not truncated)


_TRUNCATED_NOTE = f"GitHub lists only {FILES_LIMIT:,} of the changed files; the others are unknown"


def _changes_between(base: Commit, head: Commit, names: tuple[str, ...], suite: Suite, *, truncated: bool) -> PullChanges:
    """The changes between two commits, from the changed files that GitHub lists."""
    notes: list[str] = []
    try:
        settings = suite_settings(base.text, suite)
        suite_paths = gate_paths_of(base.text, settings)
        objectives = {objectives_path(settings)}
    except SettingsError as error:
        suite_paths, objectives = (), set()
        notes.append(f"cannot read the base's own settings: {error.message}")
    complete = not truncated
    if truncated:
        names, complete, note = _changes_beyond_list(base, head, names, suite_paths)
        notes.append(note)
    slo_files = [name for name in names if is_slo_file(name) or name in objectives]
    thresholds = [change for file in slo_files for change in _threshold_changes(file, base, head)]
    return PullChanges(names, _gate(names, suite_paths, thresholds, notes), complete)


def _changes_beyond_list(
    base: Commit, head: Commit, names: tuple[str, ...], suite_paths: Sequence[str]
) -> tuple[tuple[str, ...], bool, str]:
    """All changed file names if GitHub's list is incomplete, whether they are complete now, and a note about it."""
    before, after = base.tree(), head.tree()
    if before is not None and after is not None:
        return (
            tuple(sorted({*names, *differing(before, after)})),
            True,
            f"GitHub lists only {FILES_LIMIT:,} of the changed files, so the two commits were compared",
        )
    gate_paths = {CI, *suite_paths, *(name for commit in (base, head) for name in _root(commit) if matches(name, GATE_NAMES))}
    changed = {path for path in gate_paths if base.version(path) != head.version(path)}
    note = (
        f"GitHub lists only {FILES_LIMIT:,} of the changed files and truncates the commits' trees: only the base's gate files were compared"
    )
    return tuple(sorted({*names, *(f"{CI}/workflows/*" if path == CI else path for path in changed)})), False, note


def differing(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """The files that differ between two commits, given as blobs by name."""
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def _root(commit: Commit) -> Iterable[str]:
    commit.version(CI)
    return commit.folders[""]


def _threshold_changes(file: str, base: Commit, head: Commit) -> tuple[ThresholdChange, ...]:
    """The objectives of a file that differ; a file that is too large counts as one change."""
    try:
        old, new = base.text(file), head.text(file)
    except GitHubRefused as error:
        if error.status != 413:
            raise
        return (ThresholdChange(file=shortened(file, 300), metric="the whole file", new="larger than GitHub returns"),)
    if max(len(old), len(new)) > SLO_TEXT_LIMIT:
        return (ThresholdChange(file=shortened(file, 300), metric="the whole file", new=f"larger than {SLO_TEXT_LIMIT} characters"),)
    return threshold_changes(file, old, new)


def _gate(names: Iterable[str], suite_paths: Sequence[str], thresholds: Sequence[ThresholdChange], notes: Sequence[str]) -> GateChanges:
    return GateChanges(
        files=gate_files(names, suite_paths),
        thresholds=tuple(thresholds[:CHANGES_LIMIT]),
        notes=tuple(shortened(note, LINE_LIMIT) for note in notes),
    )


def _file_names(listed: Iterable[ChangedFile]) -> tuple[str, ...]:
    return tuple(sorted({name for file in listed for name in (file.name, file.previous) if name}))
