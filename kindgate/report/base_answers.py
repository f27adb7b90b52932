"""The base branch's requirement of equal answers, judged from the answers that a pull request's run compared.

The report holds only the differences, so a run that asked for less than the base does cannot meet the requirement.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from kindgate.model import Verdict
from kindgate.report.answer_records import AnswersRow
from kindgate.report.frozen_record import LINE_LIMIT
from kindgate.report.markdown_escape import shortened
from kindgate.report.recomputation import RecomputedVerdict
from kindgate.report.units import plural
from kindgate.slo.answers_verdict import answers_verdict, explain_answers
from kindgate.slo.objectives import AnswersObjective
from kindgate.slo.planned_load import PlannedLoad

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""The methods whose answers are compared."""


def base_answers(rows: Sequence[AnswersRow], objective: AnswersObjective | None, load: PlannedLoad | None) -> tuple[RecomputedVerdict, ...]:
    """The verdict about each route; nothing unless the base requires equal answers. `load` is one burst of the base's workload."""
    if objective is None or not objective.same:
        return ()
    by_route: dict[str, list[AnswersRow]] = {}
    for row in rows:
        by_route.setdefault(row.route, []).append(row)
    missing = [name for name in _planned_routes(load) if name not in by_route]
    verdicts = [_of_route(name, found, objective) for name, found in by_route.items()]
    verdicts += [_unjudged(f"answers of {name}", "this run did not compare its answers") for name in missing]
    return tuple(verdicts) or (_unjudged(str(objective), "this run did not compare any answers"),)


def differs_from_base(rows: Sequence[AnswersRow], objective: AnswersObjective | None) -> bool:
    """Whether the run required other answers than the base does; changes that are only reported are no requirement."""
    required = objective if objective is not None and objective.same else None
    own = {(row.headers, row.requests) for row in rows if row.same}
    return own != ({(required.headers, required.requests)} if required is not None else set())


def _planned_routes(load: PlannedLoad | None) -> Iterator[str]:
    """The routes that the base's workload sends alone with a safe method: all of these can be compared."""
    for series in load.requests if load is not None else ():
        if series.tags.get("method") in SAFE_METHODS and series.tags.get("route") and not series.tags.get("journey"):
            yield series.tags["route"]


def _of_route(name: str, rows: Sequence[AnswersRow], objective: AnswersObjective) -> RecomputedVerdict:
    """The worst of the rows of one route: a change counts whatever else the run asked."""
    changed = max(rows, key=lambda row: len(row.changes))
    fullest = max(rows, key=lambda row: (set(row.headers) >= set(objective.headers), row.requests, row.compared))
    row = changed if changed.changes else fullest
    verdict = answers_verdict(same=True, compared=row.compared, changes=len(row.changes))
    shortfall = _shortfall(row, objective)
    if shortfall and verdict is Verdict.PASS:
        return _unjudged(f"answers of {name}", shortfall)
    explanation = explain_answers(verdict, name, row.compared, map(str, row.changes))
    return RecomputedVerdict(objective=shortened(row.objective, LINE_LIMIT), verdict=verdict, reason=shortened(explanation, LINE_LIMIT))


def _shortfall(row: AnswersRow, objective: AnswersObjective) -> str:
    """What the run asked less than the base does; empty if nothing."""
    headers = sorted(set(objective.headers) - set(row.headers))
    if headers:
        return f"this run did not compare {plural(len(headers), 'header')}: {', '.join(headers)}"
    if row.requests < objective.requests:
        return f"{plural(objective.requests, 'request')} were required, but this run planned {row.requests}"
    return ""


def _unjudged(objective: str, reason: str) -> RecomputedVerdict:
    return RecomputedVerdict(objective=shortened(objective, LINE_LIMIT), reason=shortened(reason, LINE_LIMIT))
