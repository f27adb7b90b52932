"""The reports of one run: which leg each is of, which attempt is the newest, and which legs sent none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from kindgate.errors import PublishRefused
from kindgate.github.artifact import REPORT_LIMIT, parse_report
from kindgate.github.confined import confined
from kindgate.report.run import RunReport

T = TypeVar("T")

ARTIFACT_PREFIX = "kindgate-report-"
_ARTIFACT = re.compile(rf"{ARTIFACT_PREFIX}(?P<leg>[A-Za-z0-9][A-Za-z0-9._-]{{0,59}})-(?P<attempt>[0-9]{{1,4}})", re.ASCII)


NO_REPORT = "no report was found"


@dataclass(frozen=True)
class Named(Generic[T]):
    """Something of one leg, as its artifact's name `kindgate-report-LEG-ATTEMPT` says."""

    leg: str
    attempt: int
    value: T


@dataclass(frozen=True)
class Collected:
    """The reports by leg, in the order of their names; `missing` are legs without a usable one, `reasons` say why where it is known."""

    reports: dict[str, RunReport]
    missing: tuple[str, ...] = ()
    reasons: Mapping[str, str] = field(default_factory=dict)

    @property
    def problems(self) -> tuple[str, ...]:
        """A line about each report that could not be read."""
        return tuple(f"{leg}: {reason}" for leg, reason in self.reasons.items())

    @property
    def why_missing(self) -> dict[str, str]:
        """Each missing leg, and why it has no report."""
        return {leg: self.reasons.get(leg, NO_REPORT) for leg in self.missing}


def newest_of_each_leg(named: Iterable[tuple[str, T]]) -> list[Named[T]]:
    """The newest attempt of each leg; what is not named as a report's artifact is left out.

    When only failed jobs are run again, the other legs' reports are still those of an earlier attempt.
    """
    newest: dict[str, Named[T]] = {}
    for name, value in named:
        found = _ARTIFACT.fullmatch(name)
        if found is None:
            continue
        candidate = Named(found["leg"], int(found["attempt"]), value)
        if candidate.leg not in newest or newest[candidate.leg].attempt < candidate.attempt:
            newest[candidate.leg] = candidate
    return [newest[leg] for leg in sorted(newest)]


def collect(inputs: Sequence[Path], expected: Sequence[str] = ()) -> Collected:
    """The reports in `inputs`: files `LEG.json`, or folders as `download-artifact` leaves them.

    A file or an `expected` leg (see `leg_names`) that is not there, and a report that cannot be read, is a missing leg.
    A single `report.json` outside of an artifact's folder is that of the only leg that is expected.
    """
    files = {leg: path for given in inputs if given.suffix or given.is_dir() for leg, path in _files(given)}
    wanted = leg_names(expected)
    if len(files) == len(wanted) == 1 and all(map(_names_no_leg, files.values())):
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
    """The reports that texts hold by leg, and why one is none."""
    reports: dict[str, RunReport] = {}
    reasons: dict[str, str] = {}
    for leg, text in texts.items():
        try:
            reports[leg] = parse_report(text, leg)
        except PublishRefused as error:
            reasons[leg] = error.message.removeprefix(f"{leg}: ")
    return reports, reasons


def _read(texts: Mapping[str, bytes]) -> tuple[dict[str, RunReport], dict[str, str]]:
    """`parse_reports` in a process with limits; beyond them none of the texts is a report."""
    if not texts:
        return {}, {}
    try:
        return confined(parse_reports, texts)
    except PublishRefused as error:
        return {}, dict.fromkeys(texts, error.message)


def leg_names(expected: Iterable[str]) -> tuple[str, ...]:
    """The names in texts that may hold several, separated by spaces or commas, as workflow inputs do."""
    return tuple(name for text in expected for name in text.replace(",", " ").split())


def _files(given: Path) -> list[tuple[str, Path]]:
    """The report files that an input stands for, with the leg of each.

    `download-artifact` makes a folder for each artifact, or none for a single one that it was given by name.
    """
    if given.name == "report.json":
        artifact = _ARTIFACT.fullmatch(given.parent.name)
        return [(artifact["leg"] if artifact else given.parent.name, given)]
    if not given.is_dir():
        return [(given.stem, given)]
    folders = [(folder.name, folder / "report.json") for folder in sorted(given.iterdir()) if folder.is_dir()]
    own = given / "report.json"
    return [*(_files(own) if own.exists() else ()), *((found.leg, found.value) for found in newest_of_each_leg(folders))]


def _names_no_leg(path: Path) -> bool:
    """Whether neither a report's file nor the folder of its artifact says the leg."""
    return path.name == "report.json" and _ARTIFACT.fullmatch(path.parent.name) is None
