"""Makes foreign text harmless in GitHub's Markdown.

Names of tests, pods and hosts, error lines and logs come from the pull request. They stand only in code: there
`@name`, `#1`, bare addresses, HTML comments and markup have no effect. What a reader could not see (control,
zero-width and direction characters) is written out as an escape.
"""

from __future__ import annotations

import html
import re
import unicodedata

from kindgate.report.numbers import NONE

HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
"""Unicode's controls, formats (zero-width and direction marks), unassigned, private, surrogates and separators."""

HIDDEN_LETTERS = frozenset("\u00ad\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and marks that are drawn as nothing."""


_DRAWN_AS_NOTHING = re.compile(f"[{''.join(sorted(HIDDEN_LETTERS))}\ufe00-\ufe0f\U000e0100-\U000e01ef]")
"""What `str.isprintable` takes for drawn and is not."""


def shortened(text: str, limit: int) -> str:
    """`text` with at most `limit` characters; an ellipsis stands for what was cut from its end."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def visible(text: str, keep: str = "") -> str:
    r"""`text` with every character that is not drawn as an escape such as `\u202e`, apart from those in `keep`."""
    if text.isprintable() and not _DRAWN_AS_NOTHING.search(text):
        return text
    return "".join(sign if sign in keep or not _hidden(sign) else _escape(sign) for sign in text)


def visible_start(text: str, limit: int, keep: str = "") -> str:
    """`visible` text with at most `limit` characters; of a longer `text` no more than what is shown is looked at."""
    return shortened(visible(text[: limit + 1], keep), limit)


def code_span(text: str, limit: int = 200) -> str:
    """`text` as inline code on one line; empty text is shown as a dash."""
    shown = visible_start(text, limit)
    if not shown.strip():
        return NONE
    fence = "`" * (_longest_run(shown) + 1)
    pad = " " if shown[0] in "` " or shown[-1] in "` " else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def cell_code(text: str, limit: int = 200) -> str:
    """`code_span` for a table's cell: a `|` stays in its cell, also behind a backslash."""
    return code_span(re.sub(r"(\\+)\|", r"\1\\x7c", text[: limit + 1]), limit).replace("|", r"\|")


def code_block(text: str, limit: int = 4000) -> str:
    """`text` as a fenced block whose fence no line inside can close."""
    shown = visible_start(text.strip("\n"), limit, keep="\n\t")
    fence = "`" * max(3, _longest_run(shown) + 1)
    return f"{fence}text\n{shown}\n{fence}"


def html_code(text: str, limit: int = 200) -> str:
    """`text` as an HTML code element, for places where Markdown is not read, such as `<summary>`."""
    return f"<code>{html.escape(visible_start(text, limit))}</code>"


def link(name: str, address: str) -> str:
    """A link of ours; only letters, digits, hyphens and spaces of `name` are kept, and `address` is a checked `WebAddress`."""
    return f"[{re.sub(r'[^A-Za-z0-9 -]', ' ', name).strip() or 'link'}]({address})"


def _hidden(sign: str) -> bool:
    return unicodedata.category(sign) in HIDDEN_CATEGORIES or sign in HIDDEN_LETTERS or _is_variation(sign)


def _is_variation(sign: str) -> bool:
    return "\ufe00" <= sign <= "\ufe0f" or "\U000e0100" <= sign <= "\U000e01ef"


def _escape(sign: str) -> str:
    short = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(sign)
    code = ord(sign)
    return short or (f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}")


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
