"""What was seen on GitHub, as plain data."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class State(enum.StrEnum):
    """What became of a claim."""

    PROVEN = "proven"
    REFUTED = "REFUTED"
    LOOK = "look"
    NOT_SHOWN = "not shown"


@dataclass(frozen=True)
class Finding:
    """One claim and what was seen; `detail` is a sentence, with the address where a person has to look."""

    state: State
    detail: str


@dataclass(frozen=True)
class SeenComment:
    """A comment of ours; `rendered` is the HTML that GitHub makes of it."""

    author: str
    rendered: str
    url: str


@dataclass(frozen=True)
class SeenRun:
    """A finished run of a workflow: its conclusion, the conclusions of its jobs, and what its annotations say."""

    conclusion: str
    url: str
    jobs: tuple[tuple[str, str], ...] = ()
    annotations: tuple[str, ...] = ()

    def job(self, name: str) -> str:
        """The conclusion of the first job whose name contains `name`; empty when there is none."""
        return next((conclusion for found, conclusion in self.jobs if name in found), "")


@dataclass(frozen=True)
class SeenPull:
    """A pull request of the smoke run, with the run that judged it and what was written.

    `mergeable` is GitHub's word for it, `status` the state of our commit status on its head, empty when there is none.
    """

    number: int
    url: str
    run: SeenRun
    comments: tuple[SeenComment, ...] = ()
    mergeable: str = ""
    status: str = ""


@dataclass(frozen=True)
class Evidence:
    """All that was seen; what is `None` was not tried, for the reason in `reasons` where there is one."""

    passing: SeenPull
    failing: SeenPull
    fork: SeenPull | None = None
    dependabot: SeenPull | None = None
    sarif: Finding | None = None
    queue: str = ""
