"""Redirects: answers that succeed without the application having done what it is judged for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kindgate.model import Verdict
from kindgate.slo.sample import BurstSample


def redirects_alone(samples: Sequence[BurstSample], tags: Mapping[str, str]) -> bool:
    """Whether every request with these tags that succeeded was answered by a redirect, which is not followed."""
    series = [one for sample in samples for one in sample.matching(tags)]
    succeeded = sum(one.response.count for one in series)
    return succeeded > 0 and sum(one.redirects for one in series) >= succeeded


def without_redirects(verdict: Verdict, samples: Sequence[BurstSample], tags: Mapping[str, str]) -> Verdict:
    """The verdict, but never a PASS by redirects alone: those show that something answers, not that the application works."""
    return Verdict.INCONCLUSIVE if verdict is Verdict.PASS and redirects_alone(samples, tags) else verdict


def redirects_explanation(version: str = "") -> str:
    """Why the verdict is no PASS, and what to do; `version` says which of two it was."""
    whose = f" of {version}" if version else ""
    return (
        f"{Verdict.INCONCLUSIVE}: every response{whose} was a redirect (3xx), which is not followed, so the application itself was not "
        "measured; use a path that it answers itself, or request it over https if it redirects there."
    )
