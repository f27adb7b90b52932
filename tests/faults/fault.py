"""What a fault is, what is expected of a run that meets it, and what was seen, as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tests.faults.scene import Scene

Group = Literal["process", "cluster", "host", "podman"]


@dataclass(frozen=True)
class Expected:
    """What has to be true of the run after the fault.

    `exit_codes` are the ones that are right; `says` is a pattern of the cause, looked for in the terminal's text and in
    report.json; `within` is in seconds from the fault to the end of the run, `clean_within` to nothing being left;
    `report` says whether a valid report.json has to be there.
    """

    exit_codes: tuple[int, ...]
    says: str = ""
    within: float = 60.0
    clean_within: float = 120.0
    report: bool = True


@dataclass(frozen=True)
class Seen:
    """How the run ended: `seconds` from the fault to its end, `text` all that it said, `problems` what the scenario itself found wrong."""

    exit_code: int
    seconds: float
    text: str
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fault:
    """One row of the table: `provoke` brings a run to the moment, does the damage and waits for the end of the run."""

    name: str
    group: Group
    expected: Expected
    provoke: Callable[[Scene], Seen]

    @property
    def told(self) -> str:
        """What is expected, in a few words."""
        codes = " or ".join(map(str, self.expected.exit_codes))
        return f"exit {codes}" + (f", says {self.expected.says!r}" if self.expected.says else "") + f", within {self.expected.within:g} s"


@dataclass(frozen=True)
class Row:
    """What became of a fault; `problems` is empty when all was as expected.

    `leaked` is what was there afterwards and not before, by kind; `gave_up` and `clean` are in seconds after the fault,
    None where it did not come so far.
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
        """Whether the run did what it had to."""
        return not self.problems and not self.leaked
