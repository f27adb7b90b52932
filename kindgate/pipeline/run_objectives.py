"""The objectives of a run, read from the SLO file."""

from __future__ import annotations

from dataclasses import replace

from kindgate.errors import SloError
from kindgate.settings import Settings, SloSettings
from kindgate.slo.confirm import round_pairs
from kindgate.slo.judge import LOOKS
from kindgate.slo.objectives import Objectives
from kindgate.slo.planning import BurstsPlan, PlannedSeries, refuse_undecidable
from kindgate.slo.slo_file import parse_document

BETWEEN_BURSTS = 0.15
"""Approximate seconds between two bursts, to sum up and store the last one."""


def read_objectives(settings: Settings) -> Objectives:
    """Read the objectives in --slo-file; empty if the default file is missing.

    Raises `SloError` that names file and line; also for a requested file that cannot be read.
    """
    path = settings.path(settings.slo.file)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        if settings.slo.file == SloSettings().file:
            return Objectives()
        raise SloError(f"--slo-file {settings.slo.file}: file not found") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SloError(f"--slo-file {settings.slo.file}: cannot be read: {error}") from error
    return parse_document(text, str(settings.slo.file))


def comparison_seconds(objectives: Objectives, settings: Settings) -> tuple[float, float]:
    """Minimum and maximum seconds of load for a comparison: with one look and with three, plus the confirmation round.

    The time to redeploy both versions before that round is not included, because it depends on the application.
    """
    sizes, slo, warmup = objectives.bursts, settings.slo, settings.load.warmup
    burst = ((sizes.duration or settings.load.duration) + BETWEEN_BURSTS) * slo.turns
    if slo.quick:
        return warmup + burst, warmup + burst
    pairs = sizes.count or slo.bursts
    confirmation = warmup + burst * round_pairs(pairs)
    return confirmation + warmup + burst * pairs, confirmation + LOOKS * (warmup + burst * pairs)


def refuse_too_small_plan(objectives: Objectives, settings: Settings) -> None:
    """Raise `SloError`, before anything is created, for an objective that the planned load could not confirm.

    Comparisons count only if there is a baseline. The hosts of each objective are checked when they are known. A
    confirmation round is long enough for any verdict of the looks.
    """
    sizes, slo = objectives.bursts, settings.slo
    requests = round((sizes.rate or settings.load.rate) * (sizes.duration or settings.load.duration))
    bursts, looks = (1, 1) if slo.quick else (sizes.count or slo.bursts, LOOKS)
    plan = BurstsPlan(bursts, (PlannedSeries({}, requests),), looks)
    refuse_undecidable(objectives if slo.compares else replace(objectives, compare=()), plan)
