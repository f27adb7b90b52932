"""Observations on GitHub, as plain data."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class State(enum.StrEnum):
    """The result of a claim."""

    PROVEN = "proven"
    REFUTED = "REFUTED"
    LOOK = "look"
    NOT_SHOWN = "not shown"


@dataclass(frozen=True)
class Finding:
    """One claim and the observation; `detail` is a sentence, with a URL if a person must check it."""

    state: State
    detail: str


@dataclass(frozen=True)
class SeenComment:
    """One of our comments; `rendered` is GitHub's HTML for it."""

    author: str
    rendered: str
    url: str


@dataclass(frozen=True)
class SeenRun:
    """A finished run of a workflow: its conclusion, its jobs' conclusions, and its annotations."""

    conclusion: str
    url: str
    jobs: tuple[tuple[str, str], ...] = ()
    annotations: tuple[str, ...] = ()

    def job(self, name: str) -> str:
        """The conclusion of the first job whose name contains `name`; empty if none does."""
        return next((conclusion for found, conclusion in self.jobs if name in found), "")


@dataclass(frozen=True)
class SeenPull:
    """A pull request of the smoke run, with the run that judged it and its comments.

    `mergeable` is GitHub's mergeable state; `status` is the state of our commit status on its head, empty if there is
    none.
    """

    number: int
    url: str
    run: SeenRun
    comments: tuple[SeenComment, ...] = ()
    mergeable: str = ""
    status: str = ""


@dataclass(frozen=True)
class Evidence:
    """All observations; a field that is `None` was not tried, for the reason in `reasons`, if given."""

    passing: SeenPull
    failing: SeenPull
    fork: SeenPull | None = None
    dependabot: SeenPull | None = None
    sarif: Finding | None = None
    queue: str = ""
