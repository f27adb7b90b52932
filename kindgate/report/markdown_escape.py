"""Make untrusted text harmless in GitHub's Markdown.

Names of tests, pods and hosts, error lines and logs come from the pull request. They appear only as code, in which
`@name`, `#1`, bare addresses, HTML comments and markup have no effect. Invisible characters (control, zero-width and
direction characters) are shown as escapes.
"""

from __future__ import annotations

import html
import re
import unicodedata

from kindgate.report.units import NONE

HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
"""Unicode's control, format (zero-width and direction marks), unassigned, private, surrogate and separator characters."""

HIDDEN_LETTERS = frozenset("\u00ad\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and marks that are invisible."""


_PRINTABLE_INVISIBLE = re.compile(f"[{''.join(sorted(HIDDEN_LETTERS))}\ufe00-\ufe0f\U000e0100-\U000e01ef]")
"""Invisible characters that `str.isprintable` considers printable."""


def shortened(text: str, limit: int) -> str:
    """Return `text` cut to `limit` characters, with an ellipsis for the removed end."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def visible(text: str, keep: str = "") -> str:
    r"""Return `text` with every invisible character as an escape such as `\u202e`, except those in `keep`."""
    if text.isprintable() and not _PRINTABLE_INVISIBLE.search(text):
        return text
    return "".join(char if char in keep or not _hidden(char) else _escape(char) for char in text)


def visible_start(text: str, limit: int, keep: str = "") -> str:
    """Return `visible` text of at most `limit` characters; only the part of `text` that is shown is processed."""
    return shortened(visible(text[: limit + 1], keep), limit)


def code_span(text: str, limit: int = 200) -> str:
    """Format `text` as inline code on one line; empty text becomes a dash."""
    shown = visible_start(text, limit)
    if not shown.strip():
        return NONE
    fence = "`" * (_longest_run(shown) + 1)
    pad = " " if shown[0] in "` " or shown[-1] in "` " else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def cell_code(text: str, limit: int = 200) -> str:
    """`code_span` for a table cell: a `|` stays in its cell, even after a backslash."""
    return code_span(re.sub(r"(\\+)\|", r"\1\\x7c", text[: limit + 1]), limit).replace("|", r"\|")


def code_block(text: str, limit: int = 4000) -> str:
    """Format `text` as a fenced block that no line inside can close."""
    shown = visible_start(text.strip("\n"), limit, keep="\n\t")
    fence = "`" * max(3, _longest_run(shown) + 1)
    return f"{fence}text\n{shown}\n{fence}"


def html_code(text: str, limit: int = 200) -> str:
    """Format `text` as an HTML code element, for places without Markdown, such as `<summary>`."""
    return f"<code>{html.escape(visible_start(text, limit))}</code>"


def link(name: str, address: str) -> str:
    """Format a link of kindgate's; only letters, digits, hyphens and spaces of `name` are kept, and `address` is a checked `WebAddress`."""
    return f"[{re.sub(r'[^A-Za-z0-9 -]', ' ', name).strip() or 'link'}]({address})"


def _hidden(char: str) -> bool:
    return unicodedata.category(char) in HIDDEN_CATEGORIES or char in HIDDEN_LETTERS or _is_variation(char)


def _is_variation(char: str) -> bool:
    return "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"


def _escape(char: str) -> str:
    short = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(char)
    code = ord(char)
    return short or (f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}")


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
