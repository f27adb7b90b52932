"""A report's records of what policies allow: each requirement as judged, and the connections behind it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import Field

from kindgate.errors import SloError
from kindgate.model import Verdict
from kindgate.report.frozen_record import LINE_LIMIT, NAME_LIMIT, Count, Line, Name, Record
from kindgate.report.markdown_escape import shortened
from kindgate.report.objective_records import WORST_FIRST
from kindgate.report.recomputation import RecomputedVerdict
from kindgate.slo.connections import DEFAULT_RULES, RULES_LIMIT, Connection, ConnectionRule, Required, Seen
from kindgate.slo.policy_judge import PolicyJudgement, PolicyResult, judge_connections, judge_rule, policy_verdict

POLICY_LIMIT: Final = 20
"""Maximum number of judgements about policies in a report."""

CONNECTIONS_LIMIT: Final = 2000
"""Maximum number of connections of one judgement."""

EXAMPLES_LIMIT: Final = 10
"""Maximum number of examples of one requirement."""

NO_CONNECTIONS: Final = "the report has no connections for it"

Examples = Annotated[tuple[Line, ...], Field(max_length=EXAMPLES_LIMIT)]


class ConnectionRow(Record):
    """What one client saw at one port of one server, and what it saw at the base's; empty without a base."""

    client: Name
    server: Name
    port: Annotated[int, Field(ge=1, le=65535)]
    seen: Seen
    base: Seen | None = None


class RuleRow(Record):
    """A rule about connections as a suite states it; port 0 is every port."""

    required: Required
    client: Name
    server: Name
    port: Annotated[int, Field(ge=0, le=65535)] = 0

    def rule(self) -> ConnectionRule:
        """Convert to the judge's own type, without an origin."""
        return ConnectionRule(self.required, self.client, self.server, self.port)


class PolicyRow(Record):
    """One requirement and its verdict; `judged`, `misses` and `unknowns` count `noun`s, with examples of the last two."""

    requirement: Line
    noun: Name
    judged: Count
    misses: Count = 0
    missed: Examples = ()
    unknowns: Count = 0
    unknown: Examples = ()
    note: Line = ""
    verdict: Verdict
    explanation: Line = ""
    test: Line = ""

    @property
    def recomputed(self) -> Verdict:
        """The verdict that its counts give."""
        return policy_verdict(self.judged, max(self.misses, len(self.missed)), max(self.unknowns, len(self.unknown)))

    @property
    def finding(self) -> str:
        """What was found, without the requirement."""
        return self.explanation.removeprefix(f"{self.verdict}: ").removeprefix(f"{self.requirement}: ").removesuffix(".")


class PolicyRecord(Record):
    """One judgement of a test: its requirements, and the `rules` and `connections` behind those about connections.

    `own` rules come from the test, not from the SLO file.
    """

    test: Line = ""
    own: bool = False
    rows: Annotated[tuple[PolicyRow, ...], Field(min_length=1, max_length=RULES_LIMIT + 20)]
    rules: Annotated[tuple[RuleRow, ...], Field(max_length=RULES_LIMIT)] = ()
    connections: Annotated[tuple[ConnectionRow, ...], Field(max_length=CONNECTIONS_LIMIT)] = ()

    @property
    def tried(self) -> tuple[Connection, ...]:
        """The connections as the judge takes them."""
        return tuple(Connection(row.client, row.server, row.port, row.seen) for row in self.connections)

    @property
    def base(self) -> tuple[Connection, ...]:
        """The base's."""
        return tuple(Connection(row.client, row.server, row.port, row.base) for row in self.connections if row.base is not None)


@dataclass(frozen=True)
class JudgedPolicy:
    """A judgement about policies; `own` rules come from the test, not from the SLO file."""

    judgement: PolicyJudgement
    own: bool = False


def policy_records(judged: Iterable[tuple[str, JudgedPolicy]]) -> tuple[PolicyRecord, ...]:
    """The report's records of each test's judgements; failed ones are kept if there are too many."""
    entries = sorted(judged, key=lambda entry: entry[1].judgement.verdict is Verdict.PASS)
    return tuple(_record(test, one) for test, one in entries[:POLICY_LIMIT])


def policy_rows(records: Iterable[PolicyRecord], *verdicts: Verdict) -> tuple[PolicyRow, ...]:
    """All requirements, the worst first; with `verdicts`, those with one of these."""
    rows = (row for record in records for row in record.rows if not verdicts or row.verdict in verdicts)
    return tuple(sorted(rows, key=lambda row: WORST_FIRST.index(row.verdict)))


def recomputed_policy(record: PolicyRecord) -> PolicyRecord:
    """The record with the verdicts that its connections and counts give; what cannot be recomputed is a FAIL."""
    judged = _rejudged(record)
    return record.model_copy(update={"rows": tuple(judged.get(row.requirement) or _by_counts(row, record) for row in record.rows)})


