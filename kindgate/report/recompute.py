"""Recompute a report where it is published: its own claims, and the base branch's objectives. Pure.

This proves that a report is consistent, not that it is honest: invented figures are judged like any others. The report
never chooses its looks and error rates: they are those of `kindgate.slo.judge`.
"""

from __future__ import annotations

from collections.abc import Sequence

from kindgate.report.answer_records import answer_claims, judged_rows
from kindgate.report.base_objectives import BaseObjectives, UnreadBase, base_verdict
from kindgate.report.claims import RecomputedEntry, claims_of, recompute_entry
from kindgate.report.decision import WORST_FIRST, outcome_of
from kindgate.report.measurements import FiguresRefused, samples_of
from kindgate.report.objective_records import ValidityRow
from kindgate.report.policy_records import policy_claims, policy_rows, recomputed_policy
from kindgate.report.recomputation import BaseVerdict, Recomputation
from kindgate.report.replay_looks import WORK_LIMIT
from kindgate.report.run_report import Outcome, RunReport
from kindgate.report.scenario_claims import RecomputedScenario, recompute_scenarios
from kindgate.report.scenario_records import scenario_objectives
from kindgate.report.verdict_rows import validity_rows
from kindgate.slo.sample import BurstSample

VALIDITY_LIMIT = 500


def recompute_report(report: RunReport, base: BaseObjectives | UnreadBase | None = None, *, accepted_by: str = "") -> RunReport:
    """The report with every verdict recomputed, and with the verdicts of the base's objectives on its figures.

    Verdicts, figures, explanations and validity checks are the judge's present ones. A claim without figures is a FAIL, and so is one
    that the figures refute; the outcome is never better than the report's own. `accepted_by` is the maintainer who lets
    objectives count that the pull request edits.
    """
    samples, refused = _samples(report)
    entries = [RecomputedEntry(entry, problem=refused) if refused else recompute_entry(entry, samples) for entry in report.judged]
    claims = claims_of(report, entries)
    answers = tuple(row.recomputed for row in report.answers)
    recomputed = recompute_scenarios(report.scenarios, report.episodes)
    scenarios = tuple(one.record for one in recomputed)
    policy = tuple(map(recomputed_policy, report.policy))
    verdict: BaseVerdict | None = None
    if isinstance(base, UnreadBase):
        verdict = base.verdict(accepted_by)
    elif base is not None:
        verdict = base_verdict(
            report.judged, samples, base, accepted_by=accepted_by, answers=report.answers, scenarios=recomputed, policy=policy
        )
    outcome = outcome_of(
        exit_code=report.exit_code,
        interrupted=report.outcome is Outcome.INTERRUPTED,
        setup_error=report.setup_error,
        tests=report.tests,
        objectives=(*claims.objectives, *claims.comparison, *judged_rows(answers), *scenario_objectives(scenarios), *policy_rows(policy)),
    )
    return report.model_copy(
        update={
            "outcome": min(report.outcome, outcome, key=WORST_FIRST.index),
            "objectives": claims.objectives,
            "comparison": claims.comparison,
            "answers": answers,
            "scenarios": scenarios,
            "policy": policy,
            "gates": _validity(entries, recomputed)[:VALIDITY_LIMIT],
            "recomputation": Recomputation(
                claims=(
                    *claims.claims,
                    *answer_claims(report.answers),
                    *(claim for one in recomputed for claim in one.claims),
                    *policy_claims(report.policy),
                ),
                base=verdict,
            ),
        }
    )


def _samples(report: RunReport) -> tuple[tuple[BurstSample, ...], str]:
    """The figures as the judge takes them, or why they are rejected."""
    if sum(entry.work for entry in report.judged) > WORK_LIMIT:
        return (), "the report has too many objectives and bursts to recompute"
    try:
        return samples_of(report.figures), ""
    except FiguresRefused as error:
        return (), f"the report's figures were rejected: {error}"


def _validity(entries: Sequence[RecomputedEntry], scenarios: Sequence[RecomputedScenario]) -> tuple[ValidityRow, ...]:
    judged = [(result, one.entry.test) for one in entries for result in (one.judgement, one.comparison) if result is not None]
    played = [(one.judgement, one.claimed.test) for one in scenarios if one.judgement is not None]
    return tuple(record for result, test in (*judged, *played) for record in validity_rows(result, test))
