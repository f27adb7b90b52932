"""A page's statements on a recomputed report: data, so Markdown and HTML can mark foreign words in their own way."""

from __future__ import annotations

from dataclasses import dataclass

from kindgate.report.recomputation import BaseVerdict, Recomputation, RecomputedVerdict
from kindgate.report.units import plural
from kindgate.report.untrusted_text import UntrustedText, Words

CONSISTENT = "verdicts recomputed from the report's figures, which proves that the report is consistent, not that it is honest"
"""The footer's text about a recomputed report."""

OWN_SHOWN = 5


@dataclass(frozen=True)
class Difference:
    """One objective that differs from the report's claim, or one of the base branch; `branch` names the branch, empty for the run's own."""

    recomputed: RecomputedVerdict
    branch: str = ""


def sentences(recomputation: Recomputation) -> tuple[Words, ...]:
    """Number of confirmed claims, the pull request's own objectives, and the objectives that decide the check."""
    refuted = len(recomputation.contradicted)
    outcome = f"{refuted} not as reported" if refuted else "all as reported"
    notes: list[Words] = [(f"{plural(len(recomputation.claims), 'verdict')} recomputed from the report's figures, {outcome}",)]
    own = tuple(dict.fromkeys(claim.objective for claim in recomputation.claims if claim.own))
    if own:
        names = [word for name in own[:OWN_SHOWN] for word in (", ", UntrustedText(name))][1:]
        more = f" and {len(own) - OWN_SHOWN} more" if len(own) > OWN_SHOWN else ""
        notes.append(("the pull request's own objectives, from its tests: ", *names, *([more] if more else [])))
    if recomputation.base is not None and recomputation.base.rows:
        notes.append(_about_base(recomputation.base))
    return tuple(notes)


def differences(recomputation: Recomputation) -> tuple[Difference, ...]:
    """The claims that the figures refute, and the base's objectives if edited or if their verdicts differ from the run's own."""
    claims = tuple(Difference(claim) for claim in recomputation.contradicted)
    if recomputation.base is None:
        return claims
    known = {(claim.objective, claim.verdict) for claim in recomputation.claims}
    rows = [row for row in recomputation.base.rows if recomputation.base.edited or (row.objective, row.verdict) not in known]
    return (*claims, *(Difference(row, recomputation.base.branch) for row in rows))


def _about_base(base: BaseVerdict) -> Words:
    branch = UntrustedText(base.branch)
    if not base.edited:
        return ("the pull request's objectives are those of ", branch)
    if base.accepted_by:
        return (
            "the pull request edits its objectives, and ",
            UntrustedText(base.accepted_by),
            " accepted them in place of the objectives of ",
            branch,
        )
    return ("the pull request edits its objectives, so the check uses the objectives of ", branch)
