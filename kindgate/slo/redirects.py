"""Redirects: responses that succeed although the application did not do the work to be judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kindgate.model import Verdict
from kindgate.slo.sample import BurstSample


def redirects_alone(samples: Sequence[BurstSample], tags: Mapping[str, str]) -> bool:
    """Whether every successful request with these tags got only a redirect that was not followed."""
    series = [one for sample in samples for one in sample.matching(tags)]
    succeeded = sum(one.response.count for one in series)
    return succeeded > 0 and sum(one.redirects for one in series) >= succeeded


def without_redirects(verdict: Verdict, samples: Sequence[BurstSample], tags: Mapping[str, str]) -> Verdict:
    """Turn a PASS based only on redirects into INCONCLUSIVE: they show that something responds, not that the application works."""
    return Verdict.INCONCLUSIVE if verdict is Verdict.PASS and redirects_alone(samples, tags) else verdict


def redirects_explanation(version: str = "") -> str:
    """Why the verdict is not PASS, and how to fix it; `version` names the affected version of a comparison."""
    whose = f" of {version}" if version else ""
    return (
        f"{Verdict.INCONCLUSIVE}: every response{whose} was a redirect (3xx), which is not followed, so the application itself was not "
        "measured; use a path that it answers itself, or request it over https if it redirects there."
    )
