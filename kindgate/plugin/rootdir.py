"""Detect that pytest mistook an option's value for the test folder, and so missed pytest.ini.

pytest determines its rootdir before plugins add options: a path given as a separate argument after an option then
counts as a test path.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from kindgate.adoption.suite import is_suite
from kindgate.options import option_fields
from kindgate.settings import Settings

_SETTINGS_FILES = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")


def misread_option(arguments: Sequence[str], folder: Path, inifile: Path | None) -> str:
    """The option, as `--option=value`, whose value hid the suite's settings from pytest; otherwise empty.

    `folder` is where pytest was started, `inifile` the settings that it found.
    """
    if not _misses_a_suite(arguments, folder, inifile):
        above = (folder, *folder.parents)
        if inifile is not None and inifile.parent in above:
            return ""
        if inifile is None and not any((parent / name).exists() for parent in above for name in _SETTINGS_FILES):
            return ""
    flags = {row.option.flag for row in option_fields(Settings)}
    for flag, value in pairwise(arguments):
        if flag in flags and (folder / value).exists():
            return f"{flag}={value}"
    return ""


def _misses_a_suite(arguments: Sequence[str], folder: Path, inifile: Path | None) -> bool:
    """Whether a generated suite is named, but settings other than its own were found."""
    found = inifile.parent if inifile is not None else None
    return any(is_suite(folder / argument) and (folder / argument).absolute() != found for argument in arguments)
