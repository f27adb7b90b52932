"""Keep secrets and personal data out of a workload: values become placeholders of secrets, or neutral values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote_plus

from kindgate.redaction.personal_data import is_personal_name, is_session_name, personal_format
from kindgate.redaction.secret_names import is_secret_name
from kindgate.redaction.secret_patterns import without_patterns
from kindgate.scaffold.workload_sources.imported import DropList
from kindgate.scaffold.workload_sources.naming import Names, identifier
from kindgate.workload.model import DataSource, EnvironmentValue, Json, RandomUuid
from kindgate.workload.placeholders import escaped

NEUTRAL: Mapping[str, str] = {
    "an email address": "user@example.com",
    "an IP address": "192.0.2.1",
    "a number that may be a phone number": "+15555550100",
}
"""Replacements for personal data, from the ranges reserved for documentation; other kinds become `text`."""

_NEUTRAL_TEXT = "text"

_RANDOM = re.compile(r"(?<![\w-])(?=[\w.~+/=-]*[0-9])(?=[\w.~+/=-]*[a-z])(?=[\w.~+/=-]*[A-Z])[\w.~+/=-]{20,}(?![\w-])")
"""Twenty or more characters with digits and letters of both cases: a token of an unknown publisher."""

_ACCOUNT = re.compile(r"(?:^|_)(?:user|user_?name|login|login_?name|account|account_?name|e?_?mail)$")

_REQUEST_ID = re.compile(r"(?:^|_)(?:idempotency(?:_key)?|(?:request|correlation|transaction|client_order|dedup(?:lication)?)_id)$")
"""Fields that identify a request, not a thing."""

_UUID = re.compile(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")
_UUID_KEY = "new uuid"
"""Key of the generated UUID, which no field's identifier equals."""

_LONG_HEX = re.compile(r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{48,}(?![0-9A-Fa-f])")


def secret_reason(name: str, text: str, *, recorded: bool) -> str:
    """Why the text, the value of `name`, may be a secret; empty if nothing suggests it.

    `recorded` values come from real traffic, where names of sessions and random texts are also judged.
    """
    if text and is_secret_name(name):
        return "named like a secret"
    if text and recorded and is_session_name(name):
        return "named like a session or a one-time value"
    for form in {text, unquote_plus(text), unquote_plus(unquote_plus(text))}:
        context = f"{name}: {form}" if name else form  # a header's name is part of what gives it away
        if without_patterns(context) != context:
            return "looks like a secret"
        if recorded and (_RANDOM.search(form) or _LONG_HEX.search(form)):
            return "looks like a token"
    return ""


def personal_reason(name: str, text: str, *, recorded: bool) -> str:
    """Why the text, the value of `name`, may be personal data; empty if nothing suggests it."""
    found = personal_format(text)
    return found or ("named like personal data" if recorded and text and is_personal_name(name) else "")


def private_reason(name: str, text: str, *, recorded: bool) -> str:
    """Why the text must not be written; empty if it may be."""
    return secret_reason(name, text, recorded=recorded) or personal_reason(name, text, recorded=recorded)


class Scrubber:
    """Turns values of a source into texts of a workload, and records what it replaced.

    `data` holds the values of the placeholders given out so far: environment variables, and a UUID for each request where
    one identifies the request. With `accounts`, the names of accounts are read from the environment too, because a login
    with a neutral name would fail.
    """

    def __init__(self, names: Names, drops: DropList, *, recorded: bool, accounts: bool = True) -> None:
        self.data: dict[str, DataSource] = {}
        self._names = names
        self._drops = drops
        self._recorded = recorded
        self._accounts = accounts

    def secret(self, name: str) -> str:
        """A placeholder for the secret `name`: `{api_key}`, read from the environment variable `API_KEY`."""
        key = identifier(name)
        if key not in self.data:
            own = self._names.unique(key)
            self.data[key] = EnvironmentValue(own, own.upper(), secret=True)
        return f"{{{self.data[key].name}}}"

    def _uuid(self) -> str:
        """A placeholder for a UUID that is new in each request: a server answers a repeated request from its memory."""
        if _UUID_KEY not in self.data:
            self.data[_UUID_KEY] = RandomUuid(self._names.unique("uuid"))
        return f"{{{self.data[_UUID_KEY].name}}}"

    def text(self, name: str, text: str) -> str:
        """The text of a workload for the value of `name`."""
        name = self.field(name)
        reason = secret_reason(name, text, recorded=self._recorded) or self._account_reason(name, text)
        if reason:
            placeholder = self.secret(name or "secret")
            self._drops.add(f"value of {name or 'a field'}", f"{reason}: read from {placeholder[1:-1].upper()}")
            return placeholder
        if _REQUEST_ID.search(identifier(name)) and _UUID.fullmatch(text):
            return self._uuid()
        reason = personal_reason(name, text, recorded=self._recorded)
        if reason:
            neutral = NEUTRAL.get(reason, _NEUTRAL_TEXT)
            if text != neutral:
                self._drops.add(f"value of {name or 'a field'}", f"{reason}: replaced")
            return neutral
        return escaped(text)

    def _account_reason(self, name: str, text: str) -> str:
        """Why the text is the name of an account; empty if it is none, or if these are not read from the environment."""
        reason = personal_reason(name, text, recorded=self._recorded) if self._accounts else ""
        is_account = _ACCOUNT.search(identifier(name)) is not None and reason == "named like personal data"
        return reason if is_account or (reason == "an email address" and personal_format(text) and " " not in text) else ""

    def json(
        self,
        value: Any,  # noqa: ANN401  # a JSON value
        name: str = "",
        bound: Mapping[tuple[str, str], str] = MappingProxyType({}),
    ) -> Json:
        """The JSON of a workload for the value of `name`; keys that hold personal data are replaced as well.

        `bound` maps names and values, as texts, to placeholders that replace the values.
        """
        if isinstance(value, Mapping):
            return {self.field(str(key)): self.json(item, str(key), bound) for key, item in value.items()}
        if isinstance(value, list):
            return [self.json(item, name, bound) for item in value]
        if isinstance(value, str | int) and not isinstance(value, bool) and (name, str(value)) in bound:
            return bound[name, str(value)]
        if isinstance(value, str):
            return self.text(name, value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return self._number(value, name)
        return value if isinstance(value, bool) else None

    def _number(self, value: float, name: str) -> Json:
        if is_secret_name(name) and not name.lower().endswith("s"):  # `max_tokens` is a count
            return self.text(name, str(value))
        if self._recorded and (is_session_name(name) or is_personal_name(name)):
            reason = "named like personal data"
        else:
            reason = personal_format(str(value))
        if reason:
            self._drops.add(f"value of {name or 'a field'}", f"{reason}: replaced")
        return 1 if reason else value

    def field(self, name: str) -> str:
        """The name of a field, header or parameter, neutral if the name itself is private."""
        return _NEUTRAL_TEXT if private_reason("", name, recorded=self._recorded) else name
