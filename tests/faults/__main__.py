"""`make faults`: inject every fault into real clusters, one at a time, and print a row for each.

    python -m tests.faults [--only NAME ...] [--group GROUP] [--parallel N] [--list] [--keep-shared]

Rows are added to artifacts/faults.json, so the table can be built in several calls. Exits with 1 if a row fails.
"""

from __future__ import annotations

import argparse
import fnmatch
import os
import signal
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kindgate.cluster.delete import delete_named
from kindgate.host.container_engine import Engine
from kindgate.waiting import Deadline
from tests.faults import clusters, hosts, podman, processes, scenarios
from tests.faults.fault import Fault, Row
from tests.faults.judge import evaluate, not_injected
from tests.faults.scene import SHARED_CLUSTER, Scene, available_engine
from tests.faults.snapshot import end_runs, take_snapshot
from tests.faults.suite_run import Stopwatch
from tests.faults.table import add_rows, page, table

FAULTS = (*processes.FAULTS, *scenarios.FAULTS, *clusters.FAULTS, *hosts.FAULTS, *podman.FAULTS)

_WRITING = threading.Lock()

CLEAN_SECONDS = 60.0
"""Extra wait for a run's traces to disappear, to distinguish leaks from late cleanup."""


def progress(text: str) -> None:
    """Print progress to stderr."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def selected(only: Sequence[str], group: str) -> list[Fault]:
    """The group's faults whose names match any of the patterns, in the patterns' order; no patterns means all."""
    patterns = only or ["*"]
    matching = [fault for pattern in patterns for fault in FAULTS if fnmatch.fnmatch(fault.name, pattern)]
    return [fault for fault in dict.fromkeys(matching) if not group or fault.group == group]


def inject(fault: Fault, engine: Engine, folder: Path, *, alone: bool = True) -> Row:
    """Inject one fault and evaluate it; the scene is always cleaned up for the next one."""
    scene = Scene(folder / fault.name, engine, progress, folder / "shared-state", alone=alone)
    scene.prepare()
    watch = Stopwatch()
    try:
        outcome = fault.inject(scene)
        since = watch.seconds - outcome.seconds
        for undo in reversed(scene.undo):
            undo()
        scene.undo.clear()
        clean, leaked = scene.clean_after(watch, fault.expected.clean_within + CLEAN_SECONDS)
        return evaluate(fault, outcome, None if clean is None else clean - since, leaked, scene.runs[0].artifacts / "report.json")
    except Exception as error:  # noqa: BLE001  # a faulty scenario must not cost the others their rows
        return not_injected(fault, f"{type(error).__name__}: {error}")
    finally:
        scene.clear()


def stops_engine(fault: Fault) -> bool:
    """Whether the fault stops every container, so it must run before the shared cluster exists."""
    return fault.name.startswith("engine-")


def can_run_concurrently(fault: Fault) -> bool:
    """Whether the fault can run concurrently with others: not if it uses the shared cluster or firewall or stops the engine."""
    return fault.group in {"process", "host"} and not stops_engine(fault)


def inject_concurrently(faults: Sequence[Fault], engine: Engine, folder: Path, parallel: int, file: Path) -> list[Row]:
    """Inject faults concurrently; leaks that cannot be attributed to one of them get a separate row."""
    if not faults:
        return []
    baseline = take_snapshot(engine, "", ())
    with ThreadPoolExecutor(parallel) as pool:
        try:
            rows = list(pool.map(lambda fault: record_row(inject(fault, engine, folder, alone=False), file), faults))
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            end_runs()
            raise
    leaked = take_snapshot(engine, "", ()).added_since(baseline)
    return [*rows, record_row(Row(f"{len(faults)} in parallel", "host", "nothing left", "the engine", None, None, leaked), file)]


def record_row(row: Row, file: Path) -> Row:
    """Write the row to the file and report it."""
    with _WRITING:
        add_rows(file, [row])
    progress(f"{row.fault}: {'pass' if row.passed else f'FAIL {row.problems} {dict(row.leaked)}'}")
    return row


def create_shared_cluster(engine: Engine, folder: Path) -> None:
    """Create the cluster that the cluster faults share. Raises `AssertionError` on failure."""
    scene = Scene(folder / "standing", engine, progress, folder / "shared-state")
    scene.prepare()
    run = scene.start_shared("test_answers")
    if run.wait() != 0:
        raise AssertionError(f"the shared cluster could not be created\n{run.text}")


def main() -> int:
    """Inject the requested faults; return 1 if a row fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="name or pattern of a fault; repeatable")
    parser.add_argument("--group", default="", choices=["process", "cluster", "host", "podman"], help="inject one group of faults")
    parser.add_argument("--list", action="store_true", help="list the faults and inject none")
    parser.add_argument("--parallel", type=int, default=1, metavar="N", help="inject up to N faults in parallel, if they allow it")
    parser.add_argument("--shared-engine", action="store_true", help="others use the engine: count only resources named after the fault")
    parser.add_argument("--keep-shared", action="store_true", help="keep the shared cluster for the next call")
    parser.add_argument(
        "--artifacts", type=Path, default=Path("artifacts"), metavar="DIR", help="folder for faults.json and the runs' folders"
    )
    options = parser.parse_args()
    # A shell starts background jobs with SIGINT ignored, which children inherit: no run could be interrupted.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    faults = selected(options.only, options.group)
    if options.list:
        sys.stdout.writelines(f"{fault.group:8} {fault.name:28} {fault.requirements}\n" for fault in faults)
        return 0
    if not faults:
        parser.error("no fault of that name: --list shows them")
    folder = options.artifacts.absolute() / "faults"
    engine = available_engine()
    podman_or_reason = podman.podman_engine() if any(fault.group == "podman" for fault in faults) else engine
    if isinstance(podman_or_reason, str):
        if options.only or options.group:
            parser.error(f"the faults of podman cannot be provoked here: {podman_or_reason}")
        faults = [fault for fault in faults if fault.group != "podman"]
        progress(f"the faults of podman are left out: {podman_or_reason}")
        podman_or_reason = engine
    file: Path = options.artifacts / "faults.json"
    rows: list[Row] = []
    shared = any(fault.group == "cluster" for fault in faults)

    def inject_in_sequence(faults_to_inject: Sequence[Fault]) -> None:
        for fault in faults_to_inject:
            progress(f"{fault.name} ...")
            fault_engine = podman_or_reason if fault.group == "podman" else engine
            rows.append(record_row(inject(fault, fault_engine, folder, alone=not options.shared_engine), file))

    inject_in_sequence([fault for fault in faults if stops_engine(fault)])
    try:
        if shared:
            progress("the shared cluster ...")
            create_shared_cluster(engine, folder)
        together = [fault for fault in faults if options.parallel > 1 and can_run_concurrently(fault)]
        rows += inject_concurrently(together, engine, folder, options.parallel, file)
        inject_in_sequence([fault for fault in faults if fault not in together and not stops_engine(fault)])
    finally:
        if shared and not options.keep_shared:
            _delete_shared(engine, folder)
    sys.stdout.write("\n".join(table(rows)) + "\n")
    (options.artifacts / "faults.md").write_text(page(add_rows(file, [])), encoding="utf-8")
    return 0 if all(row.passed for row in rows) else 1


def _delete_shared(engine: Engine, folder: Path) -> None:
    os.environ["KINDGATE_STATE_DIR"] = str(folder / "shared-state")
    delete_named(engine, SHARED_CLUSTER, Deadline.after(180))


if __name__ == "__main__":
    sys.exit(main())
