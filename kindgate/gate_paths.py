"""Names of files that decide what is judged and how, whatever a suite's settings say: one list for CI and for the comment.

Patterns are git's own with the magic `glob,icase`: `**/` is any folder or none, `*` stays within a name (gitglossary, "pathspec").
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

GATE_NAMES: tuple[str, ...] = (
    ".github/**",
    "**/conftest.py",
    "**/pytest.toml",
    "**/.pytest.toml",
    "**/pytest.ini",
    "**/.pytest.ini",
    "**/pyproject.toml",
    "**/tox.ini",
    "**/setup.cfg",
    "**/slo.y*ml",
    "**/*[._-]slo.y*ml",
    "**/Dockerfile",
    "**/Dockerfile.*",
    "**/*.Dockerfile",
    "**/Containerfile",
    "**/Containerfile.*",
    "**/.dockerignore",
    "**/*.lock",
    "**/*.lockb",
    "**/*.lockfile",
    "**/*-lock.json",
    "**/*-lock.yaml",
    "**/packages.lock.json",
    "**/npm-shrinkwrap.json",
    "**/go.sum",
    "**/go.mod",
    "**/requirements*.txt",
    "**/constraints*.txt",
)
"""What belongs to every gate: CI, pytest's settings and plugins, objectives, and what images are built from."""

GATE_FOLDERS: tuple[str, ...] = (
    "**/.github/**",
    "**/k8s/**",
    "**/tests/e2e/**",
    "**/e2e/judge_*.py",
    "**/kindgate-e2e/judge_*.py",
    "**/e2e/overlay/**",
    "**/kindgate-e2e/overlay/**",
)
"""Where suites and manifests lie by habit. In a repository of several suites they may be another suite's."""


def matches(path: str, patterns: Iterable[str]) -> bool:
    """Whether a path from the repository's root (with `/`) matches one of the patterns; capitals do not matter."""
    return any(_compiled(pattern).fullmatch(path) for pattern in patterns)


def below(path: str, folders: Iterable[str]) -> bool:
    """Whether a path is one of these files or lies in one of these folders; `.` is the whole repository."""
    return any(folder in {".", path} or path.startswith(f"{folder}/") for folder in folders)


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(^\*\*/|/\*\*$|\*|\[[^]]*\])", pattern)
    words = {"**/": "(?:.*/)?", "/**": "/.*", "*": "[^/]*"}
    text = "".join(words.get(part) or (part if part.startswith("[") else re.escape(part)) for part in parts)
    return re.compile(text, re.IGNORECASE | re.DOTALL)
