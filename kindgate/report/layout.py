"""Fits blocks of Markdown into GitHub's limit: rows go, least useful block first, and nothing is left open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Size:
    """Characters and bytes (in UTF-8): GitHub bounds both."""

    characters: int
    octets: int

    @classmethod
    def of(cls, text: str) -> Size:
        """The size of `text`."""
        return cls(len(text), len(text.encode()))

    def within(self, limit: int) -> bool:
        """Whether neither is above `limit`."""
        return max(self.characters, self.octets) <= limit


@dataclass(frozen=True)
class Block:
    """Lines that belong together. `rows` may be cut from the end; each is whole in itself, so that nothing stays open.

    The block with the lowest `usefulness` loses its rows first. `noun` names one row in the sentence that says what was left out.
    """

    head: tuple[str, ...]
    rows: tuple[str, ...] = ()
    foot: tuple[str, ...] = ()
    usefulness: int = 100
    noun: str = "row"
    left_out: int = 0

    def text(self) -> str:
        """The block as Markdown, ending with an empty line."""
        rows = self.rows
        if not rows and self.left_out:
            return self._notice() + "\n\n"
        notice = ("", self._notice()) if self.left_out else ()
        return "\n".join((*self.head, *rows, *self.foot, *notice)) + "\n\n"

    def cut(self, keep: int) -> Block:
        """The block with its first `keep` rows."""
        return replace(self, rows=self.rows[:keep], left_out=self.left_out + len(self.rows) - keep)

    def _notice(self) -> str:
        noun = self.noun if self.left_out == 1 else f"{self.noun}s"
        return f"_{self.left_out:,} more {noun} left out: this page is full. They are in report.html and report.json._"


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, usefulness: int, noun: str) -> Block:
    """A titled table whose cells are ready-made Markdown."""
    return Block((f"**{title}**", "", *_table_head(columns)), tuple(_row(row) for row in rows), usefulness=usefulness, noun=noun)


def folded_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, usefulness: int, noun: str) -> Block:
    """A table that opens when its title, plain words of ours, is clicked."""
    head = (f"<details><summary>{title}</summary>", "", *_table_head(columns))
    return Block(head, tuple(_row(row) for row in rows), ("", "</details>"), usefulness=usefulness, noun=noun)


def fitted(blocks: Sequence[Block], limit: int) -> str:
    """The blocks as one text of at most `limit` characters and bytes.

    Raises `ValueError` when the blocks do not even fit without their rows.
    """
    kept = list(blocks)
    for place in sorted(range(len(kept)), key=lambda index: (kept[index].usefulness, -index)):
        if _size(kept).within(limit):
            break
        kept[place] = _largest_that_fits(kept, place, limit)
    if not _size(kept).within(limit):
        raise ValueError(f"the report does not fit into {limit} characters even without its rows")
    return _text(kept)


def _table_head(columns: Sequence[str]) -> tuple[str, str]:
    return _row(columns), "|" + " --- |" * len(columns)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _largest_that_fits(blocks: list[Block], place: int, limit: int) -> Block:
    """The block at `place` with as many rows as fit, by bisection."""
    whole, low, high = blocks[place], 0, len(blocks[place].rows)
    while low < high:
        middle = (low + high + 1) // 2
        tried = [*blocks[:place], whole.cut(middle), *blocks[place + 1 :]]
        low, high = (middle, high) if _size(tried).within(limit) else (low, middle - 1)
    return whole.cut(low) if low < len(whole.rows) else whole


def _text(blocks: Sequence[Block]) -> str:
    return "".join(block.text() for block in blocks).rstrip("\n") + "\n"


def _size(blocks: Sequence[Block]) -> Size:
    return Size.of(_text(blocks))
