"""The legs of one run: the newest report of each, the legs without a report, and the conclusions of each leg's own jobs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from kindgate.errors import PublishRefused
from kindgate.github.artifact import REPORT_LIMIT, parse_report
from kindgate.github.confined import confined
from kindgate.github.replies import JobInfo
from kindgate.report.run_report import RunReport

T = TypeVar("T")

ARTIFACT_PREFIX = "kindgate-report-"
_ARTIFACT = re.compile(rf"{ARTIFACT_PREFIX}(?P<leg>[A-Za-z0-9][A-Za-z0-9._-]{{0,59}})-(?P<attempt>[0-9]{{1,4}})", re.ASCII)


NO_REPORT = "no report was found"


@dataclass(frozen=True)
class LegAttempt(Generic[T]):
    """A value of one leg and attempt, from an artifact name `kindgate-report-LEG-ATTEMPT`."""

    leg: str
    attempt: int
    value: T


@dataclass(frozen=True)
class Collected:
    """The reports by leg, sorted by name; `missing` are legs without a usable one, `reasons` state why if known."""

    reports: dict[str, RunReport]
    missing: tuple[str, ...] = ()
    reasons: Mapping[str, str] = field(default_factory=dict)

    @property
    def problems(self) -> tuple[str, ...]:
        """One line per report that could not be read."""
        return tuple(f"{leg}: {reason}" for leg, reason in self.reasons.items())

    @property
    def missing_reasons(self) -> dict[str, str]:
        """Each missing leg, and why it has no report."""
        return {leg: self.reasons.get(leg, NO_REPORT) for leg in self.missing}


def newest_of_each_leg(named: Iterable[tuple[str, T]]) -> list[LegAttempt[T]]:
    """The newest attempt of each leg; names that are not report artifacts are ignored.

    After a re-run of only the failed jobs, the other legs' reports are still from an earlier attempt.
    """
    newest: dict[str, LegAttempt[T]] = {}
    for name, value in named:
        match = _ARTIFACT.fullmatch(name)
        if match is None:
            continue
        candidate = LegAttempt(match["leg"], int(match["attempt"]), value)
        if candidate.leg not in newest or newest[candidate.leg].attempt < candidate.attempt:
            newest[candidate.leg] = candidate
    return [newest[leg] for leg in sorted(newest)]


def collect(inputs: Sequence[Path], expected: Sequence[str] = ()) -> Collected:
    """The reports in `inputs`: files `LEG.json`, or folders as `download-artifact` creates them.

    A missing file or `expected` leg (see `leg_names`), or an unreadable report, is a missing leg. A single `report.json`
    outside of an artifact's folder belongs to the only expected leg.
    """
    files = {leg: path for path in inputs if path.suffix or path.is_dir() for leg, path in _report_files(path)}
    wanted = leg_names(expected)
    if len(files) == len(wanted) == 1 and all(map(_is_unnamed, files.values())):
        files = dict(zip(wanted, files.values(), strict=True))
    texts: dict[str, bytes] = {}
    reasons: dict[str, str] = {}
    for leg, path in files.items():
        try:
            with path.open("rb") as file:
                texts[leg] = file.read(REPORT_LIMIT + 1)
        except OSError as error:
            reasons[leg] = f"no report was found ({error.strerror})"
    reports, refused = _read(texts)
    reasons |= refused
    missing = sorted({*files, *wanted} - reports.keys())
    return Collected(dict(sorted(reports.items())), tuple(missing), reasons)


def parse_reports(texts: Mapping[str, bytes]) -> tuple[dict[str, RunReport], dict[str, str]]:
    """Parse reports by leg; return the reports, and the reasons for those that fail."""
    reports: dict[str, RunReport] = {}
    reasons: dict[str, str] = {}
    for leg, text in texts.items():
        try:
            reports[leg] = parse_report(text, leg)
        except PublishRefused as error:
            reasons[leg] = error.message.removeprefix(f"{leg}: ")
    return reports, reasons


def _read(texts: Mapping[str, bytes]) -> tuple[dict[str, RunReport], dict[str, str]]:
    """`parse_reports` in a process with limits; beyond them, no report is readable."""
    if not texts:
        return {}, {}
    try:
        return confined(parse_reports, texts)
    except PublishRefused as error:
        return {}, dict.fromkeys(texts, error.message)


def leg_names(expected: Iterable[str]) -> tuple[str, ...]:
    """The names in texts that may contain several, separated by spaces or commas, as in workflow inputs."""
    return tuple(name for text in expected for name in text.replace(",", " ").split())


def _report_files(path: Path) -> list[tuple[str, Path]]:
    """The report files of an input, each with its leg.

    `download-artifact` creates a folder per artifact, but none for a single artifact requested by name.
    """
    if path.name == "report.json":
        artifact = _ARTIFACT.fullmatch(path.parent.name)
        return [(artifact["leg"] if artifact else path.parent.name, path)]
    if not path.is_dir():
        return [(path.stem, path)]
    folders = [(folder.name, folder / "report.json") for folder in sorted(path.iterdir()) if folder.is_dir()]
    single = path / "report.json"
    return [*(_report_files(single) if single.exists() else ()), *((found.leg, found.value) for found in newest_of_each_leg(folders))]


def _is_unnamed(path: Path) -> bool:
    """Whether neither a report's file nor its folder names the leg."""
    return path.name == "report.json" and _ARTIFACT.fullmatch(path.parent.name) is None


_SUCCESS = "success"


def leg_conclusions(jobs: Iterable[JobInfo], legs: Iterable[str]) -> dict[str, str]:
    """The conclusion of each leg with its own jobs: success, or that of its first job with another conclusion.

    The run's conclusion is no substitute, because another leg's job may determine it.
    The reusable workflow `e2e.yml` names its jobs `LEG` and `LEG verdict`, and GitHub prefixes the calling job:
    `CALLER / LEG`.
    """
    conclusions = [(job.name.rpartition(" / ")[2], job.conclusion) for job in jobs]
    found: dict[str, str] = {}
    for leg in legs:
        conclusions_of_leg = [conclusion for name, conclusion in conclusions if name in {leg, f"{leg} verdict"}]
        if conclusions_of_leg:
            found[leg] = next((conclusion for conclusion in conclusions_of_leg if conclusion != _SUCCESS), _SUCCESS)
    return found
