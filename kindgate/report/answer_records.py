"""A report's records of compared answers: one row per route, with its changes and their verdict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Final

from pydantic import Field

from kindgate.model import Verdict
from kindgate.report.frozen_record import LINE_LIMIT, NAME_LIMIT, Count, Line, Name, Record
from kindgate.report.markdown_escape import shortened
from kindgate.report.recomputation import RecomputedVerdict
from kindgate.slo.answers import CHANGES_LIMIT, AnswerChange
from kindgate.slo.answers_section import HEADERS_LIMIT
from kindgate.slo.answers_verdict import AnswersResult, answers_verdict, explain_answers
from kindgate.slo.compare import Comparison

ANSWERS_LIMIT: Final = 300
"""Maximum routes whose answers a report holds: changed ones first."""

_MISSED_FIRST: Final = (Verdict.FAIL, Verdict.INVALID, None, Verdict.PASS)


class ChangedAnswer(Record):
    """One difference at `place`, such as `status` or `JSON items.*.price`, with an example; `seen` of `compared` requests showed it."""

    place: Name
    base: Line
    head: Line
    seen: Count
    compared: Count

    def __str__(self) -> str:
        """`status: 200 -> 500`."""
        return f"{self.place}: {self.base} -> {self.head}"


class AnswersRow(Record):
    """The answers of both versions to the same requests of one route.

    `same` is whether they had to be equal: otherwise `verdict` is None. `requests` were planned, `compared` got an answer of
    the baseline. `headers` had to be equal too. `varying` is the number of places that differ between answers of the
    baseline, which are ignored.
    """

    route: Name
    same: bool = False
    headers: Annotated[tuple[Name, ...], Field(max_length=HEADERS_LIMIT)] = ()
    requests: Count = 0
    compared: Count = 0
    varying: Count = 0
    changes: Annotated[tuple[ChangedAnswer, ...], Field(max_length=CHANGES_LIMIT)] = ()
    verdict: Verdict | None = None
    explanation: Line = ""
    test: Line = ""

    @property
    def recomputed(self) -> AnswersRow:
        """The row with the verdict that its changes give."""
        verdict = answers_verdict(same=self.same, compared=self.compared, changes=len(self.changes))
        explanation = explain_answers(verdict, self.route, self.compared, map(str, self.changes))
        return self.model_copy(update={"verdict": verdict, "explanation": shortened(explanation, LINE_LIMIT)})

    @property
    def objective(self) -> str:
        """A short name for what is required."""
        return f"answers of {self.route} as those of the baseline"


def answers_records(comparison: Comparison, test: str = "") -> tuple[AnswersRow, ...]:
    """Report records of the answers that a comparison compared."""
    return tuple(_row(result, test) for result in comparison.answers)


def kept_rows(rows: Iterable[AnswersRow]) -> tuple[AnswersRow, ...]:
    """The rows that a report holds, failed and changed ones first if they are too many."""
    all_rows = tuple(rows)
    if len(all_rows) <= ANSWERS_LIMIT:
        return all_rows
    return tuple(sorted(all_rows, key=lambda row: (_MISSED_FIRST.index(row.verdict), not row.changes))[:ANSWERS_LIMIT])


def judged_rows(rows: Iterable[AnswersRow], *verdicts: Verdict) -> tuple[AnswersRow, ...]:
    """The rows with a verdict; with `verdicts`, those with one of these."""
    return tuple(row for row in rows if row.verdict is not None and (not verdicts or row.verdict in verdicts))


def changed_rows(rows: Iterable[AnswersRow]) -> tuple[AnswersRow, ...]:
    """The rows that a page shows: changed answers, and those that could not be compared; each route once."""
    first = {row.route: row for row in reversed(tuple(rows)) if row.changes or row.verdict is Verdict.INVALID}
    return tuple(sorted(first.values(), key=lambda row: (_MISSED_FIRST.index(row.verdict), row.route)))


def answer_claims(rows: Sequence[AnswersRow]) -> tuple[RecomputedVerdict, ...]:
    """What the rows claim, and the verdict that their changes give."""
    return tuple(
        RecomputedVerdict(
            objective=shortened(row.objective, LINE_LIMIT),
            test=row.test,
            claimed=row.verdict,
            verdict=row.recomputed.verdict,
            reason=row.recomputed.explanation,
        )
        for row in rows
        if row.same or row.verdict is not None
    )


def _row(result: AnswersResult, test: str) -> AnswersRow:
    objective, answers = result.objective, result.answers
    return AnswersRow(
        route=shortened(answers.route, NAME_LIMIT),
        same=objective.same,
        headers=tuple(shortened(name, NAME_LIMIT) for name in objective.headers),
        requests=objective.requests,
        compared=answers.compared,
        varying=len(answers.varying),
        changes=tuple(map(_change, answers.changes)),
        verdict=result.verdict,
        explanation=shortened(result.explanation, LINE_LIMIT),
        test=shortened(test, LINE_LIMIT),
    )


def _change(change: AnswerChange) -> ChangedAnswer:
    return ChangedAnswer(
        place=shortened(change.place, NAME_LIMIT),
        base=shortened(change.base, LINE_LIMIT),
        head=shortened(change.head, LINE_LIMIT),
        seen=change.seen,
        compared=change.compared,
    )
