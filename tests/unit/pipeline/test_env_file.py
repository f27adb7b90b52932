"""`.env` is parsed as Docker Compose does it: every expected value comes from compose-go 2.16."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.errors import SettingsError
from kindgate.pipeline.env_file import env_values

ENVIRONMENT = {"SET": "value", "EMPTY": ""}


def read(text: str) -> dict[str, str]:
    """Return the variables in a file."""
    return env_values(text, ENVIRONMENT, ".env")


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=VAL", "VAL"),
        ("A: VAL", "VAL"),
        ("  export\tA = VAL  \r", "VAL"),
        ("\ufeffA=VAL", "VAL"),
        ("A=", ""),
        ("A=VAL # comment", "VAL"),
        ("A=VAL# no comment", "VAL# no comment"),
        ("A=VAL\t# no comment", "VAL\t# no comment"),
        ('A="VAL # no comment"', "VAL # no comment"),
        ('A="VAL" # comment', "VAL"),
        ("A='$SET ${SET}'", "$SET ${SET}"),
        ("A='Let\\'s go!'", "Let's go!"),
        ('A="{\\"hello\\": \\"json\\"}"', '{"hello": "json"}'),
        ('A="some\\tvalue\\n"', "some\tvalue\n"),
        ("A='some\\tvalue'", "some\\tvalue"),
        ("A=some\\tvalue", "some\\tvalue"),
        ("A='two\nlines'", "two\nlines"),
        ('A="two\nlines"', "two\nlines"),
        ('A="back\\\\slash"', "back\\slash"),
        ('A="\\0123 \\09 \\c \\x41"', "S \\9 \\c \\x41"),
        ("A=$SET-${SET}", "value-value"),
        ("A=a$$SET", "a$SET"),
        ('A="\\$SET"', "$SET"),
        ("A=$UNSET", ""),
        ("A=100$", "100$"),
        ("A=$1", "$1"),
        ("A=${UNSET:-default}", "default"),
        ("A=${EMPTY:-default}", "default"),
        ("A=${EMPTY-default}", ""),
        ("A=${UNSET-default}", "default"),
        ("A=${SET:+other}", "other"),
        ("A=${EMPTY:+other}", ""),
        ("A=${EMPTY+other}", "other"),
        ("A=${UNSET:-${SET}} and ${SET}", "value and value"),
        ("A=${SET:?needed}", "value"),
        ("B=one\nA=$B", "one"),
        ("SET=mine\nA=$SET", "value"),
        ("A=1\nA=2", "2"),
    ],
)
def test_values_are_parsed_as_compose_does(line: str, value: str) -> None:
    """Quotes, escapes, comments and references are handled."""
    assert read(f"{line}\n")["A"] == value
    assert read(line)["A"] == value


def test_a_bare_name_takes_its_value_from_the_environment() -> None:
    """A name that the environment lacks is left out."""
    assert read("SET\nUNSET\nexport EMPTY\n# comment\n\n") == {"SET": "value", "EMPTY": ""}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A=1\nB='open", r"\.env, line 2: the opening quote of the value of B is not closed"),
        ("A=${UNSET:?no database}", r"line 1: A requires UNSET: no database"),
        ("A=${UNSET?}", "line 1: A requires UNSET"),
        ("\n\nA B=secret", "line 3: a name must not contain spaces"),
        ("A='x'\nA!=secret", "line 2: '!' is not allowed in a variable name"),
        ("A=${SET", r"line 1: invalid \$\{\.\.\.\} in the value of A"),
        ("A=${}", r"line 1: invalid \$\{\.\.\.\} in the value of A"),
    ],
)
def test_text_that_compose_rejects_is_refused(text: str, message: str) -> None:
    """The error names the line but shows no value."""
    with pytest.raises(SettingsError, match=message) as caught:
        read(text)

    assert "secret" not in str(caught.value)
    assert caught.value.next_step


@given(value=st.text(), before=st.text(st.characters(exclude_characters="'")))
def test_single_quotes_keep_every_value(value: str, before: str) -> None:
    """Multi-line values are kept too, after any comment."""
    if value.endswith("\\") or "\\'" in value:
        return  # Compose cannot express a backslash before a quote
    quoted = value.replace("'", "\\'")

    assert read(f"#{before.replace(chr(10), ' ')}\nexport A='{quoted}' # {value!r}\nB=2")["A"] == value


@given(st.text())
def test_double_quotes_keep_every_escaped_value(value: str) -> None:
    """Backslash, quote and dollar are escaped, so nothing is taken for a reference."""
    quoted = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")

    assert read(f'A="{quoted}"\nB=2') == {"A": value, "B": "2"}


@given(st.text())
def test_any_text_is_parsed_or_refused(text: str) -> None:
    """Any text is parsed or refused."""
    with contextlib.suppress(SettingsError):
        assert all(isinstance(value, str) for value in read(text).values())
