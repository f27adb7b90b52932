"""Things that are made once and kept: a path appears complete or not at all, and two runs do not make it twice."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from kindgate.errors import ImageError
from kindgate.host.outputs import note_made, usable
from kindgate.waiting import Deadline


def made_once(path: Path, make: Callable[[Path], None], deadline: Deadline) -> Path:
    """`path`, a file or a folder, after `make` has made it if it was not there.

    `make` gets a path to make it at; what a killed run left half made is never taken. The name of `path` has to say
    all that it is made from. What lies in a cache that is not trusted (`host.outputs`) is made again. Raises `ImageError`
    when another run makes it until the deadline.
    """
    if not is_kept(path):
        with locked(path, deadline):
            if not is_kept(path):
                _remove(path)
                _make(path, make)
                note_made(path)
    return path


def is_kept(path: Path) -> bool:
    """Whether `made_once` would take what is there."""
    return path.exists() and usable(path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def locked(path: Path, deadline: Deadline) -> Iterator[None]:
    """Keep every other run, and every other thread, from making what `path` names."""
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


def _make(path: Path, make: Callable[[Path], None]) -> None:
    for stale in path.parent.glob(f".new-{path.name}-*"):
        shutil.rmtree(stale)
    work = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".new-{path.name}-"))
    try:
        make(work / path.name)
        (work / path.name).rename(path)
    finally:
        shutil.rmtree(work)
