"""Names of files that decide what is judged and how, whatever a suite's settings: one list for CI and for the comment.

Patterns are git pathspecs with the magic `glob,icase`: `**/` is any folder or none, `*` stays within a name (gitglossary).
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
    "**/workload.y*ml",
    "**/*[._-]workload.y*ml",
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
"""Files of every gate: CI, pytest's settings and plugins, objectives, workloads, and inputs of image builds."""

GATE_FOLDERS: tuple[str, ...] = (
    "**/.github/**",
    "**/k8s/**",
    "**/tests/e2e/**",
    "**/e2e/judge_*.py",
    "**/kindgate-e2e/judge_*.py",
    "**/e2e/overlay/**",
    "**/kindgate-e2e/overlay/**",
)
"""Conventional locations of suites and manifests. In a repository with several suites they can belong to another suite."""


def matches(path: str, patterns: Iterable[str]) -> bool:
    """Whether a path from the repository's root (with `/`) matches one of the patterns, ignoring case."""
    return any(_compiled(pattern).fullmatch(path) for pattern in patterns)


def below(path: str, folders: Iterable[str]) -> bool:
    """Whether a path is, or is inside, one of these paths; `.` is the whole repository."""
    return any(folder in {".", path} or path.startswith(f"{folder}/") for folder in folders)


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(^\*\*/|/\*\*$|\*|\[[^]]*\])", pattern)
    translations = {"**/": "(?:.*/)?", "/**": "/.*", "*": "[^/]*"}
    text = "".join(translations.get(part) or (part if part.startswith("[") else re.escape(part)) for part in parts)
    return re.compile(text, re.IGNORECASE | re.DOTALL)
