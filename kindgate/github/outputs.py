"""Outputs of a step, for later steps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kindgate.errors import GitHubError


def write_output(name: str, value: str, env: Mapping[str, str]) -> None:
    """Set an output of the current step; does nothing outside of GitHub Actions.

    Raises `GitHubError` for a value with several lines, which the file's format reads as more outputs.
    """
    if "\n" in value or "\r" in value:
        raise GitHubError(f"output {name}: a value of several lines")
    file = env.get("GITHUB_OUTPUT", "")
    if file:
        with Path(file).open("a", encoding="utf-8") as output:
            output.write(f"{name}={value}\n")
