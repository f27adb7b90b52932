"""k6's grammar: what it accepts and refuses, and where its errors point."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.errors import SloError
from kindgate.slo.grammar import parse_expression, parse_marker, parse_selector
from kindgate.slo.threshold import METRICS, OPERATORS, MetricType
from kindgate.source_location import Source

APPLICABLE = {
    MetricType.TREND: {"avg", "min", "max", "med", "p(95)"},
    MetricType.RATE: {"rate"},
    MetricType.COUNTER: {"count", "rate"},
    MetricType.GAUGE: {"value"},
    MetricType.USAGE: {"avg", "max"},
}
"""The aggregations of k6's metric types, written out: https://grafana.com/docs/k6/latest/using-k6/thresholds/."""

AGGREGATES = ["avg", "min", "max", "med", "rate", "count", "value", "p(95)", "p(0)", "p(100)", "p(99.9)", "p(9e1)"]
SPACES = st.sampled_from(["", " ", "\t ", "\u2003", "\xa0"])


@given(
    aggregate=st.sampled_from(AGGREGATES),
    operator=st.sampled_from(OPERATORS),
    limit=st.floats(allow_nan=False, allow_infinity=False),
    spaces=st.tuples(SPACES, SPACES, SPACES, SPACES),
)
def test_every_aggregation_operator_and_number_is_read(
    aggregate: str, operator: str, limit: float, spaces: tuple[str, str, str, str]
) -> None:
    """Every aggregation, operator and finite number form an expression, with optional spaces around each."""
    before, behind, between, after = spaces

    expression = parse_expression(Source(f"{before}{aggregate}{behind}{operator}{between}{limit!r}{after}"))

    assert expression.operator == operator
    assert expression.limit == limit
    assert expression.aggregation == aggregate.partition("(")[0]
    assert expression.quantile == (float(aggregate[2:-1]) if aggregate.startswith("p(") else None)


@given(text=st.text(alphabet="pavgrte()0159.eE_xX+-<>=! \tinf", max_size=14))
def test_any_text_is_parsed_or_rejected_at_a_position_inside_it(text: str) -> None:
    """A text is an expression that survives a round trip, or an error whose caret lies within the text."""
    try:
        expression = parse_expression(Source(text))
    except SloError as error:
        column = int(error.message.removeprefix("column ").partition(":")[0])
        assert 1 <= column <= len(text) + 1
    else:
        again = parse_expression(Source(f"{expression.aggregate}{expression.operator}{expression.limit!r}"))
        assert again == expression or math.isnan(expression.limit)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1_000", 1000.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("+5", 5.0),
        ("-3", -3.0),
        ("1E+3", 1000.0),
        ("0x1p-2", 0.25),
        ("0x_1.8p1_0", 1536.0),
        ("1e-999", 0.0),
        ("-Infinity", -math.inf),
        ("inf", math.inf),
    ],
)
def test_numbers_are_parsed_like_gos(text: str, value: float) -> None:
    """k6 parses limits with Go's strconv.ParseFloat, which accepts some forms that Python's float refuses, and vice versa."""
    assert parse_expression(Source(f"avg<{text}")).limit == value


@pytest.mark.parametrize(
    "text", ["1__2", "_1", "1_", "1._5", "0x1", "0x.p0", "0b1", "1e", ".", "1e999", "0x1p9999", "+nan", "٣", "1 2", ""]
)
def test_numbers_rejected_by_go_are_rejected(text: str) -> None:
    """A limit that strconv.ParseFloat refuses is an error."""
    with pytest.raises(SloError, match="the limit"):
        parse_expression(Source(f"avg<{text}"))


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("p(95)<<200", "<200"),
        ("p(101)<200", "101"),
        ("p(NaN)<200", "NaN"),
        ("p(-1)<200", "-1"),
        ("p( 95)<200", " 95"),
        ("p()<200", ""),
        ("p(95<200", "p(95"),
        ("p<200", "p"),
        ("foo > 20", "foo"),
        ("count!20", "count!20"),
        ("rate >", ""),
        ("<200", ""),
        ("p(95) = 200", "p(95) = 200"),
        ("p(95)=<200", "p(95)="),
        ("avg<12ms", "12ms"),
    ],
)
def test_an_error_marks_the_bad_part(text: str, marked: str) -> None:
    """The last line puts a caret under each character of the bad part, or a single one where something is missing."""
    with pytest.raises(SloError) as caught:
        parse_expression(Source(text))

    shown, carets = caught.value.last_state.splitlines()[-2:]
    start, end = carets.index("^"), len(carets)
    assert shown == text
    assert (text[start:end] if marked else "") == marked
    assert caught.value.message.startswith(f"column {start + 1}: ")


