"""Keep the runner from reading untrusted output as workflow commands.

The runner reads every line of a step's output, and executes lines such as `::name::value`. It stops at
`::stop-commands::TOKEN` and resumes at `::TOKEN::` (docs.github.com, "Workflow commands for GitHub Actions").
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager


def in_actions(env: Mapping[str, str]) -> bool:
    """Whether a GitHub Actions runner reads the output."""
    return env.get("GITHUB_ACTIONS") == "true"


def in_ci(env: Mapping[str, str]) -> bool:
    """Whether this is a CI run: GitHub Actions, GitLab, CircleCI and others set CI to true."""
    return env.get("CI", "").lower() not in {"", "0", "false"}


@contextmanager
def commands_stopped(write_line: Callable[[str], object], env: Mapping[str, str]) -> Iterator[None]:
    """Keep the runner from reading printed lines as commands within the block: for output of tests, pods and tools.

    `write_line` prints one line for the runner. Outside of GitHub Actions nothing is printed.
    """
    if not in_actions(env):
        yield
        return
    token = secrets.token_hex(16)
    write_line(f"::stop-commands::{token}")
    try:
        yield
    finally:
        write_line(f"::{token}::")
