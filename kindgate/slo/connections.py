"""Connections between pods as they were tried, and rules about them. Pure.

A rule is written `CLIENT -> SERVER:PORT`, as in `* -> shop-database:5432`: names of workloads and Services, where `*` and `?`
stand for characters. Two more clients exist: `stranger`, a pod of another namespace, and `neighbor`, a pod of the server's
namespace; neither has labels.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from kindgate.source_location import Source

STRANGER, NEIGHBOR = "stranger", "neighbor"
"""Clients that do not belong to the application: a pod of another namespace, and one of the server's, both without labels."""

ANY_PORT = 0

RULE_FORM = "CLIENT -> SERVER:PORT"

RULES_LIMIT = 100
"""Maximum number of rules of a document, and of one test."""

_NAME = r"[A-Za-z0-9*?](?:[A-Za-z0-9*?./-]{0,251}[A-Za-z0-9*?])?"
_RULE = re.compile(rf"\s*({_NAME})\s*->\s*({_NAME})(?::(\*|[0-9]{{1,5}}))?\s*")

Required = Literal["allow", "deny"]


class Seen(enum.StrEnum):
    """What a client saw when it tried to connect."""

    CONNECTED = "connected"
    REFUSED = "refused"
    TIMED_OUT = "timed out"
    UNREACHABLE = "unreachable"
    NOT_LISTENING = "nothing listens"
    """The server's own pod cannot connect to the port either, so it says nothing about policies."""
    CHANGING = "changing"
    """Attempts did not agree until the time limit."""
    FAILED = "not tried"


DENIED = frozenset({Seen.REFUSED, Seen.TIMED_OUT, Seen.UNREACHABLE})


@dataclass(frozen=True, order=True)
class Connection:
    """One attempt of a pod of `client` to open a TCP connection to `port` of `server`, a workload or a Service."""

    client: str
    server: str
    port: int
    seen: Seen

    @property
    def target(self) -> str:
        """`shop-database:5432`."""
        return f"{self.server}:{self.port}"

    @property
    def name(self) -> str:
        """`stranger -> shop-database:5432`."""
        return f"{self.client} -> {self.target}"

    @property
    def is_allowed(self) -> bool | None:
        """Whether it was allowed; None if that is unknown."""
        if self.seen is Seen.CONNECTED:
            return True
        return False if self.seen in DENIED else None


@dataclass(frozen=True)
class ConnectionRule:
    """Connections that must be possible (`allow`) or impossible (`deny`); `port` 0 is every port. `origin` names file and line."""

    required: Required
    client: str
    server: str
    port: int = ANY_PORT
    origin: str = ""

    def __str__(self) -> str:
        """`deny stranger -> shop-database:5432`."""
        return f"{self.required} {self.client} -> {self.server}{f':{self.port}' if self.port else ''}"

    def matches(self, connection: Connection) -> bool:
        """Whether the rule is about this connection."""
        return (
            fnmatchcase(connection.client, self.client)
            and fnmatchcase(connection.server, self.server)
            and self.port in {ANY_PORT, connection.port}
        )


DEFAULT_RULES = (ConnectionRule("deny", STRANGER, "*"),)
"""What must hold if a suite states nothing: pods of other namespaces cannot connect to the application."""


def parse_rule(required: Required, source: Source) -> ConnectionRule:
    """The rule that `source` describes; raises `SloError`, pointing at the bad part."""
    match = _RULE.fullmatch(source.text)
    if match is None:
        raise source.error(f"{source.text!r} is not of the form {RULE_FORM}", next_step="write, for example, * -> database:5432")
    client, server, port = match.groups()
    if port not in {None, "*"} and not 1 <= int(port) <= 65535:
        raise source.part(*match.span(3)).error("a port is a number from 1 to 65535")
    return ConnectionRule(required, client, server, ANY_PORT if port in {None, "*"} else int(port), source.position)


def named_rules(allow: Iterable[str], deny: Iterable[str], origin: str) -> tuple[ConnectionRule, ...]:
    """The rules that a test or a command states; `origin` names it in errors. Raises `SloError`."""
    texts: list[tuple[Required, str]] = [*(("allow", text) for text in allow), *(("deny", text) for text in deny)]
    sources = [(required, Source(text, origin)) for required, text in texts]
    if len(sources) > RULES_LIMIT:
        raise sources[0][1].error(f"more than {RULES_LIMIT} rules about connections")
    return tuple(parse_rule(required, source) for required, source in sources)