@pytest.mark.parametrize("metric", ["http_req_duration", "http_req_waiting", "service_time"])
def test_expected_response_does_not_change_a_time_metric(metric: str) -> None:
    """Failed requests count as slower than any limit here, so this tag is dropped; other tags stay."""
    assert str(parse_selector(Source(f"{metric}{{expected_response:true}}"))) == metric
    assert str(parse_selector(Source(f"{metric}{{host:foo, expected_response:true}}"))) == f"{metric}{{host:foo}}"


@pytest.mark.parametrize(
    "text", ["http_req_duration{expected_response:false}", "http_req_failed{expected_response:true}", "http_reqs{expected_response:true}"]
)
def test_expected_responses_are_rejected_for_other_metrics(text: str) -> None:
    """Counts without failed requests and times of failed requests alone are not recorded."""
    with pytest.raises(SloError, match=r"expected_response:.* is not supported"):
        parse_selector(Source(text))


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("http_req_duration", {}),
        ("http_req_duration{host:foo.localhost}", {"host": "foo.localhost"}),
        ("http_req_duration{ host : foo , route : bar }", {"host": "foo", "route": "bar"}),
        ("""http_req_duration{"host":'foo',route:" bar "}""", {"host": "foo", "route": " bar "}),
        ("http_req_duration{group:::mygroup}", {"group": "::mygroup"}),
        ("http_req_duration{name:http://${}.com}", {"route": "http://${}.com"}),
        ("http_req_duration{host:''}", {"host": ""}),
        ("http_req_duration{host:a,host:b}", {"host": "b"}),
    ],
)
def test_tags_are_parsed_like_k6s(text: str, tags: dict[str, str]) -> None:
    """Spaces and quotes around keys and values are stripped; values may contain colons and braces."""
    assert parse_selector(Source(text)).tag_map == tags


@pytest.mark.parametrize(
    ("text", "column", "problem"),
    [
        ("http_req_duration{host:foo", 18, "not closed"),
        ("http_req_duration}host:foo", 18, "no opening one"),
        ("http_req_duration}a{b", 18, "no opening one"),
        ("http_req_duration{host:f}oo", 26, "nothing may follow"),
        ("http_req_duration{host}", 19, "no colon"),
        ("http_req_duration{host:}", 19, "no value"),
        ("http_req_duration{host:foo,}", 28, "no colon"),
        ("http_req_duration{}", 19, "no colon"),
        ("http_req_duratio{host:foo}", 1, "unknown metric"),
        ("http_req_duration {host:foo}", 1, "unknown metric"),
        ("", 1, "unknown metric"),
        ("http_req_failed{kind:slow}", 17, "unknown failure kind"),
        ("checks{kind:timeout}", 8, "applies to http_req_failed"),
        ("send_lag{host:foo}", 10, "takes no tags"),
    ],
)
def test_a_bad_selector_is_rejected_with_its_position(text: str, column: int, problem: str) -> None:
    """Unbalanced braces, tags without values and unknown metrics or kinds are errors at their column."""
    with pytest.raises(SloError, match=rf"^column {column}: .*{problem}"):
        parse_selector(Source(text))


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_only_supported_aggregations_are_accepted(metric: object) -> None:
    """Trends have percentiles, rates have a rate, counters a count and a rate; anything else is refused."""
    name, kind = metric.name, metric.type  # type: ignore[attr-defined]  # a Metric; pytest's ids take any object

    for aggregate in ("avg", "min", "max", "med", "p(95)", "rate", "count", "value"):
        text = f"{name}: {aggregate}>1"
        if aggregate in APPLICABLE[kind]:
            assert str(parse_marker((text,))[0]) == text
        else:
            with pytest.raises(SloError, match=f"does not apply to {name}, which is a {kind}"):
                parse_marker((text,))


@pytest.mark.parametrize(
    ("text", "column", "problem"),
    [
        ("capacity: value<800", 16, "above a rate"),
        ("capacity: value==800", 16, "above a rate"),
        ("capacity: value>0", 17, "above 0"),
        ("capacity: value>=-5", 18, "above 0"),
        ("capacity: value>inf", 17, "above 0"),
        ("capacity{route:a}: value>800", 10, "takes no tags"),
    ],
)
def test_a_capacity_is_a_lower_limit_on_a_rate(text: str, column: int, problem: str) -> None:
    """Anything else could never fail, or is not what a search finds."""
    with pytest.raises(SloError, match=rf"column {column}: .*{problem}"):
        parse_marker((text,))


