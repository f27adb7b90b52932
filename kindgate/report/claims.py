"""A report's claims, and the verdicts recomputed from its own figures."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from kindgate.errors import SloError
from kindgate.model import Verdict
from kindgate.report.baseline_outcome import BaselineFigures, baseline_figures
from kindgate.report.frozen_record import LINE_LIMIT, NAME_LIMIT
from kindgate.report.judged import COMPARISON_LIMIT, OBJECTIVES_LIMIT, Judged
from kindgate.report.markdown_escape import shortened
from kindgate.report.objective_records import ComparisonRow, ThresholdOutcome
from kindgate.report.recomputation import RecomputedVerdict
from kindgate.report.replay_looks import NO_ROUND, Looks, Round, recompare, replay, replay_capacity
from kindgate.report.run_report import RunReport
from kindgate.report.units import percent
from kindgate.report.verdict_rows import comparison_records, objective_records
from kindgate.slo.compare import Comparison
from kindgate.slo.judge import LOOKS
from kindgate.slo.judgement import Judgement
from kindgate.slo.objectives import Objectives
from kindgate.slo.sample import BurstSample

Row = TypeVar("Row", ThresholdOutcome, ComparisonRow)

NO_FIGURES = "the report has no figures for it"


@dataclass(frozen=True)
class RecomputedEntry:
    """One recomputed entry of `RunReport.judged`; `problem` is why it could not be recomputed, otherwise empty."""

    entry: Judged
    judgement: Judgement | None = None
    comparison: Comparison | None = None
    problem: str = ""


@dataclass(frozen=True)
class Claims:
    """A report's recomputed rows, each compared with the report's claim."""

    objectives: tuple[ThresholdOutcome, ...]
    comparison: tuple[ComparisonRow, ...]
    claims: tuple[RecomputedVerdict, ...]


def recompute_entry(entry: Judged, samples: Sequence[BurstSample]) -> RecomputedEntry:
    """Recompute one entry from its figures; `samples` are all of the report's figures."""
    problem = plan_problem(entry, len(samples))
    if problem:
        return RecomputedEntry(entry, problem=problem)
    bursts = [samples[place] for place in entry.bursts]
    plan = Looks(entry.per_look, entry.looks, entry.turns)
    shortage = f"{entry.per_look} bursts were planned per look, but the report has {len(bursts)}"
    try:
        objectives = Objectives(tuple(one.threshold() for one in entry.thresholds), tuple(one.tolerance() for one in entry.tolerances))
        if objectives.compare:
            compared = recompare(objectives, bursts, plan, entry.placement, round_of(entry, samples))
            if compared.unconfirmed:
                shortage = f"{plan.confirmation} bursts are required to confirm the looks, but the report has fewer"
            unfinished = compared.unfinished or compared.unconfirmed
            return RecomputedEntry(entry, problem=shortage) if unfinished else RecomputedEntry(entry, comparison=compared.result)
        if entry.within:
            judged = replay_capacity(entry.capacity(), bursts, plan, tuple(one.trial() for one in entry.search))
        else:
            judged = replay(objectives, bursts, plan)
        return RecomputedEntry(entry, problem=shortage) if judged.unfinished else RecomputedEntry(entry, judgement=judged.result)
    except (ValueError, ArithmeticError, SloError) as error:  # a time of 0 has no logarithm
        return RecomputedEntry(entry, problem=str(error).splitlines()[0])


def plan_problem(entry: Judged, available: int) -> str:
    """The error in an entry's bursts and looks; empty if they are valid."""
    if not entry.bursts:
        return NO_FIGURES
    places = entry.all_bursts
    if places[-1] >= available or any(later <= earlier for earlier, later in itertools.pairwise(places)):
        return "the report refers to bursts that it does not contain, or to one of them twice"
    if entry.looks != LOOKS and (entry.looks, entry.per_look) != (1, entry.turns):
        return f"{entry.looks} looks of {entry.per_look} bursts are not a possible plan"
    if entry.thresholds and entry.tolerances:
        return "thresholds and tolerances must be judged from separate bursts"
    if entry.within and (len(entry.thresholds) != 1 or entry.tolerances):
        return "a capacity must be judged from bursts of its own"
    return ""


def round_of(entry: Judged, samples: Sequence[BurstSample]) -> Round:
    """The confirmation round of one entry, or an empty one."""
    if entry.confirmation is None:
        return NO_ROUND
    return Round(tuple(samples[place] for place in entry.confirmation.bursts), entry.confirmation.placement)


