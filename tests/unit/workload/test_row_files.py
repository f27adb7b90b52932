"""Rows from CSV and JSON texts, and errors that name the line."""

from __future__ import annotations

import csv
import io
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.errors import SloError
from kindgate.workload.row_files import Table, csv_table, json_table

SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text()


def rows(table: Table) -> list[tuple[object, ...]]:
    """All columns of all rows."""
    return list(table.select(table.columns))


def first_column(text: str) -> tuple[tuple[object, ...], ...]:
    """The first column of a JSON text."""
    table = json_table(text, "f.json")
    return table.select(table.columns[:1])


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_has_a_header_and_one_of_three_separators(separator: str) -> None:
    """Spreadsheets export semicolons where the comma separates decimals."""
    table = csv_table(f'email{separator} name \n"a{separator}b"{separator}x\n\n1{separator}"two\nlines"\n', "f.csv")

    assert (table.columns, rows(table)) == (("email", "name"), [(f"a{separator}b", "x"), ("1", "two\nlines")])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "f.csv:1: no rows"),
        ("a,b\n", "f.csv:1: no rows"),
        ("a,,b\n1,2,3\n", "f.csv:1: column 2 has no name"),
        ("a,a\n1,2\n", "f.csv:1: two columns are named 'a'"),
        ("a,b\n1,2\n\n1\n", "f.csv:4: 1 values for 2 columns"),
        ('a,b\n1,"2"x\n', "f.csv:2: not CSV"),
        ('a\n"1\n', "f.csv:2: not CSV"),
        ("a\n" + "1\n" * 100_001, "f.csv: 100,001 rows"),
    ],
)
def test_malformed_csv_is_reported_with_its_line(text: str, problem: str) -> None:
    """The content is not quoted, because it may be personal."""
    with pytest.raises(SloError) as caught:
        csv_table(text, "f.csv")

    assert caught.value.message.startswith(problem)


def test_json_keeps_types_and_may_hold_single_values() -> None:
    """A number remains a number in a JSON body."""
    objects = json_table('[{"id": 1, "name": "a", "tags": [1]},\n {"name": null, "id": 2.5}]', "f.json")

    assert objects.columns == ("id", "name", "tags")
    assert objects.select(("id", "name")) == ((1, "a"), (2.5, None))
    assert rows(json_table('["a", 1, true]', "f.json")) == [("a",), (1,), (True,)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "f.json:1:1: not JSON: expected a list"),
        ('{"a": 1}', "f.json:1:1: not JSON: expected a list"),
        ("[]", "f.json:1: the list is empty"),
        ('[{"a": 1},\n 2]', "f.json:2: the list mixes"),
        ('[\n2,\n {"a": 1}]', "f.json:3: the list mixes"),
        ('[{"a": 1},\n {"b": 2}]', "f.json:2: the object has no 'a'"),
        ('[{"a": 1},\n\n {"a": {}}]', "f.json:3: 'a' is an object"),
        ("[[1]]", "f.json:1: '' is a list"),
        ('[{"a": 1}\n {"a": 2}]', "f.json:2:2: not JSON: expected a comma"),
        ("[1,\n2,\nx]", "f.json:3:1: not JSON"),
        ("[1,\nNaN]", "f.json: not JSON after line 1: NaN"),
        ("[1]\nx", "f.json:1:4: not JSON: text after the list"),
        ("[1,", "f.json:1:4: not JSON"),
        ("[" + "[" * 100_000, "f.json: not JSON after line 1"),
        ("[" + "1," * 100_000 + "1]", "f.json: 100,001 rows"),
    ],
)
def test_malformed_json_is_reported_with_its_line(text: str, problem: str) -> None:
    """The line is that of the item."""
    with pytest.raises(SloError) as caught:
        first_column(text)

    assert caught.value.message.startswith(problem)


@given(st.lists(st.dictionaries(st.sampled_from("abc"), SCALARS, min_size=3), min_size=1, max_size=5), st.sampled_from([None, 1]))
def test_any_json_table_is_read_back(items: list[dict[str, object]], indent: int | None) -> None:
    """Whatever the layout of the file."""
    table = json_table(json.dumps(items, indent=indent), "f.json")

    assert rows(table) == [tuple(item[column] for column in table.columns) for item in items]


@given(st.lists(st.lists(st.text(min_size=1), min_size=2, max_size=2), min_size=1, max_size=5))
def test_any_csv_table_is_read_back(values: list[list[str]]) -> None:
    """Quoted separators and line breaks are part of a value."""
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([["a", "b"], *values])

    assert rows(csv_table(text.getvalue(), "f.csv")) == [tuple(row) for row in values]


@given(st.text('[]{}:,"\n 1ae\\', max_size=40))
def test_no_text_breaks_the_readers(text: str) -> None:
    """Any text yields rows or an error."""
    for read in (csv_table, json_table):
        with suppress(SloError):
            rows(read(text, "f"))
