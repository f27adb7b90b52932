"""The base branch's objectives, judged from the figures of a pull request's run with the base's burst counts and looks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Literal

from kindgate.model import Verdict
from kindgate.report.claims import objective_name, plan_problem, round_of
from kindgate.report.frozen_record import LINE_LIMIT, NAME_LIMIT
from kindgate.report.judged import Judged
from kindgate.report.markdown_escape import shortened
from kindgate.report.objective_records import ComparisonRow, ThresholdOutcome
from kindgate.report.recomputation import ROWS_LIMIT, BaseVerdict, RecomputedVerdict
from kindgate.report.replay_looks import NO_ROUND, Looks, Replay, Round, recompare, replay
from kindgate.report.units import number, plural
from kindgate.report.verdict_rows import comparison_records, objective_records
from kindgate.slo.compare import Comparison
from kindgate.slo.confirm import DECIDED
from kindgate.slo.counts import covered_requests
from kindgate.slo.judgement import Judgement
from kindgate.slo.objectives import Objectives
from kindgate.slo.sample import BurstSample

LOAD_SHARE = 0.95
"""Minimum share of the base's rate and size per burst: a delayed generator may have sent slightly less."""


@dataclass(frozen=True)
class BaseObjectives:
    """The base branch's objectives and the load to judge them by.

    `bursts` is the number per look (for a comparison: figures of both versions), or in total if `quick`. `rate` is in
    requests per second over all hosts, `seconds` is the length of a burst. `compares` is whether a run must compare with a
    baseline at all, `required` whether a run that judged no objectives must meet these. `inconclusive` is how to treat an
    INCONCLUSIVE objective.
    """

    branch: str
    objectives: Objectives
    bursts: int
    rate: float
    seconds: float
    quick: bool = False
    compares: bool = False
    required: bool = True
    inconclusive: Literal["warn", "fail", "pass"] = "warn"

    def looks(self, turns: int = 1) -> Looks:
        """The planned looks, with `turns` bursts per figure."""
        return Looks(turns, 1, turns) if self.quick else Looks(self.bursts * turns, turns=turns)


@dataclass(frozen=True)
class UnreadBase:
    """A base branch whose objectives could not be read, with the reason."""

    branch: str
    problem: str

    def verdict(self, accepted_by: str = "") -> BaseVerdict:
        """A verdict without judged rows; a maintainer can still let the pull request's own objectives count."""
        row = RecomputedVerdict(objective="the objectives file", reason=shortened(self.problem, LINE_LIMIT))
        return BaseVerdict(
            branch=shortened(self.branch, NAME_LIMIT), edited=True, accepted_by=shortened(accepted_by, NAME_LIMIT), rows=(row,)
        )


def base_verdict(judged: Sequence[Judged], samples: Sequence[BurstSample], base: BaseObjectives, accepted_by: str = "") -> BaseVerdict:
    """The base's objectives, each judged from the run's longest series of bursts; `samples` are the report's figures.

    An objective is not judged if it has no data, or if it did not fail with fewer bursts or less load than the base's plan.
    `accepted_by` is the maintainer who lets the pull request's own objectives count if it edits them.
    """
    threshold_series = _longest((entry for entry in judged if entry.thresholds), samples)
    tolerance_series = _longest((entry for entry in judged if entry.tolerances), samples)
    rows: list[RecomputedVerdict] = []
    if base.objectives.thresholds and (base.required or threshold_series is not None):
        rows += _thresholds(threshold_series, base)
    if base.objectives.compare and ((base.required and base.compares) or tolerance_series is not None):
        rows += _tolerances(tolerance_series, base)
    return BaseVerdict(
        branch=shortened(base.branch, NAME_LIMIT),
        edited=is_edited(judged, base),
        accepted_by=shortened(accepted_by, NAME_LIMIT),
        strict=base.inconclusive == "fail",
        rows=tuple(rows[:ROWS_LIMIT]),
    )


def is_edited(judged: Iterable[Judged], base: BaseObjectives) -> bool:
    """Whether the run used an objectives file other than the base's, or fewer bursts."""
    files = [entry for entry in judged if not entry.own]
    try:
        thresholds = {one.threshold() for entry in files for one in entry.thresholds}
    except ValueError:
        return True
    tolerances = {one.tolerance() for entry in files for one in entry.tolerances}
    compares = base.compares or bool(tolerances)
    return (
        thresholds != {replace(one, origin="") for one in base.objectives.thresholds}
        or (compares and tolerances != {replace(one, origin="") for one in base.objectives.compare})
        or any(Looks(entry.per_look, entry.looks, entry.turns) != base.looks(entry.turns) for entry in files)
    )


