"""The project that a command is run in: the ini values of its pytest configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def ini_values(root: Path) -> Mapping[str, str]:
    """The settings that pytest reads in `root`, as an ini file would have them; empty when there are none.

    Raises `SettingsError` for a file that cannot be parsed.
    """
    from kindgate.adoption.pytest_config import find_config  # noqa: PLC0415  # keeps --help quick

    config = find_config(root)
    return config.values if config is not None else {}
