"""What validation finds in manifests before anything is created."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kindgate.model import ObjectRef

Level = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with one object; `file` is where the object came from, `path` where in it (`spec.replicas`)."""

    file: str
    object: ObjectRef
    path: str
    message: str
    level: Level = "error"

    def __str__(self) -> str:
        """`k8s/base/foo.yaml: Deployment echo/foo: spec.replicas: 'two' is not of type 'integer'`."""
        return ": ".join(part for part in (self.file, str(self.object), self.path, self.message) if part)
