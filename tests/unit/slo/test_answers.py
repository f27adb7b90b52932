"""Differences between the answers of two versions, and what is not one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.slo.answers import CHANGES_LIMIT, VALUE_LIMIT, Answer, AnswerTriple, compare_answers


def answer(document: object, *, status: int = 200, content_type: str = "application/json", **headers: str) -> Answer:
    """Return an answer with a JSON body."""
    return Answer(status, {"content-type": content_type, **headers}, json.dumps(document).encode())


def text(body: str) -> Answer:
    """Return an answer with a text body."""
    return Answer(200, {"content-type": "text/html; charset=utf-8"}, body.encode())


def changes(*triples: tuple[Answer, Answer, Answer], headers: tuple[str, ...] = ()) -> list[str]:
    """Return the changes between answers (base, head, base again) of one route as text."""
    return [str(change) for change in compare_answers("route", [[AnswerTriple(*triple)] for triple in triples], headers).changes]


@pytest.mark.parametrize(
    ("base", "head", "change"),
    [
        (answer({"price": 5}), answer({"price": "5"}), 'JSON price: 5 -> "5"'),
        (answer({"price": 5}), answer({"cost": 5}), "JSON cost: absent -> 5"),
        (answer({"items": [{"id": 1}]}), answer({"items": []}), "JSON items: absent -> []"),
        (answer({"items": [{"id": 1}]}), answer({"items": [{"id": 1, "name": None}]}), "JSON items.*.name: absent -> null"),
        (answer([1]), answer([1], status=201), "status: 200 -> 201"),
        (answer([1]), answer([1], content_type="application/hal+json"), "header content-type: application/json -> application/hal+json"),
        (answer([1], etag="a"), answer([1], etag="b"), "header etag: a -> b"),
        (text("<p>old</p>\n"), text("<p>new</p>\n"), "text: <p>old</p> -> <p>new</p>"),
        (Answer(200, {}, b"\0one"), Answer(200, {}, b"\0three"), "body: 4 bytes -> 6 bytes"),
    ],
)
def test_a_change_is_named_with_both_values(base: Answer, head: Answer, change: str) -> None:
    """Status, content type, requested headers, structure, types and values are compared."""
    assert change in changes((base, head, base), headers=("ETag",))


def test_headers_that_were_not_requested_may_differ() -> None:
    """Dates and server names differ between any two answers."""
    assert changes((answer([1], date="a"), answer([1], date="b"), answer([1], date="a"))) == []


def test_values_that_vary_in_the_baseline_are_no_changes() -> None:
    """A path that differs between the baseline's own answers is ignored in all requests of the route, in every list position."""
    steady = answer({"items": [{"id": 1, "at": 1}]})
    varies = (answer({"items": [{"id": 1, "at": 1}]}), answer({"items": [{"id": 1, "at": 2}]}), answer({"items": [{"id": 1, "at": 3}]}))
    later = answer({"items": [{"id": 1, "at": 9}]})
    compared = compare_answers("route", [[AnswerTriple(*varies)], [AnswerTriple(steady, later, steady)]])
    assert compared.changes == ()
    assert compared.varying == ("JSON items.*.at",)


def test_a_change_next_to_a_varying_value_is_still_found() -> None:
    """Ignoring a path does not ignore its neighbors."""
    base, head, again = answer({"id": 1, "n": 1}), answer({"id": 2, "n": 2}), answer({"id": 1, "n": 3})
    assert changes((base, head, again)) == ["JSON id: 1 -> 2"]


def test_lines_of_a_text_that_varies_by_itself_are_no_changes() -> None:
    """A token in a page makes its text unusable for a comparison by lines."""
    base, head, again = text("<p>same</p>\ntoken 1"), text("<p>same</p>\ntoken 2"), text("<p>same</p>\ntoken 3")
    assert changes((base, head, again)) == []


