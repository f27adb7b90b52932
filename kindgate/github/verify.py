"""Decide about the reports of a run's legs from its uploads: for `kindgate verify`, and the exit code of `report --post`.

It must run where no pull request code runs, because such code can write any file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kindgate.errors import SettingsError
from kindgate.github.context import Context
from kindgate.github.legs import Collected, collect, leg_names
from kindgate.github.recompute_reports import recompute_collected
from kindgate.report.decision import ANY_RUN, Decision, Inconclusive, Requirements, RunIdentity, decide, no_verdict, worst
from kindgate.report.markdown_escape import visible

SUBJECTS = ("tests", "objectives", "comparison")
"""Checks that can be required of a leg."""


@dataclass(frozen=True)
class Verified:
    """The legs' reports, the decision about each, and the overall one."""

    collected: Collected
    decisions: Mapping[str, Decision]

    @property
    def decision(self) -> Decision:
        """The worst of the legs' decisions."""
        return worst(self.decisions.values())

    @property
    def lines(self) -> tuple[str, ...]:
        """One line per leg, with untrusted text escaped."""
        lines = tuple(f"{leg}: {one.verdict}: {visible(one.reason)}" for leg, one in self.decisions.items())
        return lines or (f"{self.decision.verdict}: {self.decision.reason}",)


def verify_all(
    inputs: Sequence[Path], legs: Sequence[str], requirements: Requirements, run: RunIdentity = ANY_RUN, *, conclusion: str = ""
) -> Verified:
    """Decide about every leg in `inputs`, and about `legs` without a report; see `collect` for both, and `decide` for the rest.

    Every verdict of a report is recomputed from its own figures.
    """
    collected = recompute_collected(collect(inputs, legs))
    decisions = {leg: decide(report, requirements, run, conclusion=conclusion) for leg, report in collected.reports.items()}
    decisions |= {leg: no_verdict(reason) for leg, reason in collected.missing_reasons.items()}
    return Verified(collected, dict(sorted(decisions.items())))


def verify(
    inputs: Sequence[Path], legs: Sequence[str], requirements: Requirements, run: RunIdentity = ANY_RUN, *, conclusion: str = ""
) -> Verified:
    """As `verify_all`, but only for `legs` if any are named: others may have different required checks."""
    verified = verify_all(inputs, legs, requirements, run, conclusion=conclusion)
    wanted = leg_names(legs)
    return replace(verified, decisions={leg: one for leg, one in verified.decisions.items() if not wanted or leg in wanted})


def requirements_of(words: Iterable[str], inconclusive: Inconclusive) -> Requirements:
    """Parse requirements such as `tests,objectives`. Raises `SettingsError` for an unknown word."""
    named = {word for text in words for word in text.replace(",", " ").split()}
    if unknown := sorted(named - {*SUBJECTS}):
        raise SettingsError(f"--require: {unknown[0]!r} is not one of {', '.join(SUBJECTS)}")
    return Requirements("tests" in named, "objectives" in named, "comparison" in named, inconclusive)


def run_of(context: Context, requested: RunIdentity) -> RunIdentity:
    """The run that reports must belong to: `requested`, or this GitHub Actions run if no head was given.

    The attempt is compared only if given: after "re-run failed jobs" a leg's report may be from an earlier one.
    """
    if requested.head_sha or not context.event:
        return requested
    head = context.pull.head_sha if context.pull else context.sha
    return replace(requested, head_sha=head, run_id=requested.run_id or context.run_id or None)
