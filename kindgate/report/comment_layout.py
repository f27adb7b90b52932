"""Fit blocks of Markdown into GitHub's limit: rows are cut, least useful block first, and no markup is left open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Size:
    """Characters and bytes (in UTF-8): GitHub limits both."""

    characters: int
    octets: int

    @classmethod
    def of(cls, text: str) -> Size:
        """The size of `text`."""
        return cls(len(text), len(text.encode()))

    def within(self, limit: int) -> bool:
        """Whether neither exceeds `limit`."""
        return max(self.characters, self.octets) <= limit

    def __add__(self, other: Size) -> Size:
        """The size of both texts together."""
        return Size(self.characters + other.characters, self.octets + other.octets)

    def __sub__(self, other: Size) -> Size:
        """The size without a part."""
        return Size(self.characters - other.characters, self.octets - other.octets)


@dataclass(frozen=True)
class Block:
    """Lines that belong together. `rows` may be cut from the end; each is self-contained, so no markup is left open.

    The block with the lowest `usefulness` loses its rows first, and is dropped first if no rows are left. `noun` names one
    row in the sentence about omitted rows.
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
        """The block with only its first `keep` rows."""
        return replace(self, rows=self.rows[:keep], left_out=self.left_out + len(self.rows) - keep)

    def _notice(self) -> str:
        noun = self.noun if self.left_out == 1 else f"{self.noun}s"
        return f"_{self.left_out:,} more {noun} omitted because this page is full; see report.html and report.json._"


Sized = tuple[Block, Size]
"""A block and the size of its text."""


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, usefulness: int, noun: str, left_out: int = 0) -> Block:
    """A titled table whose cells are ready-made Markdown; `left_out` counts rows that were never made."""
    head = (f"**{title}**", "", *_table_head(columns))
    return Block(head, tuple(_row(row) for row in rows), usefulness=usefulness, noun=noun, left_out=left_out)


def folded_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, usefulness: int, noun: str) -> Block:
    """A table that opens on a click on its title, which must be kindgate's own plain text."""
    head = (f"<details><summary>{title}</summary>", "", *_table_head(columns))
    return Block(head, tuple(_row(row) for row in rows), ("", "</details>"), usefulness=usefulness, noun=noun)


def fitted(blocks: Sequence[Block], limit: int) -> str:
    """The blocks as one text of at most `limit` characters and bytes.

    If it does not fit even without rows, whole blocks are dropped, least useful first, but never the first block. Raises
    `ValueError` if not even that one fits.
    """
    sized = [(block, Size.of(block.text())) for block in blocks]
    order = sorted(range(len(sized)), key=lambda index: (sized[index][0].usefulness, -index))
    kept = _with_rows_cut(sized, order, limit)
    if kept is None:
        kept = _with_blocks_dropped(sized, order, limit)
    return "".join(block.text() for block in kept).rstrip("\n") + "\n"


def _table_head(columns: Sequence[str]) -> tuple[str, str]:
    return _row(columns), "|" + " --- |" * len(columns)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _largest_that_fits(block: Block, limit: int, others: Size) -> tuple[Block, Size]:
    """The block with as many rows as fit next to the others, by bisection, and its size."""
    low, high = 0, len(block.rows)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if (others + Size.of(block.cut(middle).text())).within(limit) else (low, middle - 1)
    fitting = block.cut(low) if low < len(block.rows) else block
    return fitting, Size.of(fitting.text())


def _with_rows_cut(sized: Sequence[Sized], order: Sequence[int], limit: int) -> list[Block] | None:
    """The blocks with rows cut as needed, in `order`; `None` if that is not enough."""
    kept = list(sized)
    total = _sum(kept)
    for place in order:
        if total.within(limit):
            break
        block, size = kept[place]
        kept[place] = _largest_that_fits(block, limit, total - size)
        total = total - size + kept[place][1]
    return [block for block, _ in kept] if total.within(limit) else None


def _with_blocks_dropped(sized: Sequence[Sized], order: Sequence[int], limit: int) -> list[Block]:
    """The most useful blocks, including the first, and a line with the number of omitted ones."""
    kept = dict(enumerate(sized))
    for place in order:
        if place == 0:
            continue
        block, _ = kept.pop(place)
        notice = _omission_notice(len(sized) - len(kept))
        others = _sum(kept.values()) + Size.of(notice.text())
        if block.rows and (others + Size.of(block.cut(0).text())).within(limit):
            kept[place] = _largest_that_fits(block, limit, others)
            return [*(kept[index][0] for index in sorted(kept)), _omission_notice(len(sized) - len(kept))]
        if others.within(limit):
            return [*(remaining for remaining, _ in kept.values()), notice]
    raise ValueError(f"the report does not fit into {limit} characters even without its rows")


def _omission_notice(count: int) -> Block:
    return Block((f"_{count} more section{'s' * (count != 1)} omitted because this page is full; see report.html and report.json._",))


def _sum(sized: Iterable[Sized]) -> Size:
    return sum((size for _, size in sized), Size(0, 0))
