"""The arguments of a suite's last `kindgate init`, so a later call needs only those that change."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kindgate.scaffold.file_changes import RECORD
from kindgate.scaffold.manifest_facts import relative_path

_LINE = "# called with: "


@dataclass(frozen=True)
class InitArguments:
    """The arguments of a call; paths are absolute, and empty values were not given.

    With `sealed`, the workflows run pull request code only in containers.
    """

    overlay: Path | None = None
    values: tuple[Path, ...] = ()
    namespace: str = ""
    images: tuple[str, ...] = ()
    sealed: bool = False

    def line(self, suite: Path) -> str:
        """The request as a line of the suite's record; empty without arguments."""
        arguments: dict[str, Any] = {
            "overlay": relative_path(self.overlay, suite) if self.overlay is not None else "",
            "values": [relative_path(file, suite) for file in self.values],
            "namespace": self.namespace,
            "images": list(self.images),
            "sealed": self.sealed,
        }
        kept = {key: value for key, value in arguments.items() if value}
        return f"{_LINE}{json.dumps(kept)}\n" if kept else ""


NO_ARGUMENTS = InitArguments()
"""A call without arguments."""


def with_last_arguments(suite: Path, given: InitArguments) -> InitArguments:
    """The arguments of this call, completed from the last one; with a different overlay, only `sealed` is taken over."""
    last = _last(suite)
    sealed = given.sealed or last.sealed
    overlay = given.overlay.resolve() if given.overlay is not None else None
    if overlay is not None and overlay != last.overlay:
        last = NO_ARGUMENTS
    values = tuple(file.resolve() for file in given.values)
    return InitArguments(
        overlay or last.overlay, values or last.values, given.namespace or last.namespace, given.images or last.images, sealed
    )


def _last(suite: Path) -> InitArguments:
    file = suite / RECORD
    text = file.read_text() if file.is_file() else ""
    line = next((line for line in text.splitlines() if line.startswith(_LINE)), "")
    try:
        decoded = json.loads(line.removeprefix(_LINE) or "{}")
    except ValueError:
        return NO_ARGUMENTS
    arguments: Mapping[str, Any] = decoded if isinstance(decoded, dict) else {}
    overlay = (suite / str(arguments["overlay"])).resolve() if arguments.get("overlay") else None
    values = tuple((suite / str(one)).resolve() for one in arguments.get("values") or ())
    images = tuple(map(str, arguments.get("images") or ()))
    return InitArguments(overlay, values, str(arguments.get("namespace") or ""), images, arguments.get("sealed") is True)
