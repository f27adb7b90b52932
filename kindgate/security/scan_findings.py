"""The results of a scan. Data only."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Severity(enum.IntEnum):
    """Trivy's severities, in its order."""

    UNKNOWN = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4


@dataclass(frozen=True)
class Location:
    """A source file, the line where the object begins (from 1), and the object, empty if there is none."""

    file: str
    line: int = 1
    object: str = ""


@dataclass(frozen=True)
class Finding:
    """One rule's finding at one location.

    `alias` is the rule's longer name, which an exception may use as well. `accepted` is the reason of the exception
    that covers it, empty if none does.
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
    """One target of the scan; `unscanned` is the reason if it was skipped."""

    name: str
    findings: tuple[Finding, ...] = ()
    unscanned: str = ""


@dataclass(frozen=True)
class Scan:
    """All parts, and their findings without duplicates, most severe first."""

    parts: tuple[Part, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Remove duplicates: overlays that share a base have findings in common."""
        unique = dict.fromkeys(finding for part in self.parts for finding in part.findings)
        return tuple(
            sorted(
                unique, key=lambda finding: (-finding.severity, finding.location.file, finding.location.line, finding.rule, finding.message)
            )
        )

    def blocking(self, threshold: Severity) -> tuple[Finding, ...]:
        """The findings of at least this severity that no exception covers."""
        return tuple(finding for finding in self.findings if finding.severity >= threshold and not finding.accepted)
