"""Expectations and extractions: what is refused because no response can meet it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kindgate.errors import LoadError
from kindgate.load.expectation import Expectation, Extraction


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (Expectation, "needs a status"),
        (lambda: Expectation(statuses=((200, 99),)), "HTTP status"),
        (lambda: Expectation(statuses=((0, 0),)), "0 is not an HTTP status"),
        (lambda: Expectation(headers=(("a b", ""),)), "not a header name"),
        (lambda: Expectation(exists=("a..b",)), "path 'a..b' has an empty step"),
        (lambda: Expectation(json=(("", "1"),)), "JSON path '' has an empty step"),
        (lambda: Expectation(size_min=5, size_max=4), "at least 5 and at most 4"),
        (lambda: Expectation(size_max=-1), "cannot have -1 bytes"),
        (lambda: Expectation(schema="{", sample=1), "not JSON"),
        (lambda: Expectation(schema='{"properties": {"a": {"type": "text"}}}'), "invalid at properties/a/type"),
        (lambda: Expectation(substring="a", sample=0), "sample"),
        (lambda: Extraction("a", "json", "b."), "path 'b.' has an empty step"),
        (lambda: Extraction("a", "regex", "("), "not a regular expression"),
        (lambda: Extraction("", "cookie", "b"), "needs a name"),
    ],
)
def test_an_invalid_expectation_is_rejected_with_its_reason(make: Callable[[], object], reason: str) -> None:
    """Otherwise every response would fail, for a reason that is not the application's."""
    with pytest.raises(LoadError, match=reason):
        make()