def policy_claims(records: Iterable[PolicyRecord]) -> tuple[RecomputedVerdict, ...]:
    """What the records claim, and the verdicts that their connections and counts give."""
    return tuple(
        RecomputedVerdict(
            objective=shortened(f"policy: {claimed.requirement}", LINE_LIMIT),
            test=record.test,
            own=record.own,
            claimed=claimed.verdict,
            verdict=row.verdict,
            reason=row.explanation,
        )
        for record in records
        for claimed, row in zip(record.rows, recomputed_policy(record).rows, strict=True)
    )


def base_policy(records: Iterable[PolicyRecord], rules: tuple[ConnectionRule, ...]) -> tuple[RecomputedVerdict, ...]:
    """The base branch's rules, judged from the connections that the run tried; nothing if it tried none.

    Connections that a test judged by its own rules count only if there are no others: a suite may plant a failure.
    """
    tried = [record for record in records if record.connections]
    verdicts = []
    for record in [one for one in tried if not one.own] or tried:
        for rule in rules or DEFAULT_RULES:
            try:
                result = judge_rule(rule, rules or DEFAULT_RULES, record.tried)
            except SloError as error:
                verdicts.append(RecomputedVerdict(objective=_name(str(rule)), reason=shortened(error.message, LINE_LIMIT)))
                continue
            reason = shortened(result.explanation, LINE_LIMIT)
            verdicts.append(RecomputedVerdict(objective=_name(str(rule)), verdict=result.verdict, reason=reason))
    return tuple(verdicts)


def edits_policy(records: Iterable[PolicyRecord], rules: tuple[ConnectionRule, ...]) -> bool:
    """Whether a run judged connections by other rules than those of the base; those of its tests do not count."""
    stated = {(one.required, one.client, one.server, one.port) for one in rules or DEFAULT_RULES}
    used = [{(row.required, row.client, row.server, row.port) for row in one.rules} for one in records if one.rules and not one.own]
    return any(one != stated for one in used)


def _record(test: str, judged: JudgedPolicy) -> PolicyRecord:
    judgement = judged.judgement
    before = {(one.client, one.server, one.port): one.seen for one in judgement.base}
    connections = [
        ConnectionRow(
            client=shortened(one.client, NAME_LIMIT),
            server=shortened(one.server, NAME_LIMIT),
            port=one.port,
            seen=one.seen,
            base=before.get((one.client, one.server, one.port)),
        )
        for one in judgement.connections
    ]
    return PolicyRecord(
        test=shortened(test, LINE_LIMIT),
        own=judged.own,
        rows=tuple(policy_row(result, test) for result in judgement.results),
        rules=tuple(RuleRow(required=one.required, client=one.client, server=one.server, port=one.port) for one in judgement.rules),
        connections=tuple(connections) if len(connections) <= CONNECTIONS_LIMIT else (),
    )


def policy_row(result: PolicyResult, test: str = "") -> PolicyRow:
    """The record of one result."""
    return PolicyRow(
        requirement=shortened(result.requirement, LINE_LIMIT),
        noun=result.noun,
        judged=result.judged,
        misses=result.misses,
        missed=tuple(shortened(text, LINE_LIMIT) for text in result.missed[:EXAMPLES_LIMIT]),
        unknowns=len(result.unknown),
        unknown=tuple(shortened(text, LINE_LIMIT) for text in result.unknown[:EXAMPLES_LIMIT]),
        note=shortened(result.note, LINE_LIMIT),
        verdict=result.verdict,
        explanation=shortened(result.explanation, LINE_LIMIT),
        test=shortened(test, LINE_LIMIT),
    )


def _rejudged(record: PolicyRecord) -> dict[str, PolicyRow]:
    """The rows about connections as the judge has them, by requirement."""
    if not record.connections:
        return {}
    try:
        results = judge_connections([row.rule() for row in record.rules], record.tried, record.base).results
    except SloError:
        return {}
    return {row.requirement: row for row in (policy_row(result, record.test) for result in results)}


def _by_counts(row: PolicyRow, record: PolicyRecord) -> PolicyRow:
    if row.noun == "connection" and not record.connections:
        explanation = f"{Verdict.FAIL}: cannot be recomputed: {NO_CONNECTIONS}."
        return row.model_copy(update={"verdict": Verdict.FAIL, "explanation": explanation})
    verdict = row.recomputed
    if verdict is row.verdict:
        return row
    explanation = shortened(f"{verdict}: {row.requirement}: its counts give this verdict.", LINE_LIMIT)
    return row.model_copy(update={"verdict": verdict, "explanation": explanation})


def _name(requirement: str) -> str:
    return shortened(f"policy: {requirement}", LINE_LIMIT)
