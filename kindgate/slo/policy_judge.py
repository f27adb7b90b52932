"""Judge what policies allow: facts, so a requirement is met by everything that was tried, missed, or unknown. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kindgate.errors import SloError
from kindgate.model import Verdict
from kindgate.slo.connections import DEFAULT_RULES, NEIGHBOR, RULE_FORM, STRANGER, Connection, ConnectionRule, Seen
from kindgate.slo.judge import overall

AS_ON_BASE = "no connection that the base denies"
"""The requirement about a change: whatever it opens must be allowed by a rule."""

_PAST = {Seen.REFUSED: "was refused", Seen.UNREACHABLE: "was unreachable"}
"""What was seen, as the end of a sentence about the connection, where the value itself is none."""


@dataclass(frozen=True)
class PolicyResult:
    """One requirement and what missed it; `judged` and `misses` count `noun`s, such as connections.

    `missed` and `unknown` describe those that missed it and those that could not be judged.
    """

    requirement: str
    noun: str
    judged: int
    missed: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    misses: int = 0
    note: str = ""

    @property
    def verdict(self) -> Verdict:
        """The verdict; nothing to judge is INVALID."""
        return policy_verdict(self.judged, self.misses, len(self.unknown))

    @property
    def explanation(self) -> str:
        """One sentence with the verdict and the first example."""
        return f"{self.verdict}: {self.requirement}: {self.finding}."

    @property
    def finding(self) -> str:
        """What was found, without a period: `stranger -> shop:80 connected; 1 of 3 connections misses it`."""
        return policy_finding(self)


@dataclass(frozen=True)
class PolicyJudgement:
    """The results about one application, with the connections that they were judged from: its own, and the base's."""

    results: tuple[PolicyResult, ...]
    connections: tuple[Connection, ...] = ()
    base: tuple[Connection, ...] = ()
    rules: tuple[ConnectionRule, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The worst verdict."""
        return overall(result.verdict for result in self.results)


def judge_connections(
    rules: Sequence[ConnectionRule], connections: Sequence[Connection], base: Sequence[Connection] = ()
) -> PolicyJudgement:
    """Judge connections by `rules`, or by the default; with `base`, also which of its denied ones are open now.

    A rule that allows a connection takes precedence over one that denies it. Raises `SloError` for a rule about no connection.
    """
    rules = tuple(rules) or DEFAULT_RULES
    results = [judge_rule(rule, rules, connections) for rule in rules]
    if base:
        results.append(_compared(rules, connections, base))
    return PolicyJudgement(tuple(results), tuple(connections), tuple(base), rules)


def judge_rule(rule: ConnectionRule, rules: Sequence[ConnectionRule], connections: Sequence[Connection]) -> PolicyResult:
    """Judge one of `rules`, of which those that allow a connection take precedence; raises `SloError` if it is about none."""
    covered = _covered(rule, rules, connections)
    must_pass = rule.required == "allow"
    missed = tuple(f"{one.name} {_PAST.get(one.seen, one.seen)}" for one in covered if one.is_allowed is (not must_pass))
    unknown = tuple(f"{one.name}: {one.seen}" for one in covered if one.is_allowed is None)
    return PolicyResult(str(rule), "connection", len(covered), missed, unknown, len(missed))


def policy_verdict(judged: int, misses: int, unknown: int) -> Verdict:
    """The verdict about a requirement; one miss suffices, and without anything to judge it is INVALID."""
    if misses:
        return Verdict.FAIL
    return Verdict.INVALID if unknown or not judged else Verdict.PASS


def policy_finding(result: PolicyResult) -> str:
    """What was found, without the requirement and a period."""
    counted = f"{result.judged} {result.noun}{'s' * (result.judged != 1)}"
    if result.misses:
        more = f", and {len(result.missed) - 1} more" if len(result.missed) > 1 else ""
        return f"{result.missed[0]}{more}; {result.misses} of {counted} {'misses' if result.misses == 1 else 'miss'} it"
    if result.unknown:
        return f"{result.unknown[0]}; {len(result.unknown)} of {counted} could not be judged"
    if not result.judged:
        return f"there was no {result.noun} to judge"
    return f"met by {counted}{f'; {result.note}' if result.note else ''}"


def _covered(rule: ConnectionRule, rules: Sequence[ConnectionRule], connections: Sequence[Connection]) -> list[Connection]:
    """The connections that `rule` decides; raises `SloError` if there are none."""
    matching = [one for one in connections if rule.matches(one)]
    exceptions = [other for other in rules if other.required == "allow" and rule.required == "deny"]
    covered = [one for one in matching if not any(other.matches(one) for other in exceptions)]
    if covered:
        return covered
    problem = "other rules allow all of its connections" if matching else "no connection was tried that it is about"
    clients = ", ".join(dict.fromkeys(one.client for one in connections))
    servers = ", ".join(dict.fromkeys(one.target for one in connections))
    raise SloError(
        f"{rule.origin or 'rule'}: {rule}: {problem}",
        last_state=f"clients: {clients or 'none'}; servers: {servers or 'none'}",
        next_step=f"write {RULE_FORM} with these names, or *",
    )


def _compared(rules: Sequence[ConnectionRule], connections: Sequence[Connection], base: Sequence[Connection]) -> PolicyResult:
    """What the change opens and closes, among the connections that both versions have."""
    before = {(one.client, one.server, one.port): one for one in base}
    pairs = [(old, new) for new in connections if (old := before.get((new.client, new.server, new.port))) is not None]
    known = [(old, new) for old, new in pairs if old.is_allowed is not None and new.is_allowed is not None]
    unknown = tuple(f"{new.name}: {new.seen}, on the base {old.seen}" for old, new in pairs if (old, new) not in known)
    opened = [
        new
        for old, new in known
        if new.is_allowed and not old.is_allowed and not any(rule.required == "allow" and rule.matches(new) for rule in rules)
    ]
    closed = [new for old, new in known if old.is_allowed and not new.is_allowed]
    missed = tuple(f"this change opens {target} to {names}" for target, names in _grouped(opened))
    note = "; ".join(f"this change closes {target} to {names}" for target, names in _grouped(closed))
    return PolicyResult(AS_ON_BASE, "connection", len(pairs), missed, unknown, len(opened), note)


def _grouped(connections: Iterable[Connection]) -> list[tuple[str, str]]:
    """Each target with its clients, in words."""
    targets: dict[str, list[str]] = {}
    for one in connections:
        targets.setdefault(one.target, []).append(one.client)
    return [(target, _in_words(clients)) for target, clients in targets.items()]


def _in_words(clients: Sequence[str]) -> str:
    if {STRANGER, NEIGHBOR} <= set(clients):
        return "every pod"
    words = {STRANGER: "pods of other namespaces", NEIGHBOR: "every pod of its namespace"}
    named = [words.get(client, client) for client in clients]
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
