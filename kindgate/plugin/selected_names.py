"""The names by which an expression (`-m`, `-k`) selects tests, and those by which it excludes tests."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(r"\"[^\"]*\"|'[^']*'|[()]|[\w:+.\[\]\\/-]+")  # as pytest's lexer of expressions; the rest separates


@dataclass(frozen=True)
class SelectedNames:
    """`selecting` are the names outside of `not`, and `excluding` those inside; an expression can hold a name in both ways."""

    selecting: frozenset[str]
    excluding: frozenset[str]


def selected_names(expression: str) -> SelectedNames:
    """The names of an expression. Arguments of markers are not names; pytest itself rejects an invalid expression."""
    names: dict[bool, set[str]] = {False: set(), True: set()}
    outer = [False]
    negated = False
    argument = after_name = False
    for token in _TOKEN.findall(expression):
        if argument:
            argument = token != ")"
        elif token == "(" and after_name:
            argument = True
        elif token == "(":
            outer.append(negated)
        elif token == ")":
            outer = outer[:-1] or [False]
            negated = outer[-1]
        elif token == "not":
            negated = not negated
        elif token in {"and", "or"}:
            negated = outer[-1]
        else:
            names[negated].add(token)
        after_name = token not in {"(", ")", "not", "and", "or"}
    return SelectedNames(frozenset(names[False]), frozenset(names[True]))
