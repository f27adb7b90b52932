"""What is never equal in the answers of two deployments: their own names, recent times and generated identifiers. Pure."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from kindgate.slo.answers import Answer

_UUID: Final = re.compile(rb"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b")

UUID: Final = b"00000000-0000-0000-0000-000000000000"
TIME: Final = b"0000-00-00T00:00:00"
"""Replacements that keep the format: a change of the format is still found."""

SHORTEST_VALUE: Final = 6
"""Minimum characters of a value of the setup to replace."""


@dataclass(frozen=True)
class OwnNames:
    """Texts of one deployment, such as its host, by the text that replaces them; and the days around the run.

    Each store writes its own UUIDs, and its own times when it is filled: UUIDs and times of `days` lose their value.
    """

    replacements: Mapping[str, str]
    days: tuple[dt.date, ...] = ()

    def replaced(self, answer: Answer) -> Answer:
        """The answer without them, in its headers and its body."""
        headers = {name: self._text(value.encode()).decode() for name, value in answer.headers.items()}
        return replace(answer, headers=headers, body=self._text(answer.body))

    @cached_property
    def _names(self) -> re.Pattern[bytes] | None:
        """One pattern for all names, the longest first, because one may contain another."""
        names = sorted((name for name in self.replacements if name), key=len, reverse=True)
        return re.compile(b"|".join(re.escape(name.encode()) for name in names)) if names else None

    @cached_property
    def _recent(self) -> re.Pattern[bytes] | None:
        """Times of these days (RFC 3339, section 5.6), whose fraction of a second has any length."""
        days = b"|".join(day.isoformat().encode() for day in self.days)
        return re.compile(b"(?:" + days + rb")[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]+)?") if days else None

    def _text(self, text: bytes) -> bytes:
        if self._names is not None:
            text = self._names.sub(lambda match: self.replacements[match[0].decode()].encode(), text)
        text = _UUID.sub(UUID, text)
        return self._recent.sub(TIME, text) if self._recent is not None else text


def days_around(moment: dt.datetime) -> tuple[dt.date, ...]:
    """The day of `moment` and its neighbors, for stores in any time zone."""
    return tuple((moment + dt.timedelta(days=distance)).date() for distance in (-1, 0, 1))


def own_names(
    pairs: Iterable[tuple[str, str]], pods: Iterable[str], addresses: Iterable[str], setup: Mapping[str, object], moment: dt.datetime
) -> OwnNames:
    """The names of one version: `pairs` of the baseline's hosts and namespaces with the pull request's, its pods' names and addresses.

    `setup` are the values that its setup extracted; short ones also occur by chance, so they are kept.
    """
    replacements = {value: f"{{{name}}}" for name, value in setup.items() if isinstance(value, str) and len(value) >= SHORTEST_VALUE}
    replacements |= dict.fromkeys(addresses, "{pod address}") | dict.fromkeys(pods, "{pod}") | dict(pairs)
    return OwnNames(replacements, days_around(moment))
