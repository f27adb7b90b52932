"""Findings of validation, before anything is created, with their lines in the source files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import yaml

from kindgate.model import ObjectRef

Level = Literal["error", "warning"]
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def with_lines(findings: Iterable[Finding], folder: Path) -> tuple[Finding, ...]:
    """Return the findings with their lines, if their files are readable; relative paths start at `folder`.

    A field from a patch or generator is not in the object's source file: its line is that of the nearest enclosing field
    that is.
    """
    documents: dict[str, list[yaml.Node]] = {}
    located = []
    for finding in findings:
        if finding.file not in documents:
            documents[finding.file] = _mapping_nodes(folder / finding.file)
        located.append(replace(finding, line=_line_of(documents[finding.file], finding)))
    return tuple(located)


def _mapping_nodes(file: Path) -> list[yaml.Node]:
    try:
        return [node for node in yaml.compose_all(file.read_text(), Loader=_Loader) if isinstance(node, yaml.MappingNode)]
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return []


def _line_of(documents: Iterable[yaml.Node], finding: Finding) -> int:
    """Return the line, from 1; 0 if the object is not among the documents."""
    kind = finding.object.kind.partition(".")[0]
    same_kind = [node for node in documents if _text(node, "kind") == kind]
    named = [node for node in same_kind if _text(_child(node, "metadata"), "name") == finding.object.name]
    # Kustomize might have added a prefix or suffix to the name
    matching = named or [node for node in same_kind if (_text(_child(node, "metadata"), "name") or "\0") in finding.object.name]
    if len(matching) != 1:
        return 0
    node = matching[0]
    for name, number in _STEP.findall(finding.path):
        child = _child(node, name) if name else _item(node, int(number))
        if child is None:
            break
        node = child
    return int(node.start_mark.line) + 1


def _child(node: yaml.Node | None, key: str) -> yaml.Node | None:
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((value for name, value in pairs if name.value == key), None)


def _item(node: yaml.Node, number: int) -> yaml.Node | None:
    items = node.value if isinstance(node, yaml.SequenceNode) else ()
    return items[number] if number < len(items) else None


def _text(node: yaml.Node | None, key: str) -> str:
    matching = _child(node, key)
    return str(matching.value) if isinstance(matching, yaml.ScalarNode) else ""


@dataclass(frozen=True)
class Finding:
    """One problem of one object.

    `file` is the object's source, `line` the line in it (0 if unknown), and `path` the field (`spec.replicas`). An error
    keeps the object from being applied or its pods from starting; a warning does not. `policy` marks the warnings that
    `--app-strict` turns into errors.
    """

    file: str
    object: ObjectRef
    path: str
    message: str
    level: Level = "error"
    policy: bool = False
    line: int = 0

    def __str__(self) -> str:
        """`k8s/base/foo.yaml:12: Deployment echo/foo: spec.replicas: 'two' is not of type 'integer'`."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (place, str(self.object), self.path, self.message) if part)


def with_strict_policy(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings with policy warnings as errors."""
    return tuple(replace(finding, level="error") if finding.policy else finding for finding in findings)


def errors_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort the findings in the order to fix them: errors first, each level in manifest order."""
    return tuple(sorted(findings, key=lambda finding: finding.level != "error"))
