"""GitHub's runner as a parser of the lines that a step prints (actions/runner, `ActionCommandManager` and `ActionCommand`)."""

from __future__ import annotations

import re
from collections.abc import Iterable

REGISTERED = frozenset(
    {
        "add-mask",
        "add-matcher",
        "add-path",
        "debug",
        "echo",
        "endgroup",
        "error",
        "group",
        "notice",
        "remove-matcher",
        "save-state",
        "set-env",
        "set-output",
        "warning",
    }
)


def read_as_commands(lines: Iterable[str]) -> list[str]:
    """Return the lines that the runner obeys, outside a stop command and its token; assert that no stop is left open."""
    obeyed = []
    token = ""
    for line in lines:
        name = _name_of(line)
        if token:
            token = "" if name == token else token
        elif name == "stop-commands":
            token = line.lstrip().removeprefix("::stop-commands::")
        elif name in REGISTERED:
            obeyed.append(line.lstrip())
    assert token == "", "commands are never resumed"
    return obeyed


def _name_of(line: str) -> str:
    """Return the command in a line: `::name ...::value` at its start, or the older `##[name ...]value` anywhere."""
    found = re.match(r"\s*::([^ :]+)( [^:]*)?::", line) or re.search(r"##\[([^ \]]+)", line)
    return found[1].lower() if found else ""
