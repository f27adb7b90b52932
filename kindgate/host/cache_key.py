"""The CI cache key of kindgate's programs and images; it changes with everything that determines them.

`python -m kindgate.host.cache_key` prints `key=KEY`, in the format of a step output. The key depends on kindgate's
version and locks, wherever it is installed, and not on the repository under test.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from kindgate.assets import manifests
from kindgate.version import __version__

_LOCKS = ("tools.lock", "outputs.lock")


def cache_key() -> str:
    """The key, 20 characters."""
    own = Path(__file__).parent
    images = manifests() / "images"
    files = [*(own / name for name in _LOCKS), *sorted(path for path in images.rglob("*") if path.is_file())]
    digest = hashlib.sha256(__version__.encode())
    for file in files:
        name = file.relative_to(images).as_posix() if file.is_relative_to(images) else file.name
        digest.update(f"\0{name}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:20]


if __name__ == "__main__":
    print(f"key={cache_key()}")  # noqa: T201 - the output
