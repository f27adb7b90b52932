"""`.trivyignore.yaml`: accepted findings, each with a reason and an expiry date."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kindgate.errors import SettingsError
from kindgate.security.scan_findings import Finding


class AcceptedFinding(BaseModel):
    """One entry in Trivy's own format; the required reason and date are kindgate's additions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(min_length=1)
    statement: str = Field(min_length=1)
    expired_at: dt.date
    paths: tuple[str, ...] = ()
    purls: tuple[str, ...] = ()

    def covers(self, finding: Finding) -> bool:
        """Whether Trivy suppressed the finding because of this entry, identified by its reason."""
        return self.id in {finding.rule, finding.alias} and self.statement == finding.accepted


class AcceptedFindings(BaseModel):
    """All entries of the file, by kind of finding."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    misconfigurations: tuple[AcceptedFinding, ...] = ()
    vulnerabilities: tuple[AcceptedFinding, ...] = ()

    def __iter__(self) -> Iterator[AcceptedFinding]:  # type: ignore[override]  # pydantic's own yields fields, which are unused here
        """All entries."""
        return iter((*self.misconfigurations, *self.vulnerabilities))


def read_accepted_findings(path: Path, today: dt.date) -> AcceptedFindings:
    """The entries of `path`; empty if the file does not exist.

    Raises `SettingsError` if the file is not in Trivy's format, if an entry has no reason or date or has expired, or if
    two entries cannot be told apart.
    """
    if not path.exists():
        return AcceptedFindings()
    try:
        entries = AcceptedFindings.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except (yaml.YAMLError, ValidationError) as error:
        raise SettingsError(
            f"cannot use {path}: {error}", next_step="give each entry an id, a statement (the reason) and expired_at (a date)"
        ) from error
    expired = [entry for entry in entries if entry.expired_at <= today]
    if expired:
        raise SettingsError(f"{path}: {_listed(expired)} has expired", next_step="fix the accepted findings, or extend the date")
    keys = [(entry.id, entry.statement) for entry in entries]
    if len(set(keys)) < len(keys):
        raise SettingsError(f"{path}: two entries have the same id and statement", next_step="list the paths of both in one entry")
    return entries


def refuse_unused(path: Path, entries: Sequence[AcceptedFinding], findings: Sequence[Finding]) -> None:
    """Raise `SettingsError` for entries that match no finding: they could later hide an unknown one."""
    unused = [entry for entry in entries if not any(entry.covers(finding) for finding in findings)]
    if unused:
        raise SettingsError(f"{path}: {_listed(unused)} matches no finding", next_step="remove it, or correct its id and paths")


def _listed(entries: Sequence[AcceptedFinding]) -> str:
    return ", ".join(f"{entry.id} ({', '.join(entry.paths) or 'everywhere'})" for entry in entries)
