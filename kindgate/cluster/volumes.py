"""Volumes that kind creates for Podman's nodes: being named, they are not removed with the containers.

kind labels each with its node's name only, not with the cluster's.
"""

from __future__ import annotations

import json
import re
from typing import Any

from kindgate.host.engine import Engine
from kindgate.waiting import Deadline, Pending, Ready


def volumes_of(cluster: str, listing: str) -> tuple[str, ...]:
    """The cluster's volumes in the output of `podman volume ls --format json`."""
    node = re.compile(rf"{re.escape(cluster)}-(?:control-plane|worker)\d*")
    volumes: list[dict[str, Any]] = json.loads(listing or "[]") or []
    return tuple(str(volume["Name"]) for volume in volumes if any(node.fullmatch(label) for label in volume.get("Labels") or ()))


def volumes_gone(engine: Engine, cluster: str, deadline: Deadline) -> Ready[None] | Pending:
    """Remove the cluster's volumes; ready when none is left. Docker removes them with the containers."""
    if engine.program != "podman":
        return Ready(None)
    volumes = volumes_of(cluster, engine.run("volume", "ls", "--format", "json", deadline=deadline).stdout)
    if not volumes:
        return Ready(None)
    removed = engine.run("volume", "rm", "--force", *volumes, deadline=deadline, check=False)
    return Pending(removed.stderr.strip() or f"{len(volumes)} volumes were being removed")
