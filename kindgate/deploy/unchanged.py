"""Whether an object of a kept cluster is still what a manifest asks for, so that it need not be applied again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from kindgate.model import Manifest

HASH_ANNOTATION = "kindgate.dev/manifest"
"""What was applied, as a hash: a field that is no longer in the manifest is seen by it alone."""


def with_hash(manifest: Manifest) -> dict[str, Any]:
    """The manifest with its own hash among its annotations."""
    metadata = dict(manifest["metadata"])
    metadata["annotations"] = {**(metadata.get("annotations") or {}), HASH_ANNOTATION: _hash(manifest)}
    return {**manifest, "metadata": metadata}


def is_unchanged(asked: Manifest, live: Manifest) -> bool:
    """Whether `live` came from this very manifest, which `with_hash` has marked, and still holds all of it.

    Two ways to write the same (`1000m` and `1`) count as a change: the object is then applied again, which does no harm.
    """
    annotations = live["metadata"].get("annotations") or {}
    same = annotations.get(HASH_ANNOTATION) == asked["metadata"]["annotations"][HASH_ANNOTATION]
    return same and not live["metadata"].get("deletionTimestamp") and holds(live, asked)


def _hash(manifest: Manifest) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True, default=str).encode()).hexdigest()[:16]


def holds(live: object, asked: object) -> bool:
    """Whether `live` has everything that is in `asked`; what the server added does not count."""
    if isinstance(asked, Mapping):
        return isinstance(live, Mapping) and all(holds(live.get(key), value) for key, value in asked.items())
    if isinstance(asked, list | tuple):
        return isinstance(live, list) and len(live) == len(asked) and all(map(holds, live, asked))
    return live == asked
