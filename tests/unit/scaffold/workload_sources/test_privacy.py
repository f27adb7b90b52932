"""Values are judged by format and by name, and replaced by what a request can still be sent with."""

from __future__ import annotations

import pytest

from kindgate.scaffold.workload_sources.imported import DropList
from kindgate.scaffold.workload_sources.naming import Names
from kindgate.scaffold.workload_sources.privacy import Scrubber, personal_reason, secret_reason
from kindgate.workload.model import EnvironmentValue, Json, RandomUuid


def scrubber(*, recorded: bool = True, accounts: bool = True) -> tuple[Scrubber, DropList]:
    """A scrubber, and its list of replacements."""
    drops = DropList()
    return Scrubber(Names(), drops, recorded=recorded, accounts=accounts), drops


@pytest.mark.parametrize(
    ("name", "value", "written"),
    [
        ("quantity", 2, 2),
        ("name", "{x} red", "{{x}} red"),
        ("gift", True, True),
        ("note", None, None),
        ("password", "correct horse", "{password}"),
        ("apiKey", "k-1", "{api_key}"),
        ("session_id", "abc", "{session_id}"),
        ("note", "aB3dE5gH7jK9mN1pQ3sT5", "{note}"),
        ("email", "jane@corp.com", "{email}"),
        ("user", "jane", "{user}"),
        ("note", "mail jane@corp.com", "user@example.com"),
        ("phone", "+49 170 1234567", "+15555550100"),
        ("city", "Paris", "text"),
        ("zip", 75001, 1),
        ("account", 4111111111111111, 1),
        ("max_tokens", 100, 100),
        ("passcode", 123456, "{passcode}"),
        ("pin", 1234, 1),
        ("page_token", "", ""),
    ],
)
def test_recorded_values_are_replaced(name: str, value: Json, written: Json) -> None:
    """By a placeholder for a credential, by a neutral value for personal data."""
    assert scrubber()[0].json({name: value}) == {name: written}


def test_documented_values_are_replaced_by_format_and_secret_names_only() -> None:
    """An example of a description is about nobody: a city in it is needed."""
    value = {"city": "Paris", "state": "open", "password": "x", "email": "jane@corp.com"}

    assert scrubber(recorded=False, accounts=False)[0].json(value) == {
        "city": "Paris",
        "state": "open",
        "password": "{password}",
        "email": "user@example.com",
    }


def test_a_uuid_that_identifies_a_request_is_new_in_each_one() -> None:
    """With the recorded one, every request but the first would be a repetition; one that identifies a thing is kept."""
    uuid = "550e8400-e29b-41d4-a716-446655440000"
    found, _ = scrubber(recorded=False)

    assert found.json({"requestId": uuid, "product_id": uuid, "request_id": "r-1"}) == {
        "requestId": "{uuid}",
        "product_id": uuid,
        "request_id": "r-1",
    }
    assert found.text("Idempotency-Key", uuid) == "{uuid}"
    assert list(found.data.values()) == [RandomUuid("uuid")]


def test_every_replacement_is_recorded_without_the_value() -> None:
    """The reader learns which variables to set."""
    found, drops = scrubber()

    found.json({"password": "correct horse", "items": [{"password": "other"}], "city": "Paris"})

    assert found.data == {"password": EnvironmentValue("password", "PASSWORD", secret=True)}
    assert [(one.what, one.reason, one.count) for one in drops.result()] == [
        ("value of password", "named like a secret: read from PASSWORD", 2),
        ("value of city", "named like personal data: replaced", 1),
    ]


@pytest.mark.parametrize("text", ["price", "2024-01-31", "550e8400-e29b-41d4-a716-446655440000", "red-shoes-size-42", "application/json"])
def test_ordinary_values_are_kept(text: str) -> None:
    """A workload without values would test nothing."""
    assert secret_reason("sort", text, recorded=True) == ""
    assert personal_reason("sort", text, recorded=True) == ""
