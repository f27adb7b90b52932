"""The suite that a run judges, as a commit's own pytest settings describe it: read from there, and not from what the run says."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kindgate.adoption.pytest_config import find_config_by
from kindgate.errors import SettingsError
from kindgate.options import option_fields
from kindgate.settings import Settings, build_settings

ReadsFile = Callable[[str], str]
"""The text of a file of one commit, by its path from the repository's root; empty where there is none."""


@dataclass(frozen=True)
class Suite:
    """The suite that a run judges: the folder of its pytest settings, and what the workflow adds to pytest's command line.

    `required` says that every leg must be held to the base's objectives, and not those alone that judged some.
    """

    directory: str = "."
    arguments: str = ""
    required: bool = False


WHOLE_REPOSITORY = Suite()


def suite_settings(read: ReadsFile, suite: Suite) -> Settings:
    """The suite's settings at a commit; `root` is its folder, from the repository's root.

    Raises `SettingsError` for settings that cannot be read.
    """
    directory = Path(posixpath.normpath(suite.directory))
    config = find_config_by(lambda path: read(path.as_posix()) or None, directory)
    values = dict(config.values) if config is not None else {}
    given = _given(values.get("addopts", "")) | _given(suite.arguments)
    return build_settings(directory, given, values, {})


def _given(arguments: str) -> dict[str, object]:
    """The settings among a command line's arguments, by their ini names."""
    rows = {row.option.flag: row for row in option_fields(Settings)}
    try:
        words = shlex.split(arguments)
    except ValueError as error:
        raise SettingsError(f"cannot read the arguments {arguments!r}: {error}") from error
    found: dict[str, object] = {}
    for place, word in enumerate(words):
        flag, equals, value = word.partition("=")
        row = rows.get(flag)
        if row is None:
            continue
        text = value if equals else next(iter(words[place + 1 : place + 2]), "")
        if row.repeatable:
            found[row.option.ini] = (*_several(found.get(row.option.ini)), text)
        else:
            found[row.option.ini] = True if row.switch else text
    return found


def _several(before: object) -> tuple[str, ...]:
    return before if isinstance(before, tuple) else ()
