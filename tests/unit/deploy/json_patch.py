"""RFC 6902 as the API server applies it: all of a patch or nothing, for the operations that actions and undos use."""

from __future__ import annotations

import copy
import json
from typing import Any


class PatchRejected(Exception):
    """A test failed, or a path does not exist."""


def patched(document: Any, patch: list[dict[str, Any]]) -> Any:
    """A copy of the document with the patch applied; raises `PatchRejected`."""
    result = copy.deepcopy(document)
    for operation in patch:
        *parents, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
        node = result
        try:
            for part in parents:
                node = node[part]
            if operation["op"] == "test" and node[last] != operation["value"]:
                raise PatchRejected(operation["path"])
            if operation["op"] == "add":  # of a member, never of an item of a list
                node[last] = copy.deepcopy(operation["value"])
            if operation["op"] == "remove":
                del node[last]
            if operation["op"] == "replace":
                node[last], _ = copy.deepcopy(operation["value"]), node[last]
        except (KeyError, TypeError) as error:
            raise PatchRejected(operation["path"]) from error
    return result


def after_patch(live: Any, patch: str | list[dict[str, Any]]) -> Any:
    """The object as the API server has it after a request with this patch, which it may have rejected."""
    try:
        return counted(live, json.loads(patch) if isinstance(patch, str) else patch)
    except PatchRejected:
        return live


def counted(live: Any, patch: list[dict[str, Any]]) -> Any:
    """The patched object, whose generation counts changes of its specification; raises `PatchRejected`."""
    changed = patched(live, patch)
    if changed["spec"] != live["spec"]:
        changed["metadata"]["generation"] += 1
    return changed
