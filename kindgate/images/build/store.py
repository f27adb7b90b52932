"""Cached results: each is created atomically, once for concurrent runs, under a name derived from all of its inputs."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from filelock import FileLock, Timeout

from kindgate.errors import ImageError
from kindgate.host.binaries import host_platform
from kindgate.host.output_sums import is_trusted, record_built
from kindgate.waiting import Deadline


def make_once(path: Path, make: Callable[[Path], None], deadline: Deadline) -> Path:
    """Return `path`, a file or folder, after calling `make` if it did not exist.

    `make` receives a temporary path to create; leftovers of a killed run are never used. The name of `path` must cover
    all of its inputs. Entries of an untrusted cache (`host.output_sums`) are remade. Raises `ImageError` if another run is
    still making it at the deadline.
    """
    if not is_cached(path):
        with locked(path, deadline):
            if not is_cached(path):
                _remove(path)
                _make(path, make)
                record_built(path)
    return path


def is_cached(path: Path) -> bool:
    """Whether `make_once` would use the existing path."""
    return path.exists() and is_trusted(path)


@contextmanager
def locked(path: Path, deadline: Deadline) -> Iterator[None]:
    """Hold a file lock on making `path`, against other runs and threads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path.parent / f".{path.name}.lock", thread_local=False)
    try:
        lock.acquire(timeout=deadline.remaining)
    except Timeout as error:
        raise ImageError(f"timed out waiting for another run to build {path.name}", waited=deadline.waited) from error
    try:
        yield
    finally:
        lock.release()


def key_of(*parts: str | ModuleType) -> str:
    """A short hash of all `parts`; a module counts by its source, so changed code invalidates results."""
    texts = [part if isinstance(part, str) else Path(str(part.__file__)).read_text() for part in parts]
    return hashlib.sha256("\0".join([*texts, host_platform()]).encode()).hexdigest()[:16]


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _make(path: Path, make: Callable[[Path], None]) -> None:
    for stale in path.parent.glob(f".new-{path.name}-*"):
        shutil.rmtree(stale)
    work = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".new-{path.name}-"))
    try:
        make(work / path.name)
        (work / path.name).rename(path)
    finally:
        shutil.rmtree(work)
