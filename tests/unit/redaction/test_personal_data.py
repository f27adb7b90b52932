"""Personal data is recognized wherever it is, and numbers that are not personal are left alone."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.redaction.personal_data import is_personal_name, is_session_name, personal_format

PERSONAL = {
    "jane.doe@mail.corp.com": "an email address",
    "to=jane%40corp.com": "an email address",
    "to=jane%2540corp.com": "an email address",
    "+49 170 1234567": "a number that may be a phone number",
    "(555) 123-4567": "a number that may be a phone number",
    "5551234567": "a number that may be a phone number",
    "4111 1111 1111 1111": "a card number",
    "4111111111111111": "a card number",
    "DE89 3704 0044 0532 0130 00": "an account number",
    "DE89370400440532013000": "an account number",
    "203.0.113.7": "an IP address",
    "2001:db8:85a3::8a2e:370:7334": "an IP address",
}

HARMLESS = (
    "",
    "17",
    "123456789",
    "2024-01-31",
    "2024-01-31T12:00:00Z",
    "20240131",
    "550e8400-e29b-41d4-a716-446655440000",
    "52.5200066",
    "red shoes, size 42",
    "v1.2.3",
    "DE00 3704 0044 0532 0130 00x",
    "507f1f77bcf86cd799439011",
    "12:30:59",
    "user@example.com",
    "demo@shop.test",
)


@pytest.mark.parametrize(("text", "kind"), PERSONAL.items())
def test_personal_data_is_named_by_its_kind(text: str, kind: str) -> None:
    """The reader learns why a value was left out."""
    assert personal_format(text) == kind
    assert personal_format(f"before {text} after") == kind


@pytest.mark.parametrize("text", HARMLESS)
def test_ordinary_values_are_not_personal(text: str) -> None:
    """Ids, dates and identifiers are what a workload needs."""
    assert personal_format(text) == ""


@given(st.text(max_size=200))
def test_any_text_can_be_judged(text: str) -> None:
    """Values come from logs and recordings, so no text may raise an error; encoding it hides nothing."""
    assert not personal_format(text) or personal_format(quote(text))


@pytest.mark.parametrize(
    "name", ["email", "userEmail", "billing_address", "first-name", "Phone2", "customerName", "dob", "ZIP", "username", "card_number", "ip"]
)
def test_fields_of_a_person_are_known_by_name(name: str) -> None:
    """A recorded value without a recognizable format is personal because of its field."""
    assert is_personal_name(name)


@pytest.mark.parametrize("name", ["id", "quantity", "sku", "page", "filename", "product_name", "trip", "discard", "description", "sort"])
def test_other_fields_are_not_personal(name: str) -> None:
    """Otherwise a workload would lose the values that it needs."""
    assert not is_personal_name(name)


@pytest.mark.parametrize("name", ["sid", "PHPSESSID", "sessionId", "csrf", "x-xsrf", "otp", "signature", "auth", "jwt"])
def test_sessions_and_one_time_values_are_known_by_name(name: str) -> None:
    """They act like passwords, but have no password's name."""
    assert is_session_name(name)


@pytest.mark.parametrize("name", ["author", "design", "side", "passenger", "opinion", "state"])
def test_similar_names_are_not_sessions(name: str) -> None:
    """Whole words are compared, not parts of them."""
    assert not is_session_name(name)
