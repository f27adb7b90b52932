"""Templates: whatever is rendered can be decoded back, and literal text is never changed."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.errors import LoadError
from kindgate.load.template import Encoding, Placeholder, Template, Value

TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
VALUES: st.SearchStrategy[Value] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(TEXTS, parts, max_size=3),
    max_leaves=6,
)


def one(encoding: Encoding, before: str, after: str) -> Template:
    """A value between two texts."""
    return Template((before, Placeholder("v", encoding), after))


@given(value=TEXTS, before=TEXTS, after=TEXTS)
def test_text_is_written_unchanged(value: str, before: str, after: str) -> None:
    """Braces, quotes and any Unicode, in the literal text too."""
    assert one(Encoding.TEXT, before, after).render({"v": value}).decode() == before + value + after


@given(value=TEXTS)
def test_a_value_in_a_path_stays_one_segment_of_it(value: str) -> None:
    """A value cannot add segments, a query or a fragment, and the server decodes it to the same text."""
    url = urlsplit(b"http://host" + one(Encoding.URL, "/a/", "/b?c=d").render({"v": value}))
    assert (url.query, url.fragment) == (b"c=d", b"")
    assert [unquote(part, errors="strict") for part in url.path.decode("ascii").split("/")] == ["", "a", value, "b"]


@given(value=TEXTS)
def test_a_value_in_a_form_stays_one_field(value: str) -> None:
    """The server decodes the form to the same fields."""
    body = one(Encoding.FORM, "a=1&v=", "&b=2").render({"v": value}).decode("ascii")
    assert parse_qsl(body, keep_blank_values=True) == [("a", "1"), ("v", value), ("b", "2")]


def test_a_space_in_a_form_is_a_plus() -> None:
    """Browsers send it like this."""
    assert one(Encoding.FORM, "v=", "").render({"v": "a b+c"}) == b"v=a+b%2Bc"


@given(value=TEXTS)
def test_a_value_inside_a_json_string_stays_in_it(value: str) -> None:
    """Quotes, backslashes and control characters are escaped."""
    body = one(Encoding.JSON_STRING, '{"a": "x-', '-y", "b": 1}').render({"v": value})
    assert json.loads(body) == {"a": f"x-{value}-y", "b": 1}


@given(value=VALUES)
def test_a_json_value_keeps_its_type(value: Value) -> None:
    """A number stays a number, and an object stays an object."""
    assert repr(json.loads(one(Encoding.JSON, '{"a": ', "}").render({"v": value}))) == repr({"a": value})


@pytest.mark.parametrize(
    ("value", "text"), [(7, "7"), (2.5, "2.5"), (True, "true"), (None, "null"), ([1, "a"], '[1,"a"]'), ("null", "null")]
)
def test_values_that_are_no_strings_are_written_as_their_json(value: Value, text: str) -> None:
    """Python's words for true and null mean nothing to a server."""
    assert Template((Placeholder("v"),)).render({"v": value}).decode() == text


@given(value=st.text(st.characters(), max_size=5))
@pytest.mark.parametrize("encoding", list(Encoding))
def test_any_string_can_be_sent(encoding: Encoding, value: str) -> None:
    """A server can put half of a surrogate pair into its JSON: it is replaced, because UTF-8 cannot hold it."""
    Template((Placeholder("v", encoding),)).render({"v": value}).decode()


def test_a_template_knows_its_names_and_whether_it_varies() -> None:
    """Texts without placeholders are set once, not for each request."""
    template = Template(("a", Placeholder("b"), Placeholder("c.d", Encoding.URL), Placeholder("b", Encoding.JSON)))
    assert template.names == {"b", "c.d"}
    assert template.constant is None
    assert Template(("a", "{b}")).constant == "a{b}"
    assert Template(()).constant == ""


def test_a_placeholder_needs_a_name() -> None:
    """An empty one would always lack its value."""
    with pytest.raises(LoadError, match="needs a name"):
        Placeholder("")
