"""Sentences with text from outside kindgate: data, so Markdown, HTML and a terminal can each mark foreign words in their own way."""

from __future__ import annotations


class UntrustedText(str):
    """Text from outside kindgate: a test's name, an error line, a command."""

    __slots__ = ()


Words = tuple[str, ...]
"""A sentence in pieces; the `UntrustedText` ones must be marked and escaped."""
