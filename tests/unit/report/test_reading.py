"""A report is parsed by its schema, part by part, and anything else is refused."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from kindgate.report.reading import Bounds, BoundsExceeded, ReportRefused, read_report
from kindgate.report.run_report import RunReport

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(sorted(RunReport.model_fields)) | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=20,
)


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all parts of a document."""
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(found for key, value in inner for found in places(value, (*path, key)))]


def replaced(node: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Return the document with one part replaced."""
    if not path:
        return value
    if isinstance(node, dict):
        return {**node, path[0]: replaced(node[path[0]], path[1:], value)}
    return [replaced(item, path[1:], value) if number == path[0] else item for number, item in enumerate(node)]


def test_a_written_report_is_read_unchanged(passing: RunReport, failing: RunReport) -> None:
    """Both compact and indented JSON are read."""
    for report in (passing, failing):
        assert read_report(report.model_dump_json().encode()) == report
        assert read_report(report.model_dump_json(indent=1).encode() + b" \n") == report


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # the report is never changed
@given(data=st.data())
def test_the_reader_refuses_exactly_what_the_schema_refuses(failing: RunReport, data: st.DataObject) -> None:
    """With any part replaced by anything, the reader gives the schema's error or the same report."""
    document = json.loads(failing.model_dump_json())
    path = data.draw(st.sampled_from(places(document)))
    text = json.dumps(replaced(document, path, data.draw(JSON))).encode()
    try:
        expected: RunReport | None = RunReport.model_validate_json(text)
    except ValidationError:
        expected = None
    if expected is None:
        with pytest.raises(ReportRefused):
            read_report(text)
    else:
        assert read_report(text) == expected


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_arbitrary_bytes_do_not_crash_the_reader(text: bytes) -> None:
    """Any uploaded bytes are parsed as a report or refused."""
    with suppress(ReportRefused):
        read_report(text)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # the report is never changed
@given(data=st.data())
def test_damaged_input_does_not_crash_the_reader(passing: RunReport, data: st.DataObject) -> None:
    """A report with bytes changed, removed or added is parsed or refused."""
    text = passing.model_dump_json().encode()
    start = data.draw(st.integers(0, len(text)))
    damaged = text[:start] + data.draw(st.binary(max_size=5)) + text[start + data.draw(st.integers(0, 5)) :]
    with suppress(ReportRefused):
        read_report(damaged)


@pytest.mark.parametrize("part", ['"exit_code":0', '"tests":[]', '"run":{"id":"1","id":"2","started":1.0,"seconds":1.0}'])
def test_a_duplicate_key_is_refused(part: str) -> None:
    """Two readers could use different values of a duplicate key."""
    valid = '{"run":{"id":"1","started":1.0,"seconds":1.0},"outcome":"passed","exit_code":0,"tests":[]'
    assert read_report(f"{valid}}}".encode()).exit_code == 0
    with pytest.raises(ReportRefused, match="twice"):
        read_report(f"{valid},{part}}}".encode())


VALUES = st.recursive(
    st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=30
)


def containers(node: Any) -> int:
    """Return the number of objects and lists in a document."""
    inner = list(node.values()) if isinstance(node, dict) else node if isinstance(node, list) else ()
    return isinstance(node, dict | list) + sum(map(containers, inner))


def depth(node: Any) -> int:
    """Return the nesting depth of a document."""
    inner = list(node.values()) if isinstance(node, dict) else node if isinstance(node, list) else ()
    return isinstance(node, dict | list) + max(map(depth, inner), default=0)


@given(VALUES, st.booleans())
def test_objects_and_lists_are_counted_outside_of_strings(document: Any, ascii_alone: bool) -> None:  # noqa: FBT001 - a drawn value
    """Brackets and quotes inside strings, escaped or not, are ignored."""
    text = json.dumps(document, ensure_ascii=ascii_alone).encode("utf-8", "surrogatepass")
    count, deep = containers(document), depth(document)
    Bounds(count, 10**6, deep).check(text)
    if count:
        with pytest.raises(BoundsExceeded, match="objects and lists"):
            Bounds(count - 1, 10**6).check(text)
        with pytest.raises(BoundsExceeded, match="deep"):
            Bounds(count, 10**6, deep - 1).check(text)


@given(st.lists(st.integers(), min_size=2, max_size=100))
def test_values_are_counted(numbers: list[int]) -> None:
    """Values are counted by the commas between them and by the list that holds them."""
    text = json.dumps(numbers).encode()
    Bounds(1, len(numbers)).check(text)
    with pytest.raises(BoundsExceeded, match="values"):
        Bounds(1, len(numbers) - 1).check(text)


@given(st.binary(max_size=100))
def test_any_bytes_can_be_counted(text: bytes) -> None:
    """Arbitrary bytes are counted without an error."""
    Bounds(10**6, 10**6, 10**6).check(text)
