"""User names and passwords in URLs are hidden."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.credentials import credentials_of, masked_url, without_credentials


@pytest.mark.parametrize(
    ("url", "shown", "credentials"),
    [
        ("https://user:pw@host:8443/p?q=a@b", "https://***@host:8443/p?q=a@b", ("user", "pw")),
        ("https://token@host/", "https://***@host/", ("token", "")),
        ("https://u%40x:p%2Fw@host", "https://***@host", ("u@x", "p/w")),
        ("https://u:p@ss@host", "https://***@host", ("u", "p@ss")),
        ("http://[::1]:80/", "http://[::1]:80/", None),
        ("http://host/a@b", "http://host/a@b", None),
    ],
)
def test_a_urls_credentials_are_masked(url: str, shown: str, credentials: tuple[str, str] | None) -> None:
    """The credentials are still decoded correctly."""
    assert masked_url(url) == shown
    assert credentials_of(url) == credentials


@pytest.mark.parametrize("url", ["http://u:p/w@host/", "http://u:p#w@host/", "http://u:p:w@[x/"])
def test_a_malformed_url_is_masked_too(url: str) -> None:
    """An unencoded password changes the address, which might still parse."""
    shown = masked_url(url)

    assert "w@" not in shown or "***@" in shown


def test_urls_in_a_text_are_masked() -> None:
    """URLs in sentences, quotes and lists are masked; other text stays."""
    text = "no answer from http://u:p@host:80/x, 'https://t@h' and mail a@b"

    assert without_credentials(text) == "no answer from http://***@host:80/x, 'https://***@h' and mail a@b"


@given(st.text(), st.text())
def test_a_url_without_an_at_sign_is_never_changed(before: str, after: str) -> None:
    """Only an at sign marks credentials."""
    text = f"{before}http://{after}".replace("@", "")

    assert masked_url(text) == text == without_credentials(text)
