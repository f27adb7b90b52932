"""How a setting is set: the option that a field of a settings group carries, and the table of all of them.

Only the standard library is imported here, because pytest loads this table in every run of every suite.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_type_hints

METADATA_KEY = "kindgate-option"
SECONDS = "SECONDS"
"""What `--help` calls the value of an option that is a length of time."""


@dataclass(frozen=True)
class Option:
    """A field's flag, what the value is called in `--help`, the help text and the bounds of a number."""

    flag: str
    help: str
    metavar: str = ""
    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    foreign: bool = False
    """The flag belongs to pytest-kind's plugin: kindgate reads it and does not register it in pytest."""

    @property
    def is_duration(self) -> bool:
        """Whether the value is a length of time: a number of seconds, or a text such as 500ms."""
        return self.metavar == SECONDS

    @property
    def ini(self) -> str:
        """The key in pytest.ini."""
        return self.flag.removeprefix("--").replace("-", "_")

    @property
    def variable(self) -> str:
        """The environment variable."""
        return "KINDGATE_" + self.ini.upper()


def option(
    default: Any,  # noqa: ANN401  # a dataclass field's default is of the field's own type
    flag: str,
    text: str,
    metavar: str = "",
    *,
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    foreign: bool = False,
) -> Any:  # noqa: ANN401  # stands for the field's value, as dataclasses.field does
    """A dataclass field with `default` that is set by `flag`."""
    carried = Option(flag, text, metavar, at_least, above, at_most, foreign)
    return dataclasses.field(default=default, metadata={METADATA_KEY: carried})


@dataclass(frozen=True)
class OptionField:
    """One row of the table: the group and the field that the option sets, its type and its default."""

    group: str
    name: str
    option: Option
    annotation: Any
    default: Any

    @property
    def repeatable(self) -> bool:
        """Whether the flag may be given several times."""
        return isinstance(self.default, tuple)

    @property
    def switch(self) -> bool:
        """Whether the flag takes no value."""
        return self.annotation is bool


def option_fields(settings: type) -> Iterator[OptionField]:
    """Every option of a dataclass of groups, in the order in which they are written there."""
    for group, group_type in get_type_hints(settings).items():
        if not dataclasses.is_dataclass(group_type):
            continue
        hints = get_type_hints(group_type)
        for field in dataclasses.fields(group_type):
            if METADATA_KEY in field.metadata:
                yield OptionField(group, field.name, field.metadata[METADATA_KEY], hints[field.name], field.default)
