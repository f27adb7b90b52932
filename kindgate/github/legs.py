"""The reports of one run: which leg each is of, which attempt is the newest, and which legs sent none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from kindgate.errors import PublishRefused
from kindgate.github.artifact import REPORT_LIMIT, parse_report
from kindgate.report.run import Outcome, RunReport

T = TypeVar("T")

ARTIFACT_PREFIX = "kindgate-report-"
_ARTIFACT = re.compile(rf"{ARTIFACT_PREFIX}(?P<leg>[A-Za-z0-9][A-Za-z0-9._-]{{0,59}})-(?P<attempt>[0-9]{{1,4}})", re.ASCII)


@dataclass(frozen=True)
class Named(Generic[T]):
    """Something of one leg, as its artifact's name `kindgate-report-LEG-ATTEMPT` says."""

    leg: str
    attempt: int
    value: T


@dataclass(frozen=True)
class Collected:
    """The reports by leg, in the order of their names; `missing` are legs without a usable one, `problems` say why."""

    reports: dict[str, RunReport]
    missing: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


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
    """
    files = {leg: path for given in inputs for leg, path in _files(given)}
    reports: dict[str, RunReport] = {}
    problems: list[str] = []
    for leg, path in files.items():
        try:
            with path.open("rb") as file:
                reports[leg] = parse_report(file.read(REPORT_LIMIT + 1), leg)
        except OSError as error:
            problems.append(f"{leg}: no report ({error.strerror})")
        except PublishRefused as error:
            problems.append(error.message)
    missing = sorted({*files, *leg_names(expected)} - reports.keys())
    return Collected(dict(sorted(reports.items())), tuple(missing), tuple(problems))


def leg_names(expected: Iterable[str]) -> tuple[str, ...]:
    """The names in texts that may hold several, separated by spaces or commas, as workflow inputs do."""
    return tuple(name for text in expected for name in text.replace(",", " ").split())


def ended_well(report: RunReport) -> bool:
    """Whether the run of this report would be green."""
    return report.outcome in {Outcome.PASSED, Outcome.INCONCLUSIVE} and report.exit_code == 0


def _files(given: Path) -> list[tuple[str, Path]]:
    """The report files that an input stands for, with the leg of each."""
    if not given.is_dir():
        return [(given.parent.name if given.name == "report.json" else given.stem, given)]
    folders = [(folder.name, folder / "report.json") for folder in sorted(given.iterdir()) if folder.is_dir()]
    return [(found.leg, found.value) for found in newest_of_each_leg(folders)]
