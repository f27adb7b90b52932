"""A text and its position in a file, so errors can point at it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kindgate.errors import SloError

_WIDTH = 200
"""Maximum characters of a line, and of a problem, shown in an error."""

_BEFORE = 60


@dataclass(frozen=True)
class Source:
    """A text and its position: file (or option, or marker), line and column of its first character, counted from 1.

    `excerpt` is the whole line that contains the text; empty if the text is not part of a larger one. `lines` are set for a
    text that is not written in one line as it is (several lines, escapes): the lines that hold it, from `line` on.
    """

    text: str
    file: str = ""
    line: int = 0
    column: int = 1
    excerpt: str = ""
    lines: tuple[str, ...] = ()

    def part(self, start: int, end: int) -> Source:
        """The characters from `start` up to `end`, with their position."""
        if self.lines:
            return self._occurrence(self.text[start:end], self.text.count(self.text[start:end], 0, start))
        return Source(self.text[start:end], self.file, self.line, self.column + start, self.excerpt or self.text)

    @property
    def position(self) -> str:
        """`slo.yaml:3:7`; without a file, only the column."""
        if not self.file:
            return f"column {self.column}"
        return f"{self.file}:{self.line}:{self.column}" if self.line else f"{self.file}, column {self.column}"

    def error(self, problem: str, start: int = 0, end: int | None = None, *, next_step: str = "") -> SloError:
        """Return the error for `problem`, with a caret under the characters from `start` up to `end` of the text."""
        end = len(self.text) if end is None else end
        if self.lines and 0 < end - start < len(self.text):
            return self.part(start, end).error(problem, next_step=next_step)
        shown, offset = (self.excerpt, self.column - 1) if self.excerpt else (self.text, 0)
        first = offset + start
        cut = max(0, first - _BEFORE) if len(shown) > _WIDTH else 0  # show only the surroundings in a long line
        shown = shown[cut : cut + _WIDTH]
        marks = " " * (first - cut) + "^" * max(1, min(end - start, _WIDTH - (first - cut)))
        position = self.part(start, end).position
        shown_problem = problem if len(problem) <= _WIDTH else f"{problem[:_WIDTH]}…"
        return SloError(f"{position}: {shown_problem}", last_state=f"{self.file or 'the text'}\n{shown}\n{marks}", next_step=next_step)

    def _occurrence(self, fragment: str, earlier: int) -> Source:
        """The occurrence of `fragment` in `lines` after `earlier` others; the start of the text if it is not written like that."""
        for number, line in enumerate(self.lines):
            found = [match.start() for match in re.finditer(re.escape(fragment), line)] if fragment else []
            if earlier < len(found):
                return Source(fragment, self.file, self.line + number, found[earlier] + 1, line)
            earlier -= len(found)
        return Source(fragment, self.file, self.line, self.column, self.excerpt)
