"""Brings an image archive into the nodes, all at once, by containerd's own importer.

`kind load` goes through `docker save` and differs with Docker's versions (kind#3795, kind#2394): it is not used.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kindgate.errors import CommandError, ImageError, WaitTimeout
from kindgate.host.engine import Engine
from kindgate.waiting import Deadline, Hopeless, Pending, Ready, wait_for

_CTR = ("ctr", "--namespace", "k8s.io", "images")

_ANSWER_SECONDS = 20.0
"""A node that takes longer to list its images does not work."""

_MANAGED = 'labels."io.cri-containerd.image"==managed'
"""containerd's CRI plugin puts this label on an image that it, and so the kubelet, knows."""

_RECORD = "/kind/kindgate-loaded"
"""File in a node that holds the digest of the archive that was loaded last: an earlier one's names may have been moved since."""

# a node that has just been made is busy, and every command in it costs it a tenth of a second: one does it all
_LIST = f"{shlex.join(_CTR)} ls -q {shlex.quote(_MANAGED)}"
_LOOK = f"cat {_RECORD} && {_LIST}"
_IMPORT = f'{shlex.join(_CTR)} import --local --no-unpack - >&2 && echo "$1" > {_RECORD} && {_LIST}'


def load_archive(
    engine: Engine,
    nodes: Sequence[str],
    archive: Path,
    names: Sequence[str],
    deadline: Deadline,
    *,
    settle: float = 10.0,
    fresh: bool = False,
) -> None:
    """Import `archive` into every node (container names), and wait until each knows all of `names` (`registry/repo:tag`).

    The CRI plugin hears of an import by an event: it has `settle` seconds for that. A node that was given this very
    archive last, and knows the names, is left as it is; the nodes of a `fresh` cluster need not be asked for that.

    Images stay packed: a node unpacks one when it first runs it, which saves the work for nodes that never do. And
    they are imported by ctr itself (`--local`): through containerd's transfer service it takes twice the CPU time.
    Raises `ImageError` that names the node and what it lacks.
    """
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()

    def load(node: str) -> None:
        if not fresh and _is_current(engine, node, digest, names, deadline):
            return
        known = _import(engine, node, archive, digest, deadline)
        if not known >= set(names):
            _wait_until_known(engine, node, names, deadline.at_most(settle))

    with ThreadPoolExecutor(max_workers=max(1, len(nodes))) as pool:
        list(pool.map(load, nodes))


def loaded_names(engine: Engine, node: str, deadline: Deadline) -> frozenset[str]:
    """The names of the images that a node's kubelet can use."""
    return frozenset(engine.run("exec", node, *_CTR, "ls", "-q", _MANAGED, deadline=deadline).stdout.split())


def _is_current(engine: Engine, node: str, digest: str, names: Sequence[str], deadline: Deadline) -> bool:
    """Whether the node was given this archive last and still knows the names."""
    told = engine.run("exec", node, "sh", "-c", _LOOK, deadline=deadline, check=False)
    return told.returncode == 0 and {digest, *names} <= set(told.stdout.split())


def _import(engine: Engine, node: str, archive: Path, digest: str, deadline: Deadline) -> frozenset[str]:
    """Import the archive and write its digest down; the names that the node's kubelet can use then."""
    try:
        told = engine.run("exec", "-i", node, "sh", "-c", _IMPORT, "sh", digest, input=archive, deadline=deadline)
    except CommandError as error:
        raise ImageError(f"cannot load the images into node {node}", waited=error.waited, last_state=str(error)) from error
    return frozenset(told.stdout.split())


def _wait_until_known(engine: Engine, node: str, names: Sequence[str], deadline: Deadline) -> None:
    def knows_all() -> Ready[None] | Pending | Hopeless:
        lacking = sorted(set(names) - loaded_names(engine, node, Deadline.after(_ANSWER_SECONDS)))
        return Pending(f"missing: {', '.join(lacking)}") if lacking else Ready(None)

    try:
        wait_for(f"the images in {node}", knows_all, deadline)
    except WaitTimeout as error:
        raise ImageError(f"node {node} does not have all images after loading", waited=error.waited, last_state=error.last_state) from error
