"""The key `answers` of the section `compare:`."""

from __future__ import annotations

import pytest

from kindgate.errors import SloError
from kindgate.slo.objectives import AnswersObjective
from kindgate.slo.slo_file import parse_document


def _read(text: str) -> AnswersObjective | None:
    return parse_document(f"compare:\n  p(95): {{max_regression: 10%}}\n{text}", "slo.yaml").answers


@pytest.mark.parametrize(
    ("text", "objective"),
    [
        ("", None),
        ("  answers: same", AnswersObjective(same=True, origin="slo.yaml:3:3")),
        ("  answers: report", AnswersObjective(origin="slo.yaml:3:3")),
        (
            "  answers: {expect: same, headers: [Cache-Control, ETag, etag], requests: 20}",
            AnswersObjective(same=True, headers=("cache-control", "etag"), requests=20, origin="slo.yaml:3:3"),
        ),
    ],
)
def test_short_and_long_form(text: str, objective: AnswersObjective | None) -> None:
    """Both forms are next to the tolerances, which stay unchanged; names of headers have no case."""
    assert _read(text) == objective


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("  answers: equal", "3:12", "'equal' is neither same nor report"),
        ("  answers: {headers: [ETag]}", "3:12", "expect is missing"),
        ("  answers: {expect: all}", "3:21", "'all' is neither same nor report"),
        ("  answers: {expect: same, headers: ETag}", "3:36", "headers must be a list of names"),
        ("  answers: {expect: same, headers: []}", "3:36", "headers must be a list of names"),
        ("  answers: {expect: same, headers: [a b]}", "3:37", "'a b' is not the name of a header"),
        ("  answers: {expect: same, requests: 0}", "3:37", "from 1 to 100"),
        ("  answers: {expect: same, requests: 101}", "3:37", "from 1 to 100"),
        ("  answers: {expect: same, body: x}", "3:27", "answers has no key 'body'"),
        ("  answers: [same]", "3:12", "answers must be a mapping"),
    ],
)
def test_bad_input_is_an_error_with_its_place(text: str, place: str, problem: str) -> None:
    """Nothing is created for an objective that is not understood."""
    with pytest.raises(SloError) as raised:
        _read(text)
    assert f"slo.yaml:{place}:" in str(raised.value)
    assert problem in str(raised.value)


def test_answers_are_compared_together_with_response_times() -> None:
    """Without a percentile there are no bursts of both versions."""
    with pytest.raises(SloError, match="no percentile to compare"):
        parse_document("compare: {answers: same}", "slo.yaml")
