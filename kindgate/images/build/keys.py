"""Names for cached results, derived from all of their inputs."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import ModuleType

from kindgate.host.binaries import host_platform


def key_of(*parts: str | ModuleType) -> str:
    """A short hash of all `parts`; a module counts by its source, so changed code invalidates results."""
    texts = [part if isinstance(part, str) else Path(str(part.__file__)).read_text() for part in parts]
    return hashlib.sha256("\0".join([*texts, host_platform()]).encode()).hexdigest()[:16]
