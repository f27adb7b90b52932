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


def is_unchanged(requested: Manifest, live: Manifest) -> bool:
    """Return whether `live` was created from exactly this manifest, marked by `with_hash`, and still contains all of it.

    Two spellings of one value (`1000m` and `1`) count as a change: the object is applied again, which is harmless.
    """
    annotations = live["metadata"].get("annotations") or {}
    has_same_hash = annotations.get(HASH_ANNOTATION) == requested["metadata"]["annotations"][HASH_ANNOTATION]
    return has_same_hash and not live["metadata"].get("deletionTimestamp") and contains(live, requested)


def _hash(manifest: Manifest) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True, default=str).encode()).hexdigest()[:16]


def contains(live: object, requested: object) -> bool:
    """Return whether `live` contains everything in `requested`; additions by the server are ignored."""
    if isinstance(requested, Mapping):
        return isinstance(live, Mapping) and all(contains(live.get(key), value) for key, value in requested.items())
    if isinstance(requested, list | tuple):
        return isinstance(live, list) and len(live) == len(requested) and all(map(contains, live, requested))
    return live == requested
