"""What policies allow is judged as facts: by rules, and by what the base denies."""

from __future__ import annotations

import pytest

from kindgate.errors import SloError
from kindgate.model import Verdict
from kindgate.slo.connections import Connection, Seen, named_rules
from kindgate.slo.policy_judge import PolicyResult, judge_connections

CONNECTED, REFUSED = Seen.CONNECTED, Seen.REFUSED


def tried(stranger: Seen = REFUSED, neighbor: Seen = REFUSED, shop: Seen = CONNECTED, *, web: Seen = REFUSED) -> tuple[Connection, ...]:
    """The connections to the database, and the stranger's to the shop."""
    return (
        Connection("shop", "db", 5432, shop),
        Connection("neighbor", "db", 5432, neighbor),
        Connection("stranger", "db", 5432, stranger),
        Connection("stranger", "shop", 8080, web),
    )


def judged(connections: tuple[Connection, ...], *deny: str, allow: tuple[str, ...] = ()) -> list[tuple[Verdict, str]]:
    """The verdicts and explanations by these rules."""
    results = judge_connections(named_rules(allow, deny, "policy"), connections).results
    return [(result.verdict, result.explanation) for result in results]


def test_strangers_may_not_connect_by_default() -> None:
    """Every connection of theirs is counted."""
    assert judged(tried()) == [(Verdict.PASS, "PASS: deny stranger -> *: met by 2 connections.")]


def test_a_connection_that_must_be_impossible_is_named() -> None:
    """With the number of those that miss the rule."""
    sentence = "FAIL: deny stranger -> *: stranger -> db:5432 connected; 1 of 2 connections misses it."
    assert judged(tried(stranger=CONNECTED)) == [(Verdict.FAIL, sentence)]


def test_a_connection_that_must_be_possible_is_named() -> None:
    """With what its client saw."""
    sentence = "FAIL: allow shop -> db: shop -> db:5432 was refused; 1 of 1 connection misses it."
    assert judged(tried(shop=REFUSED), allow=("shop -> db",)) == [(Verdict.FAIL, sentence)]


def test_what_a_rule_allows_another_does_not_deny() -> None:
    """In any order; everything else is denied."""
    results = judged(tried(), "* -> db:5432", allow=("shop -> db:5432",))
    assert results == [
        (Verdict.PASS, "PASS: allow shop -> db:5432: met by 1 connection."),
        (Verdict.PASS, "PASS: deny * -> db:5432: met by 2 connections."),
    ]


@pytest.mark.parametrize("seen", [Seen.NOT_LISTENING, Seen.CHANGING, Seen.FAILED])
def test_a_connection_that_shows_nothing_is_invalid(seen: Seen) -> None:
    """It neither meets nor misses the rule."""
    ((verdict, sentence),) = judged(tried(stranger=seen), "stranger -> db")
    assert verdict is Verdict.INVALID
    assert sentence == f"INVALID: deny stranger -> db: stranger -> db:5432: {seen}; 1 of 1 connection could not be judged."


def test_a_known_miss_outweighs_what_is_unknown() -> None:
    """One connection suffices."""
    ((verdict, _),) = judged(tried(stranger=Seen.NOT_LISTENING, web=CONNECTED))
    assert verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("deny", "allow", "problem"),
    [("shop -> database", (), "no connection was tried"), ("shop -> db", ("* -> db",), "other rules allow all of its connections")],
)
def test_a_rule_about_nothing_is_an_error(deny: str, allow: tuple[str, ...], problem: str) -> None:
    """A misspelled name must not pass; the error lists the names."""
    with pytest.raises(SloError, match=problem) as raised:
        judged(tried(), deny, allow=allow)
    assert raised.value.last_state == "clients: shop, neighbor, stranger; servers: db:5432, shop:8080"


def compared(head: tuple[Connection, ...], base: tuple[Connection, ...], *, allow: tuple[str, ...] = ()) -> PolicyResult:
    """The result about the change."""
    return judge_connections(named_rules(allow, ["stranger -> shop"], "policy"), head, base).results[-1]


def test_a_change_that_opens_nothing_passes() -> None:
    """All connections that both versions have are compared."""
    assert compared(tried(), tried()).explanation == "PASS: no connection that the base denies: met by 4 connections."


@pytest.mark.parametrize(
    ("opened", "words"),
    [
        ({"stranger": CONNECTED, "neighbor": CONNECTED}, "every pod"),
        ({"neighbor": CONNECTED}, "every pod of its namespace"),
        ({"stranger": CONNECTED}, "pods of other namespaces"),
    ],
)
def test_a_change_that_opens_a_port_fails_and_says_to_whom(opened: dict[str, Seen], words: str) -> None:
    """A stranger and a neighbor stand for every pod."""
    result = compared(tried(**opened), tried())
    assert (result.verdict, result.missed) == (Verdict.FAIL, (f"this change opens db:5432 to {words}",))
    assert f"{len(opened)} of 4 connections" in result.explanation


def test_an_opened_connection_that_a_rule_allows_is_intended() -> None:
    """The rule is part of the same change, so a reviewer sees both."""
    assert compared(tried(), tried(shop=REFUSED), allow=("shop -> db",)).verdict is Verdict.PASS
    assert compared(tried(), tried(shop=REFUSED)).missed == ("this change opens db:5432 to shop",)


def test_a_closed_connection_is_mentioned() -> None:
    """It is no miss: a rule that allows it is."""
    result = compared(tried(), tried(stranger=CONNECTED))
    assert result.explanation.endswith("met by 4 connections; this change closes db:5432 to pods of other namespaces.")


def test_what_only_one_version_has_is_not_compared() -> None:
    """A new server is judged by the rules alone."""
    assert compared(tried(stranger=CONNECTED), tried()[3:]).judged == 1


def test_an_unknown_connection_of_either_version_is_invalid() -> None:
    """The change could have opened it."""
    result = compared(tried(), tried(stranger=Seen.NOT_LISTENING))
    assert result.verdict is Verdict.INVALID
    assert result.unknown == ("stranger -> db:5432: refused, on the base nothing listens",)


def test_nothing_to_judge_is_invalid() -> None:
    """No data is never a PASS."""
    assert PolicyResult("x", "pod", 0).explanation == "INVALID: x: there was no pod to judge."
