"""The section `compare:` of the SLO file."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.errors import SloError
from kindgate.slo.objectives import Tolerance
from kindgate.slo.slo_file import parse_document


def _read(text: str) -> list[Tolerance]:
    return list(parse_document(f"compare:\n{text}", "slo.yaml").compare)


def _shown(text: str) -> list[str]:
    return [str(one) for one in _read(text)]


def test_percentiles_of_all_requests_and_of_selectors() -> None:
    """A selector has percentiles of its own, and k6's tag `name` selects a route."""
    assert _shown(
        """
  p(95): {max_regression: 10%}
  http_req_duration{route:checkout}:
    p(99): {max_regression: 30%}
    med: {max_regression: 5%}
  "http_req_waiting{name:search}": {p(95): {max_regression: 20%}}
  iteration_duration{journey:buy}: {med: {max_regression: 10%}}
"""
    ) == [
        "p(95) at most 10 % slower",
        "p(99) of http_req_duration{route:checkout} at most 30 % slower",
        "p(50) of http_req_duration{route:checkout} at most 5 % slower",
        "p(95) of http_req_waiting{route:search} at most 20 % slower",
        "p(50) of iteration_duration{journey:buy} at most 10 % slower",
    ]


def test_each_applies_to_the_percentiles_next_to_it() -> None:
    """Each route of all requests, but not the percentiles of a selector."""
    assert _shown(
        """
  each: route
  p(95): {max_regression: 15%}
  http_req_duration{host:foo.localhost}: {med: {max_regression: 10%}}
"""
    ) == ["p(95) of each route at most 15 % slower", "p(50) of http_req_duration{host:foo.localhost} at most 10 % slower"]


def test_each_of_a_selector() -> None:
    """A selector limits the routes, and a metric of journeys has each journey."""
    assert _shown(
        """
  http_req_duration{group:catalog}: {each: route, p(95): {max_regression: 15%}}
  iteration_duration: {each: journey, p(95): {max_regression: 15%}}
"""
    ) == [
        "p(95) of http_req_duration{group:catalog} of each route at most 15 % slower",
        "p(95) of iteration_duration of each journey at most 15 % slower",
    ]


def test_each_journey_compares_journeys() -> None:
    """Without a metric, a journey's own time is compared, not a mixture of its steps' times."""
    (tolerance,) = _read("  {each: journey, p(95): {max_regression: 15%}}")

    assert (tolerance.selector.metric.name, tolerance.each) == ("iteration_duration", "journey")


def test_a_tolerance_knows_its_line() -> None:
    """Later errors, such as for an unknown route, point at the percentile."""
    assert [one.origin for one in _read("  http_req_duration{route:a}:\n    p(95): {max_regression: 10%}")] == ["slo.yaml:3:5"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("  each: route", "slo.yaml:2:3: no percentile to compare"),
        ("  {each: arm, p(95): {max_regression: 1%}}", "slo.yaml:2:10: 'arm' is not a tag of each"),
        ("  {each: [route], p(95): {max_regression: 1%}}", "slo.yaml:2:10: expected a tag here"),
        ("  http_req_duration{route:a}: {}", "slo.yaml:2:3: no percentile to compare"),
        ("  http_req_duration{route:a}: p(95)", "slo.yaml:2:31: http_req_duration{route:a} must be a mapping"),
        ("  http_req_duration{route:a}: {each: route, med: {max_regression: 1%}}", "slo.yaml:2:38: http_req_duration{route:a} already"),
        ("  iteration_duration: {each: route, med: {max_regression: 1%}}", "slo.yaml:2:30: iteration_duration is measured per journey"),
        ("  http_req_failed{route:a}: {med: {max_regression: 1%}}", "slo.yaml:2:3: http_req_failed cannot be compared"),
        ("  send_lag: {med: {max_regression: 1%}}", "slo.yaml:2:3: send_lag cannot be compared"),
        ("  http_req_duration{arm:head}: {med: {max_regression: 1%}}", "slo.yaml:2:3: the tag arm names"),
        ("  http_req_duration{route}: {med: {max_regression: 1%}}", "slo.yaml:2:21: the tag 'route' has no colon"),
        ("  http_req_durations{route:a}: {med: {max_regression: 1%}}", "slo.yaml:2:3: unknown metric"),
        ("  http_req_duration{route:a}: {max: {max_regression: 1%}}", "slo.yaml:2:32: 'max' cannot be compared"),
        ("  http_req_duration{route:a}: {med: {max_regression: 1}}", "slo.yaml:2:54: '1' is not a percentage"),
        ("  http_req_duration{route:a}: {med: {}}", "slo.yaml:2:37: max_regression is missing"),
    ],
)
def test_an_error_points_at_the_bad_part(text: str, problem: str) -> None:
    """File, line and column of the part that is not understood."""
    with pytest.raises(SloError) as raised:
        _read(text)

    assert raised.value.message.startswith(problem)
    assert "^" in raised.value.last_state


def test_no_more_comparisons_than_a_report_can_show() -> None:
    """Two hundred tolerances are accepted, and one more is not."""
    lines = [f'  "http_req_duration{{route:r{number}}}": {{med: {{max_regression: 5%}}}}' for number in range(201)]

    assert len(_read("\n".join(lines[:200]))) == 200
    with pytest.raises(SloError, match="more than 200 comparisons"):
        _read("\n".join(lines))


@given(text=st.text(alphabet="p(95)med{}:,routeach journey%\n -http_q1[]\"'", max_size=120))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text makes the reader fail in another way than with an error about the file."""
    with suppress(SloError):
        _read(f"  {text}")
