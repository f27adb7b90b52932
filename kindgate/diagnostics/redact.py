"""Takes secrets out of texts: values that are known to be secret, in every form, and what has the form of one.

Nothing here is certain to find a secret that was not named: it finds the values of Secrets and of variables with a
secret's name wherever they appear, and tokens, keys and values that their form or their name gives away.
"""

from __future__ import annotations

from collections.abc import Iterable

from kindgate.diagnostics.known_values import KnownValue, KnownValues
from kindgate.diagnostics.secret_names import MASK
from kindgate.diagnostics.secret_patterns import without_patterns


class Redactor:
    """Replaces the given secret values, and what looks like one, by a mask."""

    def __init__(self, values: Iterable[KnownValue]) -> None:
        known = list(values)
        self._known = KnownValues(known)
        self.left = tuple(dict.fromkeys(value.origin for value in known if value.text.strip() and not value.maskable))
        """Origins of the values that are too short, or too common a word, to be taken out of texts."""

    def text(self, text: str) -> str:
        """The text without secrets."""
        pieces: list[str] = []
        read = 0
        for start, end in self._known.spans(text):
            pieces += (text[read:start], MASK)
            read = end
        return without_patterns("".join((*pieces, text[read:])) if pieces else text)
