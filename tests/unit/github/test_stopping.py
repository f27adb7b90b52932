"""Text of others is printed where the runner reads no commands."""

from __future__ import annotations

import re

import pytest

from kindgate.github.stopping import commands_stopped


def test_commands_of_others_stand_between_stop_and_resume() -> None:
    """The token is new each time, so that nobody can resume early."""
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
    """Otherwise the rest of the job's commands would be lost."""
    lines: list[str] = []

    with pytest.raises(KeyError), commands_stopped(lines.append, {"GITHUB_ACTIONS": "true"}):
        raise KeyError

    assert len(lines) == 2


def test_outside_of_actions_nothing_is_printed() -> None:
    """A terminal is no runner."""
    lines: list[str] = []

    with commands_stopped(lines.append, {}):
        pass

    assert lines == []
