"""No planted secret remains, and texts without one are unchanged."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.redaction.known_values import KnownValue
from kindgate.redaction.redactor import Redactor
from kindgate.redaction.secret_names import MASK
from tests.unit.redaction.secret_forms import HARMLESS, KNOWN, KNOWN_FORMS, UNKNOWN_FORMS, WRAPPED, Form

REDACTOR = Redactor(
    [KnownValue(KNOWN, "K"), KnownValue(WRAPPED, "W"), KnownValue("on", "DB_PIN"), KnownValue("Postgres", "key pw of Secret db")]
)


@pytest.mark.parametrize("form", [*KNOWN_FORMS, *UNKNOWN_FORMS], ids=lambda form: form.name)
def test_a_secret_is_masked_in_every_form(form: Form) -> None:
    """Secrets in logs, manifests and commands are masked; masked text passes through other redactors later, and must not grow."""
    clean = REDACTOR.text(f"first line\n{form.text}\nlast line")
    assert MASK in clean
    assert [part for part in form.parts if part in clean] == []
    assert clean.startswith("first line\n")
    assert REDACTOR.text(clean) == clean


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_text_is_unchanged(text: str) -> None:
    """Over-masking would hide the cause of a failure, and a report needs its digests and histograms."""
    assert REDACTOR.text(text) == text


def test_the_context_of_a_secret_is_kept() -> None:
    """Only the value is masked, not its context."""
    assert (
        REDACTOR.text('{"user": "app", "password": "hunter22", "port": 5432}') == f'{{"user": "app", "password": "{MASK}", "port": 5432}}'
    )
    assert REDACTOR.text("https://app:hunter22@db/x?y=1") == f"https://app:{MASK}@db/x?y=1"


def test_unmaskable_values_are_listed_by_origin() -> None:
    """Short values and common words would mask half of each text, so their origin is listed instead."""
    text = "one connection on port 1 of postgres"
    assert REDACTOR.text(text) == text
    assert REDACTOR.unmaskable == ("DB_PIN", "key pw of Secret db")
    assert MASK in REDACTOR.text("POSTGRES_PASSWORD=postgres")


@given(st.text(max_size=200))
def test_any_text_can_be_redacted(text: str) -> None:
    """Any text can be redacted, so a report can always be written."""
    REDACTOR.text(text)


@pytest.mark.parametrize(
    "text",
    [
        "a-" * 500_000,
        "token.password." * 60_000,
        "-----BEGIN PRIVATE KEY-----" * 30_000,
        "x://" * 200_000,
        'password="' * 90_000,
        'password=\\"' * 90_000,
        "--password " * 90_000,
        "cookie: a=" * 90_000,
        "&amp;" * 200_000,
        "\\\\" * 400_000,
        "authorization: " * 60_000,
        "eyJ" + "a" * 900_000,
        "aws_key" * 130_000,
    ],
    ids=lambda text: text[:12],
)
def test_a_hostile_text_is_redacted_in_linear_time(text: str) -> None:
    """A megabyte of hostile input: with a backtracking pattern this took 10 s of CPU time."""
    begun = time.process_time()
    REDACTOR.text(text)
    assert time.process_time() - begun < 4
