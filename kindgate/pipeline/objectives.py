"""The objectives of a run: read from the SLO file, where there is one."""

from __future__ import annotations

from dataclasses import replace

from kindgate.errors import SloError
from kindgate.settings import Settings, SloSettings
from kindgate.slo.document import parse_document
from kindgate.slo.judge import LOOKS
from kindgate.slo.objectives import Objectives
from kindgate.slo.planning import BurstsPlan, PlannedSeries, refuse_hopeless


def read_objectives(settings: Settings) -> Objectives:
    """The objectives in --slo-file; none when the default file is not there.

    Raises `SloError` that names file and line, also for a file that was asked for and cannot be read.
    """
    path = settings.path(settings.slo.file)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        if settings.slo.file == SloSettings().file:
            return Objectives()
        raise SloError(f"--slo-file {settings.slo.file}: there is no such file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SloError(f"--slo-file {settings.slo.file}: cannot be read: {error}") from error
    return parse_document(text, str(settings.slo.file))


def refuse_too_small_plan(objectives: Objectives, settings: Settings) -> None:
    """Raises `SloError`, before anything is created, for an objective that the planned load could not confirm.

    Comparisons count only where there is a base version. What hosts have each is looked at when they are known.
    """
    sizes, slo = objectives.bursts, settings.slo
    requests = round((sizes.rate or settings.load.rate) * (sizes.duration or settings.load.duration))
    bursts, looks = (1, 1) if slo.quick else (sizes.count or slo.bursts, LOOKS)
    plan = BurstsPlan(bursts, (PlannedSeries({}, requests),), looks)
    refuse_hopeless(objectives if slo.compares else replace(objectives, compare=()), plan)
