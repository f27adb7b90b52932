"""Run `kindgate load`: send the load, show the results and write the files."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from kindgate.cli.load_thresholds import BurstVerdict, judge_burst, refuse_uncarried_tags
from kindgate.cli.load_view import LiveLine, SearchStep, capacity_table, result_tables
from kindgate.errors import LoadError, VerdictFailed, VerdictInvalid
from kindgate.load.burst_document import load_document
from kindgate.load.export import write_csv, write_json_lines
from kindgate.load.generator_pool import GeneratorPool, OnRows, run_burst, warm_up
from kindgate.load.k6 import k6_summary
from kindgate.load.own_cpu import OwnCpu
from kindgate.load.plan import BurstPlan, OpenLoop
from kindgate.load.process_limits import in_flight_cap, process_count
from kindgate.load.result import BurstResult
from kindgate.model import Verdict
from kindgate.pipeline.burst_samples import burst_sample
from kindgate.report.decision import exit_code_of
from kindgate.slo.capacity import trial_of
from kindgate.slo.capacity_search import CapacityRange, capacity_range, next_rate

if TYPE_CHECKING:
    from kindgate.load.raw_samples import Rows
    from kindgate.slo.threshold import Threshold

INTERRUPTED = 130


@dataclass(frozen=True)
class LoadRun:
    """One call of `kindgate load`; `warmup` in seconds, `workers` of Locust (0: only this machine's generators).

    `distribute` sends a plan from the given number of workers. `own_cpu` identifies the CPU time of the application's
    cluster on this machine; with plain URLs (`to_urls`) the server's share is unknown. `prepared` makes the plan ready to be
    sent, and undoes that when its block ends.
    """

    plan: BurstPlan
    warmup: float
    workers: int
    distribute: Callable[[BurstPlan, int], BurstResult]
    allow_missing: bool
    thresholds: tuple[Threshold, ...]
    find_capacity: bool
    json_file: Path | None
    k6_summary: Path | None
    raw_file: Path | None
    own_cpu: OwnCpu | None = None
    to_urls: bool = True
    prepared: Callable[[BurstPlan], AbstractContextManager[BurstPlan]] = nullcontext


def run_load(load_run: LoadRun) -> int:
    """Send the load and return the exit code of docs/exit-codes.md. Raise `LoadError` or `SloError` if that is impossible."""
    thresholds = load_run.thresholds
    # route and threshold names are not markup
    progress, output = (Console(stderr=stderr, markup=False, emoji=False) for stderr in (True, False))
    in_flight_cap(load_run.plan, process_count(load_run.plan))  # reject an impossible burst before warming up
    refuse_uncarried_tags(thresholds, load_run.plan)
    if not load_run.find_capacity and any(one.selector.metric.is_capacity for one in thresholds):
        raise LoadError("a threshold on the capacity needs a search: add --find-capacity")
    if (load_run.workers or load_run.plan.program) and (load_run.raw_file or load_run.find_capacity):
        by = "--workers" if load_run.plan.program is None else f"the load of {Path(load_run.plan.program.file).name}"
        raise LoadError(f"{by} does not support --raw or --find-capacity: remove them")
    _refuse_unreadable(load_run.plan.ca_file)
    for file in (load_run.json_file, load_run.k6_summary, load_run.raw_file):
        _refuse_unwritable(file)
    with load_run.prepared(load_run.plan) as plan:
        return _run_prepared(replace(load_run, plan=plan), progress, output)


def _run_prepared(load_run: LoadRun, progress: Console, output: Console) -> int:
    thresholds = load_run.thresholds
    with GeneratorPool(load_run.own_cpu) as pool:
        if load_run.warmup > 0:
            progress.print(f"warming up for {load_run.warmup:g} s")
            if warm_up(load_run.plan, load_run.warmup, pool).interrupted:
                return INTERRUPTED
        if load_run.find_capacity:
            return _search(load_run, pool, output)
        raw_rows: list[Rows] = []
        if load_run.workers:
            progress.print(f"sending the burst from {load_run.workers} Locust workers")
            result = load_run.distribute(load_run.plan, load_run.workers)
        else:
            result = _send(load_run.plan, pool, progress, raw_rows.append if load_run.raw_file else None)
    burst_verdict = judge_burst(thresholds, result, allow_missing=load_run.allow_missing, by_pressure=load_run.to_urls)
    problem = _write(load_run, result, burst_verdict, raw_rows)
    output.print(*result_tables(result, burst_verdict), sep="\n")
    if problem:
        raise LoadError(problem)
    if result.interrupted:
        return INTERRUPTED
    if result.missing and not load_run.allow_missing and burst_verdict.verdict is not Verdict.FAIL:
        return VerdictInvalid.exit_code
    return exit_code_of(burst_verdict.verdict, "warn") if thresholds else 0


def _send(plan: BurstPlan, pool: GeneratorPool, console: Console, on_rows: OnRows | None = None) -> BurstResult:
    if plan.program is not None:
        console.print(f"sending the load of {Path(plan.program.file).name}")
    with LiveLine(console, plan) as line:
        return run_burst(plan, pool=pool, on_progress=line.show, on_rows=on_rows)


def _search(load_run: LoadRun, pool: GeneratorPool, console: Console) -> int:
    """Search for the capacity, starting at the plan's rate; print every step."""
    plan, loop = load_run.plan, load_run.plan.loop
    if not isinstance(loop, OpenLoop):
        raise LoadError("--find-capacity raises a rate, but a closed loop has none: remove --users")
    within = [one for one in load_run.thresholds if not one.selector.metric.is_capacity]
    steps: list[SearchStep] = []
    rate: float | None = loop.peak_rate
    while rate is not None:
        result = run_burst(replace(plan, loop=OpenLoop.constant(rate, seconds=loop.seconds, arrival=loop.arrival)), pool=pool)
        if result.interrupted:
            console.print(capacity_table(steps, interrupted=True))
            return INTERRUPTED
        steps.append(SearchStep(trial_of(within, rate, burst_sample(result), by_pressure=load_run.to_urls), result))
        console.print(f"{rate:g} requests per second: {steps[-1].trial.reason or 'passes'}", highlight=False, soft_wrap=True)
        rate = next_rate([step.trial for step in steps])
    console.print(capacity_table(steps))
    return _capacity_exit_code(load_run, capacity_range(step.trial for step in steps), console)


def _capacity_exit_code(load_run: LoadRun, found: CapacityRange, console: Console) -> int:
    """0 if there is a capacity that meets every threshold about it; a miss is INVALID if the generator may have caused it."""
    required = [one for one in load_run.thresholds if one.selector.metric.is_capacity]
    missed = [one for one in required if found.met is None or not one.expression.holds(found.met)]
    for one in missed:
        console.print(f"{one} was not met", highlight=False)
    if found.met is not None and not missed:
        return 0
    return VerdictInvalid.exit_code if found.unknown else VerdictFailed.exit_code


def _write(load_run: LoadRun, result: BurstResult, burst_verdict: BurstVerdict, rows: Sequence[Rows]) -> str:
    """Write the requested files before anything is printed; return an error as text, so the tables are still shown."""
    try:
        _write_files(load_run, result, burst_verdict, rows)
    except OSError as error:
        return f"cannot write the result: {error}"
    return ""


def _write_files(load_run: LoadRun, result: BurstResult, burst_verdict: BurstVerdict, rows: Sequence[Rows]) -> None:
    if load_run.json_file:
        verdict = burst_verdict.document_verdict
        document = load_document(result, thresholds=burst_verdict.outcomes, verdict=verdict, reasons=burst_verdict.reasons)
        load_run.json_file.write_text(json.dumps(document.to_json(), indent=1) + "\n", encoding="utf-8")
    if load_run.k6_summary:
        load_run.k6_summary.write_text(json.dumps(k6_summary(result, burst_verdict.by_selector), indent=1) + "\n", encoding="utf-8")
    if load_run.raw_file:
        write: Callable[..., None] = write_csv if load_run.raw_file.suffix == ".csv" else write_json_lines
        with ExitStack() as stack:
            file = stack.enter_context(load_run.raw_file.open("w", encoding="utf-8", newline=""))
            for part in rows:
                write(load_run.plan, part, file)


def _refuse_unreadable(ca_file: str) -> None:
    """Reject an unreadable CA file: every request would fail at TLS and look like the server's fault."""
    if ca_file and not os.access(ca_file, os.R_OK):
        raise LoadError(f"cannot read --ca-file {ca_file}")


def _refuse_unwritable(file: Path | None) -> None:
    """Reject an unwritable file before the load rather than after it."""
    if file is None:
        return
    try:
        with file.open("a", encoding="utf-8"):
            pass
    except OSError as error:
        raise LoadError(f"cannot write {file}: {error}") from error
