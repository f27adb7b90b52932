"""Findings of validation, before anything is created."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from kindgate.model import ObjectRef

Level = Literal["error", "warning"]


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


def strict(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings with policy warnings as errors."""
    return tuple(replace(finding, level="error") if finding.policy else finding for finding in findings)


def errors_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort the findings in the order to fix them: errors first, each level in manifest order."""
    return tuple(sorted(findings, key=lambda finding: finding.level != "error"))
