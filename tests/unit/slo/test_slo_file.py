"""slo.yaml: its contents, and errors that point at the mistake."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kindgate.errors import SloError
from kindgate.settings_sources import build_settings
from kindgate.slo.objectives import BurstSizes, Tolerance
from kindgate.slo.slo_file import parse_document

GOOD = """\
# what the service promises
thresholds:
  http_req_duration: ["p(95)<200", 'p(99)<500']
  http_req_duration{host:foo.localhost}:
    - {threshold: "p(95)<150", abortOnFail: true, delayAbortEval: 10s}
    - threshold: avg<100
  http_req_failed:
    - rate<0.01
compare:
  p(95): {max_regression: 10%}
  med: {max_regression: 5 %}
bursts: {count: 30, rate: 500, duration: 2s}
"""


def test_a_document_holds_thresholds_tolerances_and_sizes() -> None:
    """All three sections are read, and each threshold keeps its location."""
    objectives = parse_document(GOOD, "suite/slo.yaml")

    assert [str(threshold) for threshold in objectives.thresholds] == [
        "http_req_duration: p(95)<200",
        "http_req_duration: p(99)<500",
        "http_req_duration{host:foo.localhost}: p(95)<150",
        "http_req_duration{host:foo.localhost}: avg<100",
        "http_req_failed: rate<0.01",
    ]
    assert [threshold.origin for threshold in objectives.thresholds][:2] == ["suite/slo.yaml:3:24", "suite/slo.yaml:3:37"]
    assert objectives.compare == (Tolerance(95.0, 0.1, "suite/slo.yaml:10:3"), Tolerance(50.0, 0.05, "suite/slo.yaml:11:3"))
    assert objectives.bursts == BurstSizes(30, 500.0, 2.0)
    assert objectives.tightest_latency == 100


def test_the_object_form_carries_abort_and_delay() -> None:
    """k6's object form states that a FAIL ends the run, and from when on."""
    third = parse_document(GOOD).thresholds[2]

    assert (third.abort_on_fail, third.delay_abort_eval) == (True, 10.0)


def test_a_capacity_needs_an_objective_that_limits_it() -> None:
    """The error points at the metric; an objective about times or failures is enough."""
    with pytest.raises(SloError, match=r"slo\.yaml:2:3: the capacity is the highest rate at which objectives .* are met"):
        parse_document('thresholds:\n  capacity: ["value>800"]\n  http_reqs: ["count>1"]\n')

    objectives = parse_document('thresholds: {capacity: ["value>800"], http_req_failed: ["rate<0.01"]}')
    assert [str(one.threshold) for one in objectives.capacities] == ["capacity: value>800"]


def test_json_is_yaml() -> None:
    """Thresholds can be copied from a k6 script's options."""
    objectives = parse_document('{"thresholds": {"http_req_duration{host:a,route:b}": ["p(95)<200"]}}')

    assert objectives.thresholds[0].selector.tag_map == {"host": "a", "route": "b"}


@pytest.mark.parametrize(
    ("old", "new", "place", "problem"),
    [
        ("p(99)<500", "p(99)<<500", "3:43", "'<500' is not a number"),
        ("  http_req_duration:", "  http_req_duratio:", "3:3", "unknown metric 'http_req_duratio'"),
        ("{host:foo.localhost}", "{host}", "4:21", "no colon"),
        ("abortOnFail: true", "abortOnFail: maybe", "5:45", "neither true nor false"),
        ("abortOnFail", "abortOnFall", "5:32", "no key 'abortOnFall'"),
        ("10s", "10q", "5:67", "not a duration"),
        ('threshold: "p(95)<150", ', "", "5:7", "the expression is missing"),
        ("avg<100", "rate<100", "6:18", "does not apply"),
        ("    - rate<0.01", "    rate<0.01", "8:5", "must be a list"),
        ("    - rate<0.01", "    []", "8:5", "must be a list"),
        ("    - rate<0.01", "    - [rate<0.01]", "8:7", "must be a mapping"),
        ("compare:", "compares:", "9:1", "no key 'compares'"),
        ("10%", "0.1", "10:27", "is not a percentage"),
        ("10%", "0%", "10:27", "is not a percentage"),
        ("p(95): {max", "p(101): {max", "10:5", "between 0 and 100"),
        ("p(95): {max", "p(100): {max", "10:3", "cannot be compared"),
        ("  med:", "  avg:", "11:3", "cannot be compared"),
        ("{max_regression: 5 %}", "{}", "11:8", "max_regression is missing"),
        ("count: 30", "count: 0", "12:17", "from 1 to 200"),
        ("count: 30", "count: [30]", "12:17", "expected a number"),
        ("rate: 500", "rate: -1", "12:27", "above 0"),
        ("duration: 2s", "duration: 0s", "12:42", "above 0"),
        ("bursts: {", "compare: {", "12:1", "'compare' is defined twice"),
        ("# what the service promises", "thresholds: ]", "1:13", "invalid YAML"),
    ],
)
def test_a_mistake_is_reported_with_file_line_and_column(old: str, new: str, place: str, problem: str) -> None:
    """Anything not understood is refused, and the error states where it is and what it is."""
    assert old in GOOD

    with pytest.raises(SloError) as caught:
        parse_document(GOOD.replace(old, new, 1), "slo.yaml")

    assert caught.value.message.startswith(f"slo.yaml:{place}: ")
    assert problem in caught.value.message
    column = int(place.partition(":")[2])
    assert caught.value.last_state.splitlines()[-1].index("^") == column - 1


