"""Conclusions of one leg's jobs, because another job may determine the whole run's conclusion."""

from __future__ import annotations

from collections.abc import Iterable

from kindgate.github.replies import JobInfo

_SUCCESS = "success"


def leg_conclusions(jobs: Iterable[JobInfo], legs: Iterable[str]) -> dict[str, str]:
    """The conclusion of each leg with its own jobs: success, or that of its first job with another conclusion.

    The reusable workflow `e2e.yml` names its jobs `LEG` and `LEG verdict`, and GitHub prefixes the calling job:
    `CALLER / LEG`.
    """
    ended = [(job.name.rpartition(" / ")[2], job.conclusion) for job in jobs]
    found: dict[str, str] = {}
    for leg in legs:
        own = [conclusion for name, conclusion in ended if name in {leg, f"{leg} verdict"}]
        if own:
            found[leg] = next((conclusion for conclusion in own if conclusion != _SUCCESS), _SUCCESS)
    return found
