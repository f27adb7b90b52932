"""Register kindgate's options with pytest, and read its command line, ini file and environment into `Settings`.

pytest determines its rootdir before plugins add options: a path given as a separate argument after an option then counts
as a test path, and pytest may miss the suite's ini file. `misread_option` detects that.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Literal, get_args, get_origin

import pytest

from kindgate.options import OptionField, option_fields
from kindgate.scaffold.suite_folder import is_suite
from kindgate.settings import Settings
from kindgate.settings_sources import build_settings

PYTEST_KIND_DEFAULT_NAME = "pytest-kind"
"""pytest-kind's default for --cluster-name, which looks the same as an explicit value."""


def add_options(parser: pytest.Parser) -> None:
    """Register kindgate's own options, and an ini key of the same name for every option."""
    group = parser.getgroup("kindgate", "kindgate: a real cluster, load and SLO verdicts")
    for row in option_fields(Settings):
        if not row.option.foreign:
            _add_option(group, row)
        parser.addini(row.option.ini, row.option.help, default="")


def _add_option(group: pytest.OptionGroup, row: OptionField) -> None:
    shown = f"{row.option.help}{_shown_default(row)}"
    if row.switch:
        group.addoption(row.option.flag, dest=row.option.ini, action="store_true", default=False, help=shown)
    elif row.repeatable:
        group.addoption(row.option.flag, dest=row.option.ini, action="append", default=None, metavar=row.option.metavar, help=shown)
    else:
        choices = [str(word) for word in get_args(row.annotation)] if get_origin(row.annotation) is Literal else None
        group.addoption(row.option.flag, dest=row.option.ini, default=None, metavar=row.option.metavar, choices=choices, help=shown)


def _shown_default(row: OptionField) -> str:
    return "" if row.default in (None, "", (), False) else f" (default: {row.default})"


def settings_of(config: pytest.Config) -> Settings:
    """The settings of this session; raises `SettingsError` that names the option.

    pytest-kind's options are read under their own names; they are missing if plugin autoloading is off.
    """
    command_line = {row.option.ini: config.getoption(row.option.ini, None) for row in option_fields(Settings)}
    if command_line["cluster_name"] == PYTEST_KIND_DEFAULT_NAME:
        command_line["cluster_name"] = None
    if config.getoption("keep_cluster", default=False):
        command_line["kind_keep"] = _keep_always(command_line["kind_keep"])
    ini = {row.option.ini: str(config.getini(row.option.ini)) for row in option_fields(Settings)}
    return build_settings(config.rootpath, command_line, ini, os.environ, config.invocation_params.dir)


def _keep_always(kind_keep: object) -> str:
    if kind_keep not in (None, "always"):
        raise pytest.UsageError(f"--keep-cluster means --kind-keep=always, but --kind-keep={kind_keep} is also given: remove one")
    return "always"


_SETTINGS_FILES = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")


def misread_option(arguments: Sequence[str], folder: Path, inifile: Path | None) -> str:
    """The option, as `--option=value`, whose value hid the suite's settings from pytest; otherwise empty.

    `folder` is where pytest was started, `inifile` the settings that it found.
    """
    if not _misses_suite_settings(arguments, folder, inifile):
        parents = (folder, *folder.parents)
        if inifile is not None and inifile.parent in parents:
            return ""
        if inifile is None and not any((parent / name).exists() for parent in parents for name in _SETTINGS_FILES):
            return ""
    flags = {row.option.flag for row in option_fields(Settings)}
    for flag, value in pairwise(arguments):
        if flag in flags and (folder / value).exists():
            return f"{flag}={value}"
    return ""


def _misses_suite_settings(arguments: Sequence[str], folder: Path, inifile: Path | None) -> bool:
    """Whether a generated suite is named, but settings other than its own were found."""
    settings_folder = inifile.parent if inifile is not None else None
    return any(is_suite(folder / argument) and (folder / argument).absolute() != settings_folder for argument in arguments)
