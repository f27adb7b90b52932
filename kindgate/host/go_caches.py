"""Where Go keeps downloaded modules and compiled packages while kindgate compiles: gigabytes, removed when nobody compiles any more."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from kindgate.host.directories import cache_dir

_VARIABLES: Mapping[str, str] = {"GOCACHE": "build", "GOMODCACHE": "modules"}


def go_environment() -> Mapping[str, str]:
    """The variables that have Go use these folders; what the user has set stays."""
    own = {name: str(_folder() / part) for name, part in _VARIABLES.items() if not os.environ.get(name)}
    # modules are read-only unless Go is told otherwise, and could not be removed
    return {**own, "GOFLAGS": "-modcacherw"}


@contextmanager
def kept_while_compiling() -> Iterator[None]:
    """Keep the folders until the block ends, and remove them then unless another thread or process is within such a block.

    After an error they stay: the next run goes on from there.
    """
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".in-use").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield
        try:
            # converts the lock, which fails while somebody else has it (man 2 flock)
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        for part in _VARIABLES.values():
            shutil.rmtree(folder / part, ignore_errors=True)


def _folder() -> Path:
    return cache_dir() / "go"