@dataclass(frozen=True)
class _Series:
    """The bursts of one entry, with those of its confirmation round kept separate, and the entry's plan."""

    entry: Judged
    bursts: tuple[BurstSample, ...]
    confirmation_round: Round = NO_ROUND

    def shortfall(self, base: BaseObjectives, plan: Looks) -> str:
        """How the series falls short of the base's plan; empty if it does not."""
        if len(self.bursts) < plan.per_look:
            return f"{base.branch} plans {plural(plan.per_look, 'burst')} per look, but this run has {len(self.bursts)}"
        return _load_shortfall(self.bursts, base) or _load_shortfall(self.confirmation_round.samples, base)


def _load_shortfall(bursts: Sequence[BurstSample], base: BaseObjectives) -> str:
    """How the load of `bursts` falls short of the base's; empty if it does not, or without bursts."""
    if not bursts:
        return ""
    sizes = [sum(series.scheduled for series in burst.series) for burst in bursts]
    rate = median(size / burst.seconds if burst.seconds else 0.0 for size, burst in zip(sizes, bursts, strict=True))
    if rate < LOAD_SHARE * base.rate or median(sizes) < LOAD_SHARE * base.rate * base.seconds:
        planned = f"{number(base.rate * base.seconds)} requests at {number(base.rate)}/s"
        return f"{base.branch} plans {planned} per burst, but this run sent {number(median(sizes))} at {number(rate)}/s"
    return ""


def _longest(entries: Iterable[Judged], samples: Sequence[BurstSample]) -> _Series | None:
    """The entry with the most bursts, preferring the objectives file's over a test's own; None if no entry has usable ones."""
    usable = [entry for entry in entries if not plan_problem(entry, len(samples))]
    if not usable:
        return None
    entry = max(usable, key=lambda one: (len(one.bursts), not one.own))
    return _Series(entry, tuple(samples[place] for place in entry.bursts), round_of(entry, samples))


def _thresholds(series: _Series | None, base: BaseObjectives) -> list[RecomputedVerdict]:
    if series is None:
        return [_unjudged(str(one), "this run judged no objectives") for one in base.objectives.thresholds]
    plan = base.looks()
    replayed = replay(base.objectives, series.bursts, plan)
    shortfall = series.shortfall(base, plan)
    rows = objective_records(replayed.result, "")
    return [
        _unjudged(objective_name(row), "this run sent no request that it applies to")
        if not covered_requests(result.threshold, series.bursts)
        else _row(row, replayed, shortfall)
        for row, result in zip(rows, replayed.result.results, strict=True)
    ]


def _tolerances(series: _Series | None, base: BaseObjectives) -> list[RecomputedVerdict]:
    if series is None:
        return [_unjudged(str(one), "this run did not compare anything with a baseline") for one in base.objectives.compare]
    plan = base.looks(series.entry.turns)
    replayed = recompare(base.objectives, series.bursts, plan, series.entry.placement, series.confirmation_round)
    shortfall = series.shortfall(base, plan)
    return [_row(row, replayed, shortfall) for row in comparison_records(replayed.result)]


def _row(row: ThresholdOutcome | ComparisonRow, replayed: Replay[Judgement] | Replay[Comparison], shortfall: str) -> RecomputedVerdict:
    """The outcome of one objective: with less load than planned, only FAIL and INVALID count."""
    reason = shortfall or ("this run ended before this look had all its bursts" if replayed.short and row.verdict is Verdict.PASS else "")
    if reason and row.verdict in {Verdict.PASS, Verdict.INCONCLUSIVE}:
        return _unjudged(objective_name(row), reason)
    if replayed.unconfirmed and row.verdict in DECIDED:
        return _unjudged(objective_name(row), f"this run has no confirmation round long enough to confirm the {row.verdict} of its looks")
    return RecomputedVerdict(objective=shortened(objective_name(row), LINE_LIMIT), verdict=row.verdict, reason=row.explanation)


def _unjudged(objective: str, reason: str) -> RecomputedVerdict:
    return RecomputedVerdict(objective=shortened(objective, LINE_LIMIT), reason=shortened(reason, LINE_LIMIT))
