"""GITHUB_OUTPUT and similar files, and hashFiles."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.player.files import hash_files, parse_assignments

_LINE = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"), max_size=20)


@given(st.lists(_LINE, max_size=4))
def test_a_block_gives_back_its_lines(lines: list[str]) -> None:
    """Lines can contain anything, including equals signs, except the delimiter."""
    block = [line for line in lines if line != "END"]

    assert parse_assignments("\n".join(["name<<END", *block, "END", "other=a=b"])) == {"name": "\n".join(block), "other": "a=b"}


@pytest.mark.parametrize("text", ["name", "name<<END\nline", "=value"])
def test_what_the_runner_refuses_is_refused(text: str) -> None:
    """A missing name, value or end is an error."""
    with pytest.raises(ValueError, match=r"not an assignment|missing"):
        parse_assignments(text)


def test_a_hash_follows_the_contents_of_the_matching_files(tmp_path: Path) -> None:
    """Files match at any depth; without a match the hash is empty."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a/one.lock").write_text("1")
    first = hash_files(tmp_path, "**/*.lock")
    (tmp_path / "a/other.txt").write_text("2")
    same = hash_files(tmp_path, "**/*.lock")
    (tmp_path / "a/one.lock").write_text("2")

    assert first == same != hash_files(tmp_path, "**/*.lock")
    assert hash_files(tmp_path, "**/*.none") == ""
