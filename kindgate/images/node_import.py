"""Load an image archive into all nodes concurrently, using containerd's own importer.

`kind load` is not used: it goes through `docker save` and varies with Docker's version (kind#3795, kind#2394).
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kindgate.errors import CommandError, ImageError, WaitTimeout
from kindgate.host.container_engine import Engine
from kindgate.waiting import Deadline, Pending, PermanentFailure, Ready, wait_for

_CTR = ("ctr", "--namespace", "k8s.io", "images")

_LIST_SECONDS = 20.0
"""Time within which a working node lists its images."""

_MANAGED = 'labels."io.cri-containerd.image"==managed'
"""Label that containerd's CRI plugin puts on images known to it, and so to the kubelet."""

_RECORD = "/kind/kindgate-loaded"
"""File in a node with the digest of the last loaded archive; names of earlier ones may have been moved since."""

# a new node is busy, and each command in it takes a tenth of a second, so one command does everything
_LIST = f"{shlex.join(_CTR)} ls -q {shlex.quote(_MANAGED)}"
_READ_RECORD = f"cat {_RECORD} && {_LIST}"
_IMPORT = f'{shlex.join(_CTR)} import --local --no-unpack - >&2 && echo "$1" > {_RECORD} && {_LIST}'


def load_archive(
    engine: Engine,
    nodes: Sequence[str],
    archive: Path,
    names: Sequence[str],
    deadline: Deadline,
    *,
    settle_seconds: float = 10.0,
    is_new_cluster: bool = False,
) -> None:
    """Import `archive` into every node (container names), and wait until each knows all of `names` (`registry/repo:tag`).

    The CRI plugin is notified of an import by an event, within `settle_seconds`. A node that loaded exactly this
    archive last, and knows the names, is skipped; the nodes of a new cluster (`is_new_cluster`) are not checked for that.

    Images stay packed: a node unpacks one when it first runs it, which saves work on nodes that never do. They are
    imported by ctr itself (`--local`), because containerd's transfer service takes twice the CPU time. Raises
    `ImageError` with the node and the missing names.
    """
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()

    def load(node: str) -> None:
        if not is_new_cluster and _is_current(engine, node, digest, names, deadline):
            return
        known_names = _import(engine, node, archive, digest, deadline)
        if not known_names >= set(names):
            _wait_for_names(engine, node, names, deadline.at_most(settle_seconds))

    with ThreadPoolExecutor(max_workers=max(1, len(nodes))) as pool:
        list(pool.map(load, nodes))


def loaded_names(engine: Engine, node: str, deadline: Deadline) -> frozenset[str]:
    """The names of the images available to a node's kubelet."""
    return frozenset(engine.run("exec", node, *_CTR, "ls", "-q", _MANAGED, deadline=deadline).stdout.split())


def _is_current(engine: Engine, node: str, digest: str, names: Sequence[str], deadline: Deadline) -> bool:
    """Whether the node loaded this archive last and still knows the names."""
    result = engine.run("exec", node, "sh", "-c", _READ_RECORD, deadline=deadline, check=False)
    return result.returncode == 0 and {digest, *names} <= set(result.stdout.split())


def _import(engine: Engine, node: str, archive: Path, digest: str, deadline: Deadline) -> frozenset[str]:
    """Import the archive and record its digest; return the names then available to the node's kubelet."""
    try:
        result = engine.run("exec", "-i", node, "sh", "-c", _IMPORT, "sh", digest, input=archive, deadline=deadline)
    except CommandError as error:
        raise ImageError(f"cannot load the images into node {node}", waited=error.waited, last_state=str(error)) from error
    return frozenset(result.stdout.split())


def _wait_for_names(engine: Engine, node: str, names: Sequence[str], deadline: Deadline) -> None:
    def probe() -> Ready[None] | Pending | PermanentFailure:
        missing = sorted(set(names) - loaded_names(engine, node, Deadline.after(_LIST_SECONDS)))
        return Pending(f"missing: {', '.join(missing)}") if missing else Ready(None)

    try:
        wait_for(f"the images in {node}", probe, deadline)
    except WaitTimeout as error:
        raise ImageError(f"node {node} does not have all images after loading", waited=error.waited, last_state=error.last_state) from error
