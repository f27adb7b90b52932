"""The key of a CI cache of kindgate's programs and images: it differs for everything that makes others of them.

`python -m kindgate.host.cache_key` prints `key=KEY`, as a step's output is written. It follows kindgate's own version and
locks, wherever kindgate is installed, and nothing of the repository that it judges.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from kindgate import __version__
from kindgate.assets import manifests

_LOCKS = ("tools.lock", "outputs.lock")


def cache_key() -> str:
    """Twenty characters."""
    own = Path(__file__).parent
    images = manifests() / "images"
    files = [*(own / name for name in _LOCKS), *sorted(path for path in images.rglob("*") if path.is_file())]
    digest = hashlib.sha256(__version__.encode())
    for file in files:
        name = file.relative_to(images).as_posix() if file.is_relative_to(images) else file.name
        digest.update(f"\0{name}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:20]


if __name__ == "__main__":
    print(f"key={cache_key()}")  # noqa: T201 - the answer
