"""The objectives and the workload of a run, read from the SLO file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from kindgate.errors import LoadError, SloError
from kindgate.load.k6_script import InspectedScript, inspect_script
from kindgate.load.locust_users import user_classes
from kindgate.report.units import span
from kindgate.settings import Settings, SloSettings
from kindgate.slo.capacity_search import NEAR_BURSTS
from kindgate.slo.confirm import round_pairs
from kindgate.slo.judge import LOOKS
from kindgate.slo.objectives import Objectives
from kindgate.slo.planned_load import BurstsPlan, PlannedLoad, PlannedSeries
from kindgate.slo.planning import refuse_undecidable
from kindgate.slo.slo_file import parse_document
from kindgate.slo.validity import is_about_time
from kindgate.workload.burst_plan import LoadedWorkload, program_file, workload_sizes
from kindgate.workload.data_files import read_data_files
from kindgate.workload.model import Workload
from kindgate.workload.planned_arrivals import planned_load
from kindgate.workload.workload_file import read_workload

BETWEEN_BURSTS = 0.15
"""Approximate seconds between two bursts, to sum up and store the last one."""


@dataclass(frozen=True)
class SloFile:
    """The content of the SLO file: the objectives, and the workload that they are judged under.

    Without a workload, requests go to the paths that the manifests route.
    """

    objectives: Objectives = field(default_factory=Objectives)
    workload: Workload | None = None


def load_workload(workload: Workload | None, environment: Mapping[str, str]) -> LoadedWorkload | None:
    """Read what a workload refers to; for this, Locust loads a locustfile, and k6 a script.

    Raises `SloError` that names file and line for what cannot be used, `SecretsMissing` for a secret that is not set, and
    `CommandNotFound` for a script without k6.
    """
    if workload is None:
        return None
    return LoadedWorkload(workload, read_data_files(workload, environment), _read_program(workload))


def _read_program(workload: Workload) -> InspectedScript | None:
    """What k6 says about a script. Raises `SloError` that points at the name of a program's file that cannot be used."""
    try:
        if workload.k6 is not None:
            return inspect_script(program_file(workload))
        if workload.locust is not None:
            user_classes(program_file(workload))
    except LoadError as error:
        place = workload.source(workload.program, "file").error(error.message, next_step=error.next_step)
        seen = "\n".join(filter(None, (place.last_state, error.last_state)))
        raise SloError(place.message, last_state=seen, next_step=error.next_step) from error
    return None


def closed_loop_notes(loaded: LoadedWorkload | None, objectives: Objectives) -> tuple[str, ...]:
    """What to know before a run whose load waits for responses: its objectives on times cannot pass."""
    is_open = loaded is None or not loaded.workload.program or (loaded.script is not None and loaded.script.program.open_loop)
    about_times = [str(threshold) for threshold in objectives.thresholds if is_about_time(threshold)]
    if is_open or loaded is None or not about_times:
        return ()
    return (f"under {loaded.workload.program}:, users wait for responses, so objectives on times cannot pass: {', '.join(about_times)}",)


def capacity_notes(objectives: Objectives, settings: Settings) -> tuple[str, ...]:
    """Expected duration of judging the capacities, for users who wait for it or set a time limit."""
    if not objectives.capacities:
        return ()
    least, most = map(span, capacity_seconds(objectives, settings))
    name = "a capacity" if len(objectives.capacities) == 1 else f"{len(objectives.capacities)} capacities"
    return (f"judging {name} takes {least} to {most} of load if the application carries between half and twice the required rate",)


def refuse_rates_of_program(slo_file: SloFile, settings: Settings) -> None:
    """Raise `SloError` for a comparison or a capacity under a program, whose requests nothing can send at a given rate."""
    workload = slo_file.workload
    if workload is None or not workload.program:
        return
    if settings.slo.compares:
        problem = f"the requests of {workload.program}: cannot be sent to two versions alike, so versions are not compared"
        raise workload.source(workload.program).error(problem, 0, 1, next_step="remove --slo-base, or describe the load with routes:")
    if slo_file.objectives.capacities:
        problem = f"the requests of {workload.program}: have no given rate, so there is no capacity"
        raise workload.source(workload.program).error(problem, 0, 1, next_step="remove the objective, or describe the load with routes:")


def read_slo_file(settings: Settings) -> SloFile:
    """Read --slo-file, with a workload file that it includes; empty if the default file is missing.

    Raises `SloError` that names file and line; also for a requested file that cannot be read.
    """
    path = settings.path(settings.slo.file)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        if settings.slo.file == SloSettings().file:
            return SloFile()
        raise SloError(f"--slo-file {settings.slo.file}: file not found") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SloError(f"--slo-file {settings.slo.file}: cannot be read: {error}") from error
    name = str(settings.slo.file)
    objectives, workload = parse_document(text, name), read_workload(path, name)
    if workload is not None:
        load = settings.load
        sizes = workload_sizes(workload, objectives.bursts, rate=load.rate, seconds=load.duration, arrival=load.arrival)
        objectives = replace(objectives, bursts=sizes)
    return SloFile(objectives, workload)


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


def capacity_seconds(objectives: Objectives, settings: Settings) -> tuple[float, float]:
    """Minimum and maximum seconds of load for all capacities, each between half and twice its required rate.

    The required rate takes one look or three, and each burst of the search has its own warm-up.
    """
    sizes, slo, warmup = objectives.bursts, settings.slo, settings.load.warmup
    burst = (sizes.duration or settings.load.duration) + BETWEEN_BURSTS
    count, looks = (1, 1) if slo.quick else (sizes.count or slo.bursts, LOOKS)
    least, most = (
        each * (warmup + burst * count) + bursts * (warmup + burst) for each, bursts in zip((1, looks), NEAR_BURSTS, strict=True)
    )
    return len(objectives.capacities) * least, len(objectives.capacities) * most


def refuse_too_small_plan(slo_file: SloFile, settings: Settings) -> None:
    """Raise `SloError`, before anything is created, for an objective that the planned load could not confirm.

    Comparisons count only if there is a baseline. Routes and journeys are those of the workload; hosts, and routes of the
    manifests, are checked when they are known. A confirmation round is long enough for any verdict of the looks.
    """
    objectives, slo = slo_file.objectives, settings.slo
    sizes = objectives.bursts
    rate = sizes.rate or settings.load.rate
    workload, count = slo_file.workload, round(rate * (sizes.duration or settings.load.duration))
    load = planned_load(workload, count) if workload is not None else PlannedLoad((PlannedSeries({}, count),))
    bursts, looks = (1, 1) if slo.quick else (sizes.count or slo.bursts, LOOKS)
    plan = BurstsPlan(bursts, load, looks)
    judged = replace(objectives, thresholds=objectives.steady, compare=objectives.compare if slo.compares else ())
    refuse_undecidable(judged, plan, shared=slo.compare == "duet")
    for capacity in objectives.capacities:
        refuse_undecidable(Objectives(capacity.within), replace(plan, load=load.scaled(capacity.rate / rate)))
