"""`kindgate.github.step_files`: the outputs of a step."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindgate.errors import GitHubError
from kindgate.github.step_files import write_output


def test_an_output_is_appended_to_the_steps_file(tmp_path: Path) -> None:
    """An output is appended to those of other commands in the step."""
    file = tmp_path / "output"
    file.write_text("a=1\n")

    write_output("page", "pages/x.html", {"GITHUB_OUTPUT": str(file)})

    assert file.read_text() == "a=1\npage=pages/x.html\n"


def test_outside_of_a_step_nothing_is_written() -> None:
    """Outside of a step, nothing is written."""
    write_output("page", "x", {})


def test_a_value_cannot_become_two_outputs(tmp_path: Path) -> None:
    """Each line of the file is an output, so a value with a newline is an error."""
    with pytest.raises(GitHubError):
        write_output("page", "x\nbin=/evil", {"GITHUB_OUTPUT": str(tmp_path / "output")})
