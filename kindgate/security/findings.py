"""What a scan finds. Data only."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Severity(enum.IntEnum):
    """Trivy's own words, in their order."""

    UNKNOWN = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4


@dataclass(frozen=True)
class Location:
    """A source file, the line in it where the object begins (from 1), and the object; `object` is empty where there is none."""

    file: str
    line: int = 1
    object: str = ""


@dataclass(frozen=True)
class Finding:
    """One thing that a rule says of one place.

    `alias` is the rule's longer name, which an exception may use as well. `accepted` is the reason of the exception
    that covers it, empty where none does.
    """

    rule: str
    alias: str
    severity: Severity
    title: str
    message: str
    resolution: str
    url: str
    location: Location
    accepted: str = ""


@dataclass(frozen=True)
class Part:
    """One thing that was to be scanned; `unscanned` says why it was not."""

    name: str
    findings: tuple[Finding, ...] = ()
    unscanned: str = ""


@dataclass(frozen=True)
class Scan:
    """All parts, and the findings of them all, each once, the worst first."""

    parts: tuple[Part, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What overlays that share a base both have, is there once."""
        found = dict.fromkeys(finding for part in self.parts for finding in part.findings)
        return tuple(sorted(found, key=lambda one: (-one.severity, one.location.file, one.location.line, one.rule, one.message)))

    def blocking(self, threshold: Severity) -> tuple[Finding, ...]:
        """The findings of at least this severity that no exception covers."""
        return tuple(finding for finding in self.findings if finding.severity >= threshold and not finding.accepted)
