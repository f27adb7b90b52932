"""Rules about connections: their form, their errors, and what they are about."""

from __future__ import annotations

import pytest

from kindgate.errors import SloError
from kindgate.slo.connections import Connection, ConnectionRule, Seen, named_rules, parse_rule
from kindgate.source_location import Source


@pytest.mark.parametrize(
    ("text", "client", "server", "port"),
    [
        ("shop -> shop-database:5432", "shop", "shop-database", 5432),
        ("*->*", "*", "*", 0),
        ("  stranger -> shop/web:*  ", "stranger", "shop/web", 0),
        ("web-? -> db", "web-?", "db", 0),
    ],
)
def test_a_rule_is_read(text: str, client: str, server: str, port: int) -> None:
    """Spaces do not matter, and a rule without a port is about every port."""
    assert parse_rule("deny", Source(text)) == ConnectionRule("deny", client, server, port, "column 1")


@pytest.mark.parametrize(
    "text", ["shop", "shop -> ", "-> db", "shop - > db", "shop -> db:http", "shop -> db:1:2", "a b -> c", "shop -> db:123456"]
)
def test_a_rule_of_another_form_is_an_error(text: str) -> None:
    """The error shows the form."""
    with pytest.raises(SloError, match="is not of the form CLIENT -> SERVER:PORT"):
        parse_rule("deny", Source(text))


@pytest.mark.parametrize("port", ["0", "65536", "99999"])
def test_an_impossible_port_is_an_error_that_points_at_it(port: str) -> None:
    """The caret is under the port."""
    with pytest.raises(SloError, match="a port is a number from 1 to 65535") as raised:
        parse_rule("deny", Source(f"a -> b:{port}", "slo.yaml", 3))
    assert raised.value.message.startswith("slo.yaml:3:8:")


@pytest.mark.parametrize(
    ("rule", "matches"),
    [
        ("shop -> db:5432", True),
        ("* -> db", True),
        ("sh* -> d?:*", True),
        ("shop -> db:5433", False),
        ("shopping -> db", False),
        ("db -> shop", False),
    ],
)
def test_a_rule_matches_by_client_server_and_port(rule: str, *, matches: bool) -> None:
    """Names match as a whole."""
    assert parse_rule("deny", Source(rule)).matches(Connection("shop", "db", 5432, Seen.CONNECTED)) is matches


@pytest.mark.parametrize(
    ("seen", "allowed"),
    [
        (Seen.CONNECTED, True),
        (Seen.REFUSED, False),
        (Seen.TIMED_OUT, False),
        (Seen.UNREACHABLE, False),
        (Seen.NOT_LISTENING, None),
        (Seen.CHANGING, None),
        (Seen.FAILED, None),
    ],
)
def test_only_an_attempt_that_shows_something_is_allowed_or_denied(seen: Seen, *, allowed: bool | None) -> None:
    """A port on which nothing listens says nothing about policies."""
    assert Connection("shop", "db", 5432, seen).is_allowed is allowed


def test_a_test_may_not_state_too_many_rules() -> None:
    """As many as a document may have."""
    with pytest.raises(SloError, match="more than 100 rules"):
        named_rules([], ["a -> b"] * 101, "policy")