def test_a_gauge_has_a_value() -> None:
    """`value` is part of the grammar and applies to gauges."""
    assert parse_expression(Source("value>=1")).aggregation == "value"


def test_a_marker_holds_several_objectives() -> None:
    """Each argument is an objective; without a metric it applies to http_req_duration."""
    thresholds = parse_marker(
        ("p(95)<200", " http_req_failed{kind:timeout} : rate < 0.001", "http_req_duration{host:a:1}: avg<3"), "test_a.py::test_b"
    )

    assert [str(threshold) for threshold in thresholds] == [
        "http_req_duration: p(95)<200",
        "http_req_failed{kind:timeout}: rate<0.001",
        "http_req_duration{host:a:1}: avg<3",
    ]
    assert {threshold.origin for threshold in thresholds} == {"test_a.py::test_b"}


@pytest.mark.parametrize(
    ("args", "problem"),
    [((), "no objective"), ((95,), "must be a string"), (("checks{host:a} rate>0.9",), "missing expression after the metric")],
)
def test_a_marker_without_an_objective_is_rejected(args: tuple[object, ...], problem: str) -> None:
    """A marker takes strings, each containing an expression."""
    with pytest.raises(SloError, match=problem):
        parse_marker(args)


def test_a_marker_accepts_k6s_object_form() -> None:
    """It is an argument, or keywords that apply to every threshold; Python's True and YAML's yes are equivalent."""
    forms = (
        parse_marker(({"threshold": "checks: rate>0.9", "abortOnFail": True, "delayAbortEval": "10s"},)),
        parse_marker(({"threshold": "checks: rate>0.9", "abortOnFail": "yes", "delayAbortEval": 10_000},)),
        parse_marker(("checks: rate>0.9",), options={"abortOnFail": "True", "delayAbortEval": "10s"}),
        parse_marker(({"threshold": "checks: rate>0.9", "delayAbortEval": "10s"},), options={"abortOnFail": True, "delayAbortEval": None}),
    )

    assert {(str(one.selector), one.abort_on_fail, one.delay_abort_eval) for (one,) in forms} == {("checks", True, 10.0)}
    (other, second) = parse_marker(("p(95)<1", {"threshold": "med<1", "abortOnFail": False}), options={"abortOnFail": True})
    assert (other.abort_on_fail, second.abort_on_fail) == (True, False)


@pytest.mark.parametrize(
    ("args", "options", "problem"),
    [
        (({"threshold": "p(95)<1", "abortOnFall": True},), {}, "no key 'abortOnFall'"),
        (({"abortOnFail": True},), {}, "must be a string"),
        (({"threshold": "p(95)<1", "abortOnFail": 1},), {}, "neither true nor false"),
        (("p(95)<1",), {"delayAbortEval": True}, "not a duration"),
        (("p(95)<1",), {"abort": True}, "no key 'abort'"),
        ((), {"abortOnFail": True}, "no objective"),
    ],
)
def test_a_marker_with_unknown_arguments_is_rejected(args: tuple[object, ...], options: dict[str, object], problem: str) -> None:
    """An ignored keyword would silently drop an objective."""
    with pytest.raises(SloError, match=problem):
        parse_marker(args, options=options)


def test_an_error_inside_a_marker_shows_the_whole_argument() -> None:
    """The caret's column counts from the start of the argument, not of the expression inside it."""
    with pytest.raises(SloError) as caught:
        parse_marker(("http_req_duration{host:foo}: p(95)<2oo",), "@pytest.mark.slo")

    assert caught.value.message == "@pytest.mark.slo, column 36: the limit '2oo' is not a number"
    assert caught.value.last_state.splitlines()[1:] == ["http_req_duration{host:foo}: p(95)<2oo", " " * 35 + "^^^"]


def test_the_tag_name_is_the_route() -> None:
    """k6 calls a route's name `name`; both select the same requests."""
    assert parse_selector(Source("http_req_duration{name:checkout}")) == parse_selector(Source("http_req_duration{route:checkout}"))
    assert parse_selector(Source('http_req_duration{"name":checkout,route:checkout}')).tags == (("route", "checkout"),)


@pytest.mark.parametrize(
    "text", ["iteration_duration{journey:buy}: p(95)<2000", "iterations: count>100", "iterations{journey:buy}: rate>1"]
)
def test_journeys_have_k6s_metrics(text: str) -> None:
    """k6 calls a run of a journey an iteration."""
    assert str(parse_marker((text,))[0]) == text
