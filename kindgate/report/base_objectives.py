"""The base branch's objectives, judged from the figures of a pull request's run with the base's burst counts and looks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Literal

from kindgate.errors import SloError
from kindgate.model import Verdict
from kindgate.report.answer_records import AnswersRow
from kindgate.report.base_answers import base_answers, differs_from_base
from kindgate.report.claims import objective_name, plan_problem, round_of
from kindgate.report.frozen_record import LINE_LIMIT, NAME_LIMIT
from kindgate.report.judged import Judged
from kindgate.report.markdown_escape import shortened
from kindgate.report.objective_records import ComparisonRow, ThresholdOutcome
from kindgate.report.policy_records import PolicyRecord, base_policy, edits_policy
from kindgate.report.recomputation import ROWS_LIMIT, BaseVerdict, RecomputedVerdict
from kindgate.report.replay_looks import NO_ROUND, WORK_LIMIT, Looks, Replay, Round, recompare, replay, replay_capacity
from kindgate.report.scenario_claims import RecomputedScenario, base_scenarios, edits_scenarios
from kindgate.report.scenario_records import ScenarioRecord
from kindgate.report.units import number, plural
from kindgate.report.verdict_rows import comparison_records, objective_records
from kindgate.slo.arrivals import all_arrivals, measured_arrivals, planned_arrivals
from kindgate.slo.compare import Comparison
from kindgate.slo.confirm import DECIDED
from kindgate.slo.counts import covered_requests, planned_of
from kindgate.slo.each import CarriedTags, expanded, is_expansion
from kindgate.slo.judgement import Judgement
from kindgate.slo.objectives import CapacityObjective, Objectives, limiting
from kindgate.slo.planned_load import PlannedLoad
from kindgate.slo.sample import BurstSample
from kindgate.slo.threshold import Selector

LOAD_SHARE = 0.95
"""Minimum share of the base's rate and size per burst: a delayed generator may have sent slightly less."""


NOTHING_SENT = "this run sent no request that it applies to"


@dataclass(frozen=True)
class BaseObjectives:
    """The base branch's objectives and the load to judge them by.

    `bursts` is the number per look (for a comparison: figures of both versions), or in total if `quick`. `rate` is in
    requests per second over all hosts, `seconds` is the length of a burst. `compares` is whether a run must compare with a
    baseline at all, `required` whether a run that judged no objectives must meet these. `inconclusive` is how to treat an
    INCONCLUSIVE objective. `load` is one burst of the base's workload, if it has one.
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
    load: PlannedLoad | None = None

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


def base_verdict(
    judged: Sequence[Judged],
    samples: Sequence[BurstSample],
    base: BaseObjectives,
    *,
    accepted_by: str = "",
    answers: Sequence[AnswersRow] = (),
    scenarios: Sequence[RecomputedScenario] = (),
    policy: Sequence[PolicyRecord] = (),
) -> BaseVerdict:
    """The base's objectives, each judged from the run's longest series of bursts.

    `samples` are the report's figures, `answers` its compared answers, `scenarios` and `policy` its recomputed ones. An objective is
    not judged if it has no data, or if it did not fail with fewer bursts or less load than the base's plan. `accepted_by` is
    the maintainer who lets the pull request's own objectives count if it edits them.
    """
    threshold_series = _longest((entry for entry in judged if entry.thresholds and not entry.within), samples)
    capacity_series = [_Series.of(entry, samples) for entry in judged if entry.within and not plan_problem(entry, len(samples))]
    tolerance_series = _longest((entry for entry in judged if entry.tolerances), samples)
    rows: list[RecomputedVerdict] = []
    if base.objectives.thresholds and (base.required or threshold_series is not None or capacity_series):
        rows += _thresholds(threshold_series, base)
        rows += [_capacity(one, capacity_series, base) for one in base.objectives.capacities]
    if base.objectives.compare and ((base.required and base.compares) or tolerance_series is not None):
        rows += _tolerances(tolerance_series, base)
        rows += base_answers(answers, base.objectives.answers, base.load)
    rows += base_scenarios(scenarios, base.objectives.scenarios)
    rows += base_policy(policy, base.objectives.policy)
    return BaseVerdict(
        branch=shortened(base.branch, NAME_LIMIT),
        edited=is_edited(judged, base, answers, [one.claimed for one in scenarios], policy),
        accepted_by=shortened(accepted_by, NAME_LIMIT),
        strict=base.inconclusive == "fail",
        rows=tuple(rows[:ROWS_LIMIT]),
    )


def is_edited(
    judged: Iterable[Judged],
    base: BaseObjectives,
    answers: Sequence[AnswersRow] = (),
    scenarios: Sequence[ScenarioRecord] = (),
    policy: Sequence[PolicyRecord] = (),
) -> bool:
    """Whether the run used an objectives file other than the base's, or fewer bursts."""
    files = [entry for entry in judged if not entry.own]
    try:
        thresholds = {one.threshold() for entry in files for one in entry.thresholds}
        tolerances = {one.tolerance() for entry in files for one in entry.tolerances}
        limits = [{one.threshold() for one in entry.within} for entry in files if entry.within]
    except ValueError:
        return True
    compares = base.compares or bool(tolerances)
    return (
        thresholds != {replace(one, origin="") for one in base.objectives.thresholds}
        or any(within != {replace(one, origin="") for one in limiting(base.objectives.thresholds)} for within in limits)
        or (compares and not is_expansion(tolerances, [replace(one, origin="") for one in base.objectives.compare]))
        or (compares and differs_from_base(answers, base.objectives.answers))
        or edits_scenarios(scenarios, base.objectives.scenarios)
        or edits_policy(policy, base.objectives.policy)
        or any(Looks(entry.per_look, entry.looks, entry.turns) != base.looks(entry.turns) for entry in files)
    )


