"""Judge the compared answers of each route: a changed one is a FAIL if the objective requires equal answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kindgate.model import Verdict
from kindgate.slo.answers import RouteAnswers
from kindgate.slo.objectives import AnswersObjective


@dataclass(frozen=True)
class AnswersResult:
    """The answers of one route. `verdict` is None if changes are only reported."""

    objective: AnswersObjective
    answers: RouteAnswers
    verdict: Verdict | None
    explanation: str


def judge_answers(objective: AnswersObjective, routes: Iterable[RouteAnswers]) -> tuple[AnswersResult, ...]:
    """The result of each route."""
    return tuple(_result(objective, answers) for answers in routes)


def answers_verdict(*, same: bool, compared: int, changes: int) -> Verdict | None:
    """The verdict about a route; None if changes are only reported.

    Without an answer of the baseline there is nothing to compare, which is not the pull request's fault.
    """
    if not same:
        return None
    if not compared:
        return Verdict.INVALID
    return Verdict.FAIL if changes else Verdict.PASS


def explain_answers(verdict: Verdict | None, route: str, compared: int, changes: Iterable[str]) -> str:
    """One readable sentence; `changes` are texts such as `status: 200 -> 500`, the most telling first."""
    shown = list(changes)
    lead = f"{verdict}: " if verdict is not None else ""
    if not compared:
        return f"{lead}the baseline answered no request of {route}, so its answers cannot be compared."
    requests = f"{compared} {'request' if compared == 1 else 'requests'}"
    if not shown:
        return f"{lead}both versions answered {requests} of {route} alike."
    more = f", and {len(shown) - 1} more {'change' if len(shown) == 2 else 'changes'}" if len(shown) > 1 else ""
    return f"{lead}the answers of {route} changed: {shown[0]}{more} (from {requests}, each also sent to the baseline twice)."


def _result(objective: AnswersObjective, answers: RouteAnswers) -> AnswersResult:
    verdict = answers_verdict(same=objective.same, compared=answers.compared, changes=len(answers.changes))
    explanation = explain_answers(verdict, answers.route, answers.compared, map(str, answers.changes))
    return AnswersResult(objective, answers, verdict, explanation)
