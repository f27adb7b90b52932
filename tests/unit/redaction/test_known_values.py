"""A known value is found in every form it takes in a text, and nothing else is."""

from __future__ import annotations

import base64
import html
import json
import textwrap
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from kindgate.redaction.known_values import COMMON_WORDS, KnownValue, KnownValues
from kindgate.redaction.secret_names import MASK

ENCODINGS: dict[str, Callable[[str], str]] = {
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "HTML": html.escape,
    "form": quote_plus,
    "address": lambda text: quote(text, safe=""),
    "JSON": json.dumps,
    "JSON inside JSON": lambda text: json.dumps({"a": json.dumps({"b": text}, ensure_ascii=False)}),
    "JSON in an address": lambda text: quote(json.dumps({"a": text})),
}
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=40)


def masked(text: str, *values: str) -> str:
    """Return the text with every occurrence of a value masked."""
    for start, end in reversed(KnownValues(KnownValue(value, "") for value in values).spans(text)):
        text = text[:start] + MASK + text[end:]
    return text


@given(st.text(), st.text(min_size=5), st.text())
@example("", "00000", "\\u0000")
@example("", "000\n0", "")
def test_a_known_value_never_survives(before: str, secret: str, after: str) -> None:
    """A value is masked whatever surrounds it."""
    secret = secret.strip()
    assume(KnownValue(secret, "").maskable and secret not in MASK)
    assert secret not in masked(before + secret + after, secret).replace(MASK, "\0")


@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS)
@given(before=TEXTS, secret=TEXTS, after=TEXTS)
def test_an_encoded_value_is_found(encode: Callable[[str], str], before: str, secret: str, after: str) -> None:
    """The value is encoded as part of a longer text, as in a log."""
    secret = secret.strip()
    assume(KnownValue(secret, "").maskable)
    assert KnownValues([KnownValue(secret, "")]).spans(encode(before + secret + after))


@given(st.text("abcdefghij0123456789-_", min_size=20, max_size=200), st.integers(10, 60))
def test_a_wrapped_value_is_masked_completely(secret: str, width: int) -> None:
    """Terminals and YAML wrap long lines; every piece is masked."""
    text = "    " + "\n    ".join(textwrap.wrap(secret, width, break_on_hyphens=False))
    assert masked(text, secret).strip() == MASK


def test_a_value_that_starts_like_another_is_masked_completely() -> None:
    """Masking the shorter of two secrets must not leave the end of the longer one."""
    assert masked("it is start-and-rest.", "start", "start-and-rest") == f"it is {MASK}."


def test_single_lines_of_a_value_are_masked() -> None:
    """Logs split multi-line keys, so each line is masked."""
    assert masked("| second-line-of-a-key |", "first-line-of-a-key\nsecond-line-of-a-key\n") == f"| {MASK} |"


@pytest.mark.parametrize("value", ["on", "1", "", "1234", "   x   ", *sorted(COMMON_WORDS)[:5], "PassWord"])
def test_short_values_and_common_words_are_not_masked(value: str) -> None:
    """A Secret with the value `on` does not mask every `on` in the logs."""
    text = f"one connection on port 1 of {value}"
    assert masked(text, value) == text
    assert not KnownValue(value, "DB_PIN").maskable


def test_text_next_to_a_value_is_kept() -> None:
    """Decoding locates the exact end of the value, so adjacent text is kept."""
    text = json.dumps({"before": "\u00e9\n", "x": 'a"secret value"b', "after": "\\"})
    assert json.loads(masked(text, 'a"secret value"b')) == {"before": "\u00e9\n", "x": MASK, "after": "\\"}