@pytest.mark.parametrize(
    ("written", "aborts"),
    [(word, True) for word in ("true", "True", "TRUE", "yes", "Yes", "on", '"true"')]
    + [(word, False) for word in ("false", "False", "no", "NO", "off", "null", "~", "")],
)
def test_a_switch_is_read_as_yaml_json_and_python_write_it(written: str, *, aborts: bool) -> None:
    """Null is k6's default: `k6 inspect` prints it for unset options."""
    text = f'thresholds: {{http_req_duration: [{{threshold: "p(95)<1", abortOnFail: {written}, delayAbortEval: null}}]}}\ncompare:\n'

    (threshold,) = parse_document(text).thresholds

    assert (threshold.abort_on_fail, threshold.delay_abort_eval) == (aborts, 0)


@pytest.mark.parametrize("word", ["y", "tRUE", "1", '"maybe"', "2026-01-01"])
def test_any_other_word_for_a_switch_is_rejected(word: str) -> None:
    """YAML 1.1 as PyYAML and kubectl parse it has no boolean `y`, and JSON has no boolean number."""
    with pytest.raises(SloError, match="neither true nor false"):
        parse_document(f'thresholds: {{http_req_duration: [{{threshold: "p(95)<1", abortOnFail: {word}}}]}}')


@pytest.mark.parametrize(
    ("written", "seconds"), [("2", 2), ("2s", 2), ("500ms", 0.5), ("0.5", 0.5), ('"2"', 2), ("1m30s", 90), ("null", None)]
)
def test_a_bursts_duration_is_read_as_the_option_reads_it(written: str, seconds: float | None) -> None:
    """A bare number means seconds, as in --load-duration."""
    document = parse_document(f"thresholds: {{http_req_duration: [med<1]}}\nbursts: {{duration: {written}}}")

    assert document.bursts.duration == seconds
    if seconds is not None:
        settings = build_settings(Path(), {"load_duration": written.strip('"')}, {}, {})
        assert settings.load.duration == seconds


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "the file is empty"),
        ("- p(95)<200", "must be a mapping"),
        ("thresholds: {}", "no objective"),
        ("bursts: {count: 3}", "no objective"),
        ("thresholds: {? [a] : b}", "expected a key"),
        ("\x00", "invalid YAML"),
    ],
)
def test_a_document_without_objectives_is_rejected(text: str, problem: str) -> None:
    """A file without objectives is an error, not a pass."""
    with pytest.raises(SloError, match=problem):
        parse_document(text)


def test_a_workload_is_left_to_its_own_reader() -> None:
    """A pull request's objectives are compared without its workload; tests may state objectives in their markers alone."""
    workload = "workload: {routes: [{name: search, path: /search, body: {json: {a: [{b: {c: 1}}]}}}]}"

    assert parse_document(GOOD + workload) == parse_document(GOOD)
    assert parse_document(workload).thresholds == ()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: &a [p(95)<1]\nthresholds: {http_req_duration: *a}", "aliases are not allowed"),
        ("thresholds: {http_req_duration: [" + ", ".join(["p(95)<1"] * 501) + "]}", "more than 500 thresholds"),
        ("thresholds: " + "[" * 30, "too deep"),
        ("thresholds:\n" + "".join(f"  m{number}: [p(95)<1]\n" for number in range(3000)), "too large"),
        ("# " + "x" * 70_000, "more than 65536 characters"),
    ],
)
def test_a_document_that_expands_when_read_is_rejected(text: str, why: str) -> None:
    """A pull request's file is read in a job whose token can write."""
    with pytest.raises(SloError, match=why) as caught:
        parse_document(text)
    assert len(str(caught.value)) < 1000


@given(st.text(max_size=200) | st.text("{}[]&*:,\"'-? \n#ab<(95)%!|>\\U", max_size=60))
@example('"\\UFFFFFFFF"')
@example("thresholds: {http_req_duration: [p(95)<1e999]}")
def test_no_text_breaks_the_reader(text: str) -> None:
    """Any text yields objectives or an error that points at its location."""
    with suppress(SloError):
        parse_document(text)
