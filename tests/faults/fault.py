"""A fault, the expected reaction of a run, and the observed one, as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tests.faults.scene import Scene

Group = Literal["process", "cluster", "host", "podman"]


@dataclass(frozen=True)
class Expected:
    """Requirements for the run after the fault.

    `exit_codes` are the acceptable ones; `cause_pattern` is a pattern for the cause, searched in the terminal output and
    report.json; `within` is the time limit in seconds from the fault to the end of the run, and `clean_within` until
    nothing is left; `report` is true if a valid report.json must exist.
    """

    exit_codes: tuple[int, ...]
    cause_pattern: str = ""
    within: float = 60.0
    clean_within: float = 120.0
    report: bool = True


@dataclass(frozen=True)
class Outcome:
    """The end of the run: `seconds` since the fault, `text` its entire output, and `problems` found by the scenario itself."""

    exit_code: int
    seconds: float
    text: str
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fault:
    """One row of the table: `inject` starts a run, injects the fault at the right moment and waits for the run to end."""

    name: str
    group: Group
    expected: Expected
    inject: Callable[[Scene], Outcome]

    @property
    def requirements(self) -> str:
        """A short form of the requirements."""
        codes = " or ".join(map(str, self.expected.exit_codes))
        return (
            f"exit {codes}"
            + (f", reports {self.expected.cause_pattern!r}" if self.expected.cause_pattern else "")
            + f", within {self.expected.within:g} s"
        )


@dataclass(frozen=True)
class Row:
    """The outcome of a fault; `problems` is empty if all requirements were met.

    `leaked` are the objects that exist only afterwards, by kind; `gave_up` and `clean` are in seconds after the fault,
    None if never reached.
    """

    fault: str
    group: Group
    expected: str
    seen: str
    gave_up: float | None
    clean: float | None
    leaked: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the run met all requirements."""
        return not self.problems and not self.leaked