def claims_of(report: RunReport, entries: Sequence[RecomputedEntry]) -> Claims:
    """The report's rows with the verdicts of `entries`, its recomputed entries.

    An entry that cannot be recomputed is a FAIL, and so is a row of the report without an entry.
    """
    figures = baseline_figures(one.comparison for one in entries if one.comparison is not None)
    objectives = _matched(report.objectives, [line for one in entries for line in _thresholds(one, figures)])
    comparison = _matched(report.comparison, [line for one in entries for line in _tolerances(one)])
    claims = tuple(claim for _, claim in (*objectives, *comparison))
    return Claims(tuple(row for row, _ in objectives)[:OBJECTIVES_LIMIT], tuple(row for row, _ in comparison)[:COMPARISON_LIMIT], claims)


@dataclass(frozen=True)
class _Line(Generic[Row]):
    """A recomputed row, whether it comes from the pull request's own test, and why it could not be judged."""

    row: Row
    own: bool
    problem: str = ""


def _thresholds(entry_result: RecomputedEntry, figures: BaselineFigures) -> list[_Line[ThresholdOutcome]]:
    entry = entry_result.entry
    if entry_result.judgement is not None:
        return [_Line(row, entry.own) for row in objective_records(entry_result.judgement, entry.test, figures)]
    rows = [
        ThresholdOutcome(
            metric=shortened(one.selector, NAME_LIMIT),
            expression=shortened(str(one), LINE_LIMIT),
            verdict=Verdict.FAIL,
            limit=one.limit,
            explanation=_unjudged(entry_result.problem),
            test=entry.test,
        )
        for one in entry.thresholds
    ]
    return [_Line(row, entry.own, entry_result.problem) for row in rows]


def _tolerances(entry_result: RecomputedEntry) -> list[_Line[ComparisonRow]]:
    entry = entry_result.entry
    if entry_result.comparison is not None:
        return [_Line(row, entry.own) for row in comparison_records(entry_result.comparison, entry.test)]
    rows = [
        ComparisonRow(
            metric=one.statistic,
            of=one.metric,
            tags=one.tags,
            unit=one.unit,
            tolerance=one.max_regression,
            verdict=Verdict.FAIL,
            explanation=_unjudged(entry_result.problem),
            test=entry.test,
        )
        for one in entry.tolerances
    ]
    return [_Line(row, entry.own, entry_result.problem) for row in rows]


def _matched(claimed: Iterable[Row], lines: Sequence[_Line[Row]]) -> list[tuple[Row, RecomputedVerdict]]:
    """Match each recomputed row with its claim; the report's remaining rows come last, as FAILs."""
    open_claims: dict[tuple[object, ...], list[Row]] = {}
    for row in claimed:
        open_claims.setdefault(_key(row), []).append(row)
    matched = []
    for line in lines:
        candidates = open_claims.get(_key(line.row))
        matched.append((line.row, _claim(line, candidates.pop(0) if candidates else None)))
    for row in (row for rows in open_claims.values() for row in rows):
        failed = row.model_copy(update={"verdict": Verdict.FAIL, "explanation": _unjudged(NO_FIGURES)})
        matched.append((failed, _claim(_Line(failed, own=False, problem=NO_FIGURES), row)))
    return matched


def _claim(line: _Line[Row], claimed: Row | None) -> RecomputedVerdict:
    return RecomputedVerdict(
        objective=shortened(objective_name(line.row), LINE_LIMIT),
        test=line.row.test,
        own=line.own,
        claimed=None if claimed is None else claimed.verdict,
        verdict=None if line.problem else line.row.verdict,
        reason=shortened(line.problem, LINE_LIMIT) or line.row.explanation,
    )


def objective_name(row: ThresholdOutcome | ComparisonRow) -> str:
    """A short name for a row's objective."""
    if isinstance(row, ComparisonRow):
        return f"{row.figure} at most {percent(row.tolerance)} {row.change_words[0]} than the baseline"
    return f"{row.expression} of {row.metric}"


def _key(row: ThresholdOutcome | ComparisonRow) -> tuple[object, ...]:
    """The key that identifies a row of a report."""
    if isinstance(row, ComparisonRow):
        return (row.test, row.figure, row.tolerance)
    return (row.test, row.metric, row.expression)


def _unjudged(problem: str) -> str:
    return shortened(f"{Verdict.FAIL}: cannot be recomputed: {problem}.", LINE_LIMIT)