@dataclass(frozen=True)
class _Series:
    """The bursts of one entry, with those of its confirmation round kept separate, and the entry's plan."""

    entry: Judged
    bursts: tuple[BurstSample, ...]
    confirmation_round: Round = NO_ROUND

    @classmethod
    def of(cls, entry: Judged, samples: Sequence[BurstSample]) -> _Series:
        """The series of an entry whose plan is valid."""
        return cls(entry, tuple(samples[place] for place in entry.bursts), round_of(entry, samples))

    def capacity_shortfall(self, objective: CapacityObjective, base: BaseObjectives, plan: Looks) -> str:
        """How the series falls short of the base's plan for a capacity; empty if it does not."""
        if len(self.bursts) < plan.per_look:
            return f"{base.branch} plans {plural(plan.per_look, 'burst')} per look, but this run has {len(self.bursts)}"
        planned, sent = objective.rate * base.seconds, median(map(all_arrivals, self.bursts))
        if sent < LOAD_SHARE * planned:
            return f"{base.branch} plans {number(planned)} arrivals per burst for it, but this run sent {number(sent)}"
        at_rate = replace(base, load=base.load and base.load.scaled(objective.rate / base.rate))
        return next(filter(None, (_part_shortfall(one.selector, self.bursts, at_rate) for one in objective.within)), "")

    def shortfall(self, selector: Selector, base: BaseObjectives, plan: Looks) -> str:
        """How the series falls short of the base's plan for what `selector` covers; empty if it does not."""
        if len(self.bursts) < plan.per_look:
            return f"{base.branch} plans {plural(plan.per_look, 'burst')} per look, but this run has {len(self.bursts)}"
        parts = (self.bursts, self.confirmation_round.samples)
        return next(filter(None, (_load_shortfall(part, base) or _part_shortfall(selector, part, base) for part in parts)), "")


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


def _part_shortfall(selector: Selector, bursts: Sequence[BurstSample], base: BaseObjectives) -> str:
    """How the load of one route or journey falls short of that in the base's workload; empty if it does not, or without one.

    A pull request that loads a route less could not fail on it.
    """
    if base.load is None or not bursts:
        return ""
    planned, sent = planned_arrivals(selector, base.load), median(measured_arrivals(selector, burst) for burst in bursts)
    if sent >= LOAD_SHARE * planned:
        return ""
    return f"{base.branch} plans {planned:,} arrivals of {selector} per burst, but this run sent {number(sent)}"


def _longest(entries: Iterable[Judged], samples: Sequence[BurstSample]) -> _Series | None:
    """The entry with the most bursts, preferring the objectives file's over a test's own; None if no entry has usable ones."""
    usable = [entry for entry in entries if not plan_problem(entry, len(samples))]
    if not usable:
        return None
    return _Series.of(max(usable, key=lambda one: (len(one.bursts), not one.own)), samples)


def _thresholds(series: _Series | None, base: BaseObjectives) -> list[RecomputedVerdict]:
    if series is None:
        return [_unjudged(str(one), "this run judged no objectives") for one in base.objectives.steady]
    plan = base.looks()
    replayed = replay(replace(base.objectives, thresholds=base.objectives.steady), series.bursts, plan)
    rows = objective_records(replayed.result, "")
    return [
        _unjudged(objective_name(row), NOTHING_SENT)
        if not covered_requests(result.threshold, series.bursts)
        else _row(row, replayed, series.shortfall(result.threshold.selector, base, plan))
        for row, result in zip(rows, replayed.result.results, strict=True)
    ]


def _capacity(objective: CapacityObjective, measured: Sequence[_Series], base: BaseObjectives) -> RecomputedVerdict:
    """A capacity, from the run's bursts at the lowest rate that is high enough; at a higher one, only a PASS counts."""
    name = str(objective.threshold)
    enough = [series for series in measured if series.entry.thresholds[0].limit >= objective.rate]
    if not enough:
        return _unjudged(name, f"this run did not measure at {number(objective.rate)}/s")
    series = min(enough, key=lambda one: (one.entry.thresholds[0].limit, -len(one.bursts)))
    plan = base.looks()
    replayed = replay_capacity(objective, series.bursts, plan, [one.trial() for one in series.entry.search])
    (row,) = objective_records(replayed.result, "")
    rate = series.entry.thresholds[0].limit
    if rate > objective.rate and row.verdict is not Verdict.PASS:
        return _unjudged(name, f"this run measured only at {number(rate)}/s")
    return _row(row, replayed, series.capacity_shortfall(objective, base, plan))


def _tolerances(series: _Series | None, base: BaseObjectives) -> list[RecomputedVerdict]:
    if series is None:
        return [_unjudged(str(one), "this run did not compare anything with a baseline") for one in base.objectives.compare]
    plan = base.looks(series.entry.turns)
    carried = CarriedTags.of_samples(series.bursts)
    try:
        tolerances = expanded(base.objectives.compare, carried + base.load.carried if base.load is not None else carried)
    except SloError as error:
        return [_unjudged(str(one), error.message) for one in base.objectives.compare]
    if len(tolerances) * len(series.bursts) > WORK_LIMIT:
        return [_unjudged(str(one), "this run has too many routes and bursts to judge them") for one in base.objectives.compare]
    replayed = recompare(Objectives(compare=tolerances), series.bursts, plan, series.entry.placement, series.confirmation_round)
    return [
        _unjudged(objective_name(row), NOTHING_SENT)
        if not any(planned_of(result.tolerance.selector, burst) for burst in series.bursts)
        else _row(row, replayed, series.shortfall(result.tolerance.selector, base, plan))
        for row, result in zip(comparison_records(replayed.result), replayed.result.results, strict=True)
    ]


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
