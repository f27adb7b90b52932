"""The suite of a run, from the pytest settings of a commit rather than from the run's own data."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kindgate.errors import SettingsError
from kindgate.options import option_fields
from kindgate.scaffold.pytest_config import find_config_by
from kindgate.settings import Settings
from kindgate.settings_sources import build_settings

ReadsFile = Callable[[str], str]
"""Returns the text of a file of one commit, by its path from the repository root; empty if missing."""


@dataclass(frozen=True)
class Suite:
    """The suite of a run: the folder of its pytest settings, and the workflow's additions to pytest's command line.

    `required` is whether the base's objectives apply to every leg, and not only to those that judged some.
    """

    directory: str = "."
    arguments: str = ""
    required: bool = False


WHOLE_REPOSITORY = Suite()


def suite_settings(read: ReadsFile, suite: Suite) -> Settings:
    """The suite's settings at a commit; `root` is its folder, relative to the repository root.

    Raises `SettingsError` if they cannot be read.
    """
    directory = Path(posixpath.normpath(suite.directory))
    config = find_config_by(lambda path: read(path.as_posix()) or None, directory)
    values = dict(config.values) if config is not None else {}
    arguments = _command_line_settings(values.get("addopts", "")) | _command_line_settings(suite.arguments)
    return build_settings(directory, arguments, values, {})


def _command_line_settings(arguments: str) -> dict[str, object]:
    """The settings in a command line's arguments, by ini name."""
    fields = {field.option.flag: field for field in option_fields(Settings)}
    try:
        words = shlex.split(arguments)
    except ValueError as error:
        raise SettingsError(f"cannot read the arguments {arguments!r}: {error}") from error
    settings: dict[str, object] = {}
    for place, word in enumerate(words):
        flag, equals, value = word.partition("=")
        field = fields.get(flag)
        if field is None:
            continue
        text = value if equals else next(iter(words[place + 1 : place + 2]), "")
        if field.repeatable:
            settings[field.option.ini] = (*_as_tuple(settings.get(field.option.ini)), text)
        else:
            settings[field.option.ini] = True if field.switch else text
    return settings


def _as_tuple(value: object) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ()
