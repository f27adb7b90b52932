"""The error tree: an error's text, and the exit code of each class."""

import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from kindgate import errors
from kindgate.errors import KindgateError, clipped

TABLE = Path(__file__).parents[2] / "docs" / "exit-codes.md"


def classes(base: type[KindgateError] = KindgateError) -> list[type[KindgateError]]:
    """Return every class of the tree defined in `errors`."""
    return [base, *(descendant for child in base.__subclasses__() if child.__module__ == errors.__name__ for descendant in classes(child))]


def test_an_error_shows_only_known_details() -> None:
    """Waiting time, last state and next step each get a line if given."""
    full = KindgateError("it broke", waited=2.345, last_state="a\nb", next_step="mend it")

    assert str(full) == "it broke\n  waited: 2.3 s\n  last seen: a\n    b\n  next: mend it"
    assert str(KindgateError("it broke")) == "it broke"


def test_long_external_output_is_cut_to_its_end() -> None:
    """The end of a program's output is the most useful part, so the beginning is cut."""
    assert clipped("first second\nthird", 8) == "[... 13 characters cut]\nthird"
    assert clipped("first second\nthird", 12) == "[... 6 characters cut]\nsecond\nthird"
    assert clipped("short", 5) == "short"


@given(st.text(st.sampled_from("ab \n"), max_size=40), st.integers(1, 20))
def test_external_output_is_cut_between_words(text: str, limit: int) -> None:
    """Half of a secret at the cut would not be recognized as one, and be shown; a word that is too long is left out."""
    note, _, kept = clipped(text, limit).partition("cut]\n") if len(text.strip()) > limit else ("", "", clipped(text, limit))
    assert len(kept) <= limit
    words, kept_words = text.split(), kept.split()
    assert words[len(words) - len(kept_words) :] == kept_words
    assert bool(note) == (len(text.strip()) > limit)


def test_every_exit_code_is_in_the_table_for_users() -> None:
    """docs/exit-codes.md lists each class's code."""
    documented = {int(code) for row in re.findall(r"^\| ([\d, ]+) \|", TABLE.read_text(), re.MULTILINE) for code in row.split(",")}

    assert {error.__name__: error.exit_code for error in classes() if error.exit_code not in documented} == {}


def test_exit_codes_do_not_overlap_with_pytests() -> None:
    """Codes 0 to 5 are pytest's own; the tree's start at 10."""
    assert {error.exit_code for error in classes()} - {1} >= {10, 11, 26}
    assert all(error.exit_code == 1 or 10 <= error.exit_code < 64 for error in classes())
