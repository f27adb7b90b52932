"""Every command explains itself: its purpose, an example, and each argument and option."""

from __future__ import annotations

import re
from collections.abc import Iterator

from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption
from typer.main import get_command

from kindgate.cli.commands import app


def commands(command: object, name: str = "kindgate") -> Iterator[tuple[str, TyperCommand | TyperGroup]]:
    """Yield a command and all commands below it, by full name."""
    assert isinstance(command, TyperCommand | TyperGroup)
    yield name, command
    for inner, nested in command.commands.items() if isinstance(command, TyperGroup) else ():
        yield from commands(nested, f"{name} {inner}")


def test_every_argument_and_option_has_a_help_text() -> None:
    """`--help` shows a name without a description otherwise, and the reference page an empty cell."""
    parameters = [(name, parameter) for name, command in commands(get_command(app)) for parameter in command.params]
    assert len(parameters) > 100
    explained = [isinstance(parameter, TyperArgument | TyperOption) and bool(parameter.help) for _, parameter in parameters]
    assert [
        f"{name} {parameter.opts[0]}" for (name, parameter), is_explained in zip(parameters, explained, strict=True) if not is_explained
    ] == []


def test_every_command_has_an_example() -> None:
    """A command line to copy says more than its options; groups only list their commands."""
    leaves = [(name, command) for name, command in commands(get_command(app)) if isinstance(command, TyperCommand)]
    assert [name for name, command in leaves if not re.search(rf"Examples?: .*`{name}\b", str(command.help), re.DOTALL)] == []
