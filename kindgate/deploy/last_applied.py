"""Whether an object of a kept cluster still matches its manifest and need not be applied again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from kindgate.model import Manifest

HASH_ANNOTATION = "kindgate.dev/manifest"
"""The hash of the applied manifest: only this reveals a field that was removed from it."""


def with_hash(manifest: Manifest) -> dict[str, Any]:
    """Add the manifest's own hash to its annotations."""
    metadata = dict(manifest["metadata"])
    metadata["annotations"] = {**(metadata.get("annotations") or {}), HASH_ANNOTATION: _hash(manifest)}
    return {**manifest, "metadata": metadata}


def is_unchanged(asked: Manifest, live: Manifest) -> bool:
    """Return whether `live` was created from exactly this manifest, marked by `with_hash`, and still contains all of it.

    Two spellings of one value (`1000m` and `1`) count as a change: the object is applied again, which is harmless.
    """
    annotations = live["metadata"].get("annotations") or {}
    same = annotations.get(HASH_ANNOTATION) == asked["metadata"]["annotations"][HASH_ANNOTATION]
    return same and not live["metadata"].get("deletionTimestamp") and holds(live, asked)


def _hash(manifest: Manifest) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True, default=str).encode()).hexdigest()[:16]


def holds(live: object, asked: object) -> bool:
    """Return whether `live` contains everything in `asked`; additions by the server are ignored."""
    if isinstance(asked, Mapping):
        return isinstance(live, Mapping) and all(holds(live.get(key), value) for key, value in asked.items())
    if isinstance(asked, list | tuple):
        return isinstance(live, list) and len(live) == len(asked) and all(map(holds, live, asked))
    return live == asked
