"""Names for what is made once: they say all that it is made from."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import ModuleType

from kindgate.host.binaries import host_platform


def key_of(*parts: str | ModuleType) -> str:
    """A short name for all that `parts` say; a module stands for its source, so that changed code makes things anew."""
    texts = [part if isinstance(part, str) else Path(str(part.__file__)).read_text() for part in parts]
    return hashlib.sha256("\0".join([*texts, host_platform()]).encode()).hexdigest()[:16]
