"""A machine that stand-ins make up: a container engine, a kind and an API server, with what they keep."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from kindgate.host.engine import Engine
from tests.unit.cluster.stand_in import add

NODE_IMAGE = "kindest/node:v0"


@dataclass
class Machine:
    """What the stand-ins keep: see `stand_in.py`. `deleted` are paths that the API server answers with 404."""

    root: Path
    engine: Engine
    kind: Path
    api: str = ""
    deleted: set[str] = field(default_factory=set)

    @property
    def containers(self) -> list[str]:
        """The names of all containers."""
        return sorted(file.name for file in (self.root / "names").iterdir())

    @property
    def networks(self) -> list[str]:
        """The names of all networks."""
        return sorted(file.name for file in (self.root / "networks").iterdir())

    def labels(self, name: str) -> dict[str, str]:
        """The labels of a container."""
        for file in (self.root / "containers").iterdir():
            container = json.loads(file.read_text(encoding="utf-8"))
            if container["Name"] == f"/{name}":
                return dict(container["Config"]["Labels"])
        raise KeyError(name)

    def add(self, name: str, labels: dict[str, str]) -> None:
        """Start a container that is nobody's."""
        add(self.root, name, labels, running=True)

    def stop(self, name: str) -> None:
        """Stop a container."""
        for file in (self.root / "containers").iterdir():
            container = json.loads(file.read_text(encoding="utf-8"))
            if container["Name"] == f"/{name}":
                file.write_text(json.dumps({**container, "State": {"Running": False}}), encoding="utf-8")

    def tell(self, file: str, text: str = "") -> None:
        """Write one of the files that the stand-ins read."""
        (self.root / file).write_text(text, encoding="utf-8")
