"""The files that a locustfile consists of: the modules next to it that it imports, and the packages that it requires."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kindgate.errors import LoadError
from kindgate.load.locust_users import refuse_unreadable_locustfile

SIZE_LIMIT: Final = 900_000
"""Maximum size of all files in bytes: a Secret holds one megabyte."""

_KEY: Final = re.compile(r"[-._a-zA-Z0-9]+")
"""A key of a Secret."""


@dataclass(frozen=True)
class LocustfileParts:
    """The text of the locustfile and of its modules, by file name, and the packages that they import in any case."""

    files: Mapping[str, str]
    packages: frozenset[str]


def locustfile_parts(locustfile: Path) -> LocustfileParts:
    """Read a locustfile with its modules, without running it.

    Raises `LoadError` for a file that cannot be read, for a package next to it, and for names and sizes that no Secret
    can hold.
    """
    files: dict[str, str] = {}
    packages: set[str] = set()
    waiting = [locustfile]
    while waiting:
        path = waiting.pop()
        refuse_unreadable_locustfile(path)
        if not _KEY.fullmatch(path.name):
            raise LoadError(f"{path} cannot be sent to pods", next_step="name the file with ASCII letters, digits, - and _")
        files[path.name] = path.read_text(encoding="utf-8")
        tree = ast.parse(files[path.name])
        for name, required in _imports(tree):
            module = locustfile.with_name(f"{name}.py")
            if module.is_file():
                waiting += [module] if module.name not in files else []
            elif (locustfile.parent / name).is_dir():
                raise LoadError(f"{path} imports the package {name} next to it, but pods get only modules", next_step="use one file")
            elif required and name not in sys.stdlib_module_names:
                packages.add(name)
    size = sum(len(text.encode()) for text in files.values())
    if size > SIZE_LIMIT:
        raise LoadError(f"{locustfile} and its modules have {size:,} bytes, more than the {SIZE_LIMIT:,} that pods can get")
    return LocustfileParts(files, frozenset(packages))


def _imports(tree: ast.Module) -> Iterator[tuple[str, bool]]:
    """The first part of every imported name, and whether it is required: an import in a block may be optional."""
    for node in ast.walk(tree):
        required = node in tree.body
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], required) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0], required
