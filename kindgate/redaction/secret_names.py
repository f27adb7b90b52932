"""Names that mark secrets: variables, fields and options."""

from __future__ import annotations

import re
from typing import Final

MASK: Final = "[redacted]"

ASCII_LOWERCASE: Final = {letter: letter + 32 for letter in range(ord("A"), ord("Z") + 1)}
"""Lowercases ASCII letters and keeps every character's position, which `str.lower` does not."""

SECRET_NAME: Final = (
    r"(?:pass(?:word|wd|phrase|code)?|pwd(?<=[a-z0-9_-]pwd)(?<!\boldpwd)|secret|token|api[_-]?key|access[_-]?key|account[_-]?key|private[_-]?key"
    r"|signing[_-]?key|encryption[_-]?key|client[_-]?key[_-]?data|credentials?|dsn)(?:[_-]?\d{1,3})?"
)
"""A pattern for the end of a secret's name in lowercase. `PWD` by itself is a shell's working directory."""

_SECRET_NAME_END = re.compile(rf"{SECRET_NAME}s?$")
_FOLDERS = frozenset({"pwd", "oldpwd"})


def is_secret_name(name: str) -> bool:
    """Return whether a variable or field with this name holds a secret: `DB_PASSWORD`, `apiKey`, `MYSQL_PWD`."""
    lowered = name.translate(ASCII_LOWERCASE)
    return lowered not in _FOLDERS and _SECRET_NAME_END.search(lowered) is not None
