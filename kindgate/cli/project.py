"""The project that a command runs in: the suite's folder and its pytest ini values."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from kindgate.settings import Settings, build_settings


def project_settings(folder: Path, given: Mapping[str, object]) -> Settings:
    """Settings of a command run in `folder`: of the suite that `kindgate init` generated below it, or of `folder` itself.

    `given` are command-line values by ini name; their paths are relative to `folder`. Raises `SettingsError`.
    """
    from kindgate.adoption.suite import find_suite  # noqa: PLC0415  # keeps --help quick

    root = find_suite(folder)
    return build_settings(root, given, ini_values(root), os.environ, folder)


def ini_values(root: Path) -> Mapping[str, str]:
    """The settings that pytest reads in `root`, in ini form; empty if there are none.

    Raises `SettingsError` if the file cannot be parsed.
    """
    from kindgate.adoption.pytest_config import find_config  # noqa: PLC0415  # keeps --help quick

    config = find_config(root)
    return config.values if config is not None else {}
