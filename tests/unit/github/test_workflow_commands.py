"""Untrusted text is printed while the runner ignores workflow commands."""

from __future__ import annotations

import re

import pytest

from kindgate.github.workflow_commands import commands_stopped


def test_untrusted_output_is_between_stop_and_resume_commands() -> None:
    """The resume token is new each time, so untrusted text cannot resume commands."""
    lines: list[str] = []

    for _ in range(2):
        with commands_stopped(lines.append, {"GITHUB_ACTIONS": "true"}):
            lines.append("::set-env name=X::y")

    first, inside, last = lines[:3]
    token = first.removeprefix("::stop-commands::")
    assert re.fullmatch("[0-9a-f]{32}", token)
    assert (inside, last) == ("::set-env name=X::y", f"::{token}::")
    assert lines[3] != first


def test_commands_are_resumed_after_an_error() -> None:
    """Commands are resumed after an error; otherwise the job's later commands would be ignored."""
    lines: list[str] = []

    with pytest.raises(KeyError), commands_stopped(lines.append, {"GITHUB_ACTIONS": "true"}):
        raise KeyError

    assert len(lines) == 2


def test_outside_of_actions_nothing_is_printed() -> None:
    """Outside of Actions, no command is printed."""
    lines: list[str] = []

    with commands_stopped(lines.append, {}):
        pass

    assert lines == []
