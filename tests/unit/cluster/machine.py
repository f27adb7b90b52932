"""A machine made of stand-ins (container engine, kind and API server) and their stored state."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kindgate.cluster.ownership_rules import Owner
from kindgate.errors import CommandFailed
from kindgate.host.command import Completed, OnLine
from kindgate.host.container_engine import Engine
from kindgate.process import ProcessName
from kindgate.waiting import Deadline
from tests.unit.cluster.stand_in import add, containers, docker

NODE_IMAGE = "kindest/node:v0"
NOW = 1_000_000.0
PROCESS = ProcessName(4711, "123456", "boot", "pid:[1]")


class StandInEngine(Engine):
    """An engine that runs its commands in this process, because separate processes would take most of the tests' time."""

    def run(
        self,
        *arguments: str,
        deadline: Deadline,
        input: bytes | str | Path | None = None,  # noqa: A002, ARG002  # the signature of what it stands in for
        on_line: OnLine | None = None,  # noqa: ARG002  # as above
        check: bool = True,
    ) -> Completed:
        """Run the command; `command` is the program that does the same in a separate process."""
        end = docker(self.command.parents[1], list(arguments))
        if check and end.code:
            raise CommandFailed(f"docker {arguments[0]}", returncode=end.code, stdout=end.out, stderr=end.err, waited=deadline.waited)
        return Completed(arguments, end.code, end.out, end.err)


@dataclass
class Machine:
    """The stand-ins' stored state: see `stand_in.py`.

    `deleted` are paths for which the API server returns 404, `not_ready` maps nodes to the kubelet's reason, and
    with `forbidden` every response is 403.
    """

    root: Path
    engine: Engine
    kind: Path
    api: str = ""
    deleted: set[str] = field(default_factory=set)
    not_ready: dict[str, str] = field(default_factory=dict)
    coredns_replicas: int = 2
    forbidden: bool = False
    version: object = field(default_factory=lambda: {"gitVersion": "v1.37.2", "major": "1", "minor": "37"})

    @property
    def containers(self) -> list[str]:
        """Return the names of all containers."""
        return sorted(file.name for file in (self.root / "names").iterdir())

    @property
    def networks(self) -> list[str]:
        """Return the names of all networks."""
        return sorted(file.name for file in (self.root / "networks").iterdir())

    @property
    def volumes(self) -> list[str]:
        """Return the nodes that the volumes belong to."""
        return sorted(file.read_text(encoding="utf-8") for file in (self.root / "volumes").iterdir())

    def labels(self, name: str) -> dict[str, str]:
        """Return a container's labels."""
        return dict(self._container(name)["Config"]["Labels"])

    def add(self, name: str, labels: dict[str, str]) -> None:
        """Start a container, by default without an owner."""
        add(self.root, name, labels, running=True)

    def docker(self, *arguments: str) -> None:
        """Run an engine command."""
        self.engine.run(*arguments, deadline=Deadline.after(10))

    def id_of(self, name: str) -> str:
        """Return a container's id."""
        return str(self._container(name)["Id"])

    def stop(self, name: str) -> None:
        """Stop a container."""
        container = self._container(name)
        stopped = json.dumps({**container, "State": {"Running": False}})
        (self.root / "containers" / container["Id"]).write_text(stopped, encoding="utf-8")

    def configure(self, file: str, text: str = "") -> None:
        """Write one of the files that configure the stand-ins."""
        (self.root / file).write_text(text, encoding="utf-8")

    def _container(self, name: str) -> dict[str, Any]:
        return next(container for container in containers(self.root) if container["Name"] == f"/{name}")


def an_owner(*, process: ProcessName | None = PROCESS, kept: bool = False, keep: str = "never") -> Owner:
    """The owner of cluster `shop`, created ten minutes ago with an hour left."""
    return Owner(
        cluster="shop",
        run_id="run",
        process=process,
        created=NOW - 600,
        deadline=NOW + 3000,
        fingerprint="f",
        keep="always" if keep == "always" else "on-failure" if keep == "on-failure" else "never",
        kept=kept,
        host_port=18080,
        tls_port=18443,
        root=Path("/root"),
        kubeconfig=Path("/state/kubeconfig"),
        node_image="node",
    )
