"""Remove secrets from texts: known secret values in every form, and anything that looks like a secret.

Secrets that are not known might be missed. Values of Secrets, and of variables with a secret's name, are found wherever
they appear; tokens, keys and other values are found if their format or name gives them away.
"""

from __future__ import annotations

from collections.abc import Iterable

from kindgate.redaction.known_values import KnownValue, KnownValues
from kindgate.redaction.secret_names import MASK
from kindgate.redaction.secret_patterns import without_patterns


class Redactor:
    """Masks the given secret values, and anything that looks like a secret."""

    def __init__(self, values: Iterable[KnownValue]) -> None:
        known = list(values)
        self._known = KnownValues(known)
        self.unmaskable = tuple(dict.fromkeys(value.origin for value in known if value.text.strip() and not value.maskable))
        """Origins of the values that are too short, or too common a word, to mask in texts."""

    def text(self, text: str) -> str:
        """Return the text without secrets."""
        pieces: list[str] = []
        read = 0
        for start, end in self._known.spans(text):
            pieces += (text[read:start], MASK)
            read = end
        return without_patterns("".join((*pieces, text[read:])) if pieces else text)
