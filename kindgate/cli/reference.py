"""The reference page of every option, made from the table of options: `python -m kindgate.cli.reference`."""

from __future__ import annotations

from itertools import groupby
from typing import Literal, get_args, get_origin

from kindgate.options import OptionField, option_fields
from kindgate.settings import Settings

HEADER = """# Options

Each option works on pytest's command line and on that of `kindgate`'s steps, as a key of pytest.ini, and as an
environment variable: `--kind-workers 1`, `kind_workers = 1`, `KINDGATE_KIND_WORKERS=1`. A command line beats the ini
file, which beats the environment. Paths in the ini file count from its folder, others from the current folder. SECONDS
are a number of seconds, or a text such as `500ms`, `2s` or `1m30s`. This
page is made by `make docs`.
"""


def options_page() -> str:
    """docs/options.md as it has to be."""
    parts = [HEADER]
    for group, rows in groupby(option_fields(Settings), key=lambda row: row.group):
        parts.append(f"\n## {group}\n\n| option | value | default | what it does |\n|---|---|---|---|\n")
        parts.extend(_row(row) for row in rows)
    return "".join(parts)


def _row(row: OptionField) -> str:
    default = "" if row.default in (None, "", (), False) else f"`{row.default}`"
    return f"| `{row.option.flag}` | {_values(row)} | {default} | {row.option.help} |\n"


def _values(row: OptionField) -> str:
    if row.switch:
        return "switch"
    if get_origin(row.annotation) is Literal:
        return ", ".join(f"`{word}`" for word in get_args(row.annotation))
    return row.option.metavar.replace("|", " or ")


if __name__ == "__main__":
    print(options_page(), end="")
