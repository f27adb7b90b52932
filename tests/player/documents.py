"""Workflow and action files: parsing, and resolution of `uses:`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_REMOTE = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)(?:/(?P<path>[^@]+))?@(?P<ref>\S+)")


class NotSupported(Exception):
    """The workflow uses a GitHub feature that the player lacks; no test may pass because of that."""


@dataclass(frozen=True)
class Tree:
    """The files of one commit of a repository, against which relative `uses:` are resolved."""

    root: Path
    repository: str
    sha: str


@dataclass(frozen=True)
class Document:
    """A workflow or action: its content, and its path in its tree."""

    tree: Tree
    path: str
    content: Mapping[str, Any]

    @property
    def reference(self) -> str:
        """The name on GitHub: `owner/name/path@sha`."""
        return f"{self.tree.repository}/{self.path}@{self.tree.sha}"


@dataclass(frozen=True)
class Library:
    """Local copies of repositories that `uses:` may name; each has one commit, regardless of the requested ref."""

    repositories: Mapping[str, Path] = field(default_factory=dict)

    def find(self, uses: str, used_in: Tree) -> tuple[Tree, str]:
        """The tree and path for `uses`: `$/path`, `./path` or `owner/name/path@ref`; raises `NotSupported`."""
        if uses.startswith(("$/", "./")):
            return used_in, uses[2:]
        found = _REMOTE.fullmatch(uses)
        if found is None or found["repository"] not in self.repositories:
            raise NotSupported(f"uses: {uses}")
        repository = found["repository"]
        return Tree(self.repositories[repository], repository, found["ref"]), found["path"] or ""


def read_workflow(tree: Tree, path: str) -> Document:
    """Read a workflow; YAML 1.1 parses its key `on` as true."""
    content: dict[Any, Any] = yaml.safe_load((tree.root / path).read_text())
    return Document(tree, path, {("on" if key is True else key): value for key, value in content.items()})


def read_action(tree: Tree, path: str) -> Document:
    """Read the composite action in a folder; raises `NotSupported` for any other kind."""
    file = next((name for name in ("action.yml", "action.yaml") if (tree.root / path / name).is_file()), "action.yml")
    document = Document(tree, path, yaml.safe_load((tree.root / path / file).read_text()))
    if document.content["runs"]["using"] != "composite":
        raise NotSupported(f"{document.reference} is no composite action")
    return document


def triggers(document: Document) -> Mapping[str, Mapping[str, Any]]:
    """The workflow's triggers: filters by event."""
    triggered_by = document.content["on"]
    if isinstance(triggered_by, str):
        return {triggered_by: {}}
    if isinstance(triggered_by, list):
        return {event: {} for event in triggered_by}
    return {event: filters if isinstance(filters, dict) else {} for event, filters in triggered_by.items()}


_USUAL_TYPES: Mapping[str, tuple[str, ...]] = {
    "pull_request": ("opened", "synchronize", "reopened"),
    "pull_request_target": ("opened", "synchronize", "reopened"),
}


def is_started_by(document: Document, event: str, *, action: str = "", branch: str = "", workflow: str = "") -> bool:
    """Whether an event triggers a workflow, by its activity type, its branch (a pull request's base) and the workflow that ran."""
    filters = triggers(document).get(event)
    if filters is None:
        return False
    unknown = set(filters) - {"types", "branches", "workflows"}
    if unknown:
        raise NotSupported(f"{document.path}: on.{event}.{unknown.pop()}")
    types = filters.get("types", _USUAL_TYPES.get(event, ()))
    types = [types] if isinstance(types, str) else types
    return (
        (not types or not action or action in types)
        and ("branches" not in filters or branch in filters["branches"])
        and ("workflows" not in filters or workflow in filters["workflows"])
    )
