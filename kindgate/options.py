"""Options of settings: the metadata on the fields of settings groups, and the table of all options.

Imports only the standard library, because pytest loads this table in every run of every suite.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_type_hints

METADATA_KEY = "kindgate-option"
SECONDS = "SECONDS"
"""Name of a duration in `--help`."""


@dataclass(frozen=True)
class Option:
    """A field's flag, the value's name in `--help`, the help text and the bounds of a number."""

    flag: str
    help: str
    metavar: str = ""
    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    foreign: bool = False
    """The flag belongs to the pytest-kind plugin: kindgate reads it but does not register it with pytest."""

    @property
    def is_duration(self) -> bool:
        """Whether the value is a duration: a number of seconds, or a text such as 500ms."""
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
    default: Any,  # noqa: ANN401  # a default has the type of its field
    flag: str,
    text: str,
    metavar: str = "",
    *,
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    foreign: bool = False,
) -> Any:  # noqa: ANN401  # typed as the field's value, like dataclasses.field
    """Define a dataclass field with `default` that `flag` sets."""
    definition = Option(flag, text, metavar, at_least, above, at_most, foreign)
    return dataclasses.field(default=default, metadata={METADATA_KEY: definition})


@dataclass(frozen=True)
class OptionField:
    """One row of the table: the option's group and field, its type and its default."""

    group: str
    name: str
    option: Option
    annotation: Any
    default: Any

    @property
    def repeatable(self) -> bool:
        """Whether the flag can be repeated."""
        return isinstance(self.default, tuple)

    @property
    def switch(self) -> bool:
        """Whether the flag takes no value."""
        return self.annotation is bool


def option_fields(settings: type) -> Iterator[OptionField]:
    """Every option of a dataclass of groups, in order of definition."""
    for group, group_type in get_type_hints(settings).items():
        if not dataclasses.is_dataclass(group_type):
            continue
        hints = get_type_hints(group_type)
        for field in dataclasses.fields(group_type):
            if METADATA_KEY in field.metadata:
                yield OptionField(group, field.name, field.metadata[METADATA_KEY], hints[field.name], field.default)
