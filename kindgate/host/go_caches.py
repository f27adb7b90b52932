"""Go's module and build caches while kindgate compiles: gigabytes, removed after the last compile."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from kindgate.host.paths import cache_dir

_VARIABLES: Mapping[str, str] = {"GOCACHE": "build", "GOMODCACHE": "modules"}


def go_environment() -> Mapping[str, str]:
    """The variables that point Go to these folders; those set by the user take precedence."""
    variables = {name: str(_folder() / part) for name, part in _VARIABLES.items() if not os.environ.get(name)}
    # by default, modules are read-only and could not be removed
    return {**variables, "GOFLAGS": "-modcacherw"}


@contextmanager
def shared_go_caches() -> Iterator[None]:
    """Keep the folders until the block ends, then remove them unless another thread or process still compiles.

    They are kept after an error, so the next run resumes from there.
    """
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".in-use").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield
        try:
            # converts the lock, which fails while another holder has it (man 2 flock)
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        for part in _VARIABLES.values():
            shutil.rmtree(folder / part, ignore_errors=True)


def _folder() -> Path:
    return cache_dir() / "go"