def test_a_difference_that_does_not_repeat_is_no_change() -> None:
    """An overloaded replica that answers 503 once did not change the contract."""
    same, odd = answer([1]), answer([1], status=503)
    once = [AnswerTriple(same, odd, same), AnswerTriple(same, same, same)]
    twice = [AnswerTriple(same, odd, same), AnswerTriple(same, odd, same)]
    assert compare_answers("route", [once]).changes == ()
    assert [str(change) for change in compare_answers("route", [once, twice]).changes] == ["status: 200 -> 503"]


def test_a_change_of_some_requests_is_found() -> None:
    """A regression may hide in the answers about one product out of many."""
    same, changed = answer({"price": 5}), answer({"price": 6})
    (change,) = compare_answers("route", [[AnswerTriple(same, same, same)]] * 9 + [[AnswerTriple(same, changed, same)]]).changes
    assert (change.seen, change.compared) == (1, 10)


def test_another_status_is_the_only_change_of_its_answers() -> None:
    """The body of an error has nothing in common with the page it replaces."""
    assert changes((answer({"a": 1}), answer({"error": "x"}, status=500), answer({"a": 1}))) == ["status: 200 -> 500"]


def test_a_missing_answer_is_a_change_and_two_missing_ones_are_not_compared() -> None:
    """A version that times out alone has changed; a baseline that never answers proves nothing."""
    late = Answer(failure="no answer within 10 s")
    assert changes((answer([1]), late, answer([1]))) == ["status: 200 -> no answer within 10 s"]
    assert compare_answers("route", [[AnswerTriple(late, answer([1]), late)]]).compared == 0


def test_keys_that_vary_in_the_baseline_are_no_changes() -> None:
    """A mapping by id has other keys in every answer; its other parts are compared."""
    base, head, again = (answer({"by_id": {key: {"n": 1}}, "total": total}) for key, total in (("a", 1), ("b", 2), ("c", 1)))
    assert changes((base, head, again)) == ["JSON total: 1 -> 2"]


def test_values_are_redacted_before_they_are_cut() -> None:
    """Half of a secret is not recognized any more."""
    secret = "s" * VALUE_LIMIT + "end"
    triple = AnswerTriple(answer({"a": 1}), answer({"a": secret}), answer({"a": 1}))
    (change,) = compare_answers("route", [[triple]], redact=lambda _place, value: value.replace(secret, "[redacted]")).changes
    assert change.head == '"[redacted]"'


def test_the_order_of_a_list_does_not_matter() -> None:
    """Databases return rows in any order."""
    assert changes((answer([{"a": 1}, {"a": 2}]), answer([{"a": 2}, {"a": 1}]), answer([{"a": 1}, {"a": 2}]))) == []


def test_long_values_and_many_changes_are_limited() -> None:
    """A page for people must stay readable whatever the answers hold."""
    base, head = answer({f"k{n}": "x" * 500 for n in range(100)}), answer({f"k{n}": "y" * 500 for n in range(100)})
    compared = compare_answers("route", [[AnswerTriple(base, head, base)]])
    assert len(compared.changes) == CHANGES_LIMIT
    assert all(len(change.base) <= VALUE_LIMIT for change in compared.changes)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=12,
)


@given(JSON)
def test_equal_documents_have_no_changes(document: object) -> None:
    """Whatever a service answers, equal versions must not differ."""
    assert changes((answer(document), answer(document), answer(document))) == []


@given(JSON, JSON, JSON)
def test_a_difference_of_the_baseline_to_itself_is_never_a_change(base: object, head: object, again: object) -> None:
    """Every reported place is equal in both answers of the baseline."""
    compared = compare_answers("route", [[AnswerTriple(answer(base), answer(head), answer(again))]])
    assert not {change.place for change in compared.changes} & set(compared.varying)


@given(st.binary(max_size=50), st.binary(max_size=50))
def test_any_bytes_can_be_compared(base: bytes, head: bytes) -> None:
    """A body that claims to be JSON may be anything."""
    claimed = {"content-type": "application/json"}
    assert bool(changes((Answer(200, claimed, base), Answer(200, claimed, head), Answer(200, claimed, base)))) <= (base != head)
