"""Test process faults: signals at every stage, killed workers and controllers, concurrent runs, full disks."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from functools import partial

from kindgate.waiting import Deadline, Pending, Ready, wait_for
from tests.faults.fault import Expected, Fault, Outcome
from tests.faults.scene import Scene
from tests.faults.suite_run import Stopwatch, SuiteRun

CI_SECONDS = 10.0
"""GitHub's runner: SIGINT, 7.5 s later SIGTERM, 2.5 s later SIGKILL."""

Moment = Callable[[Scene, SuiteRun], None]


def at_creation(scene: Scene, run: SuiteRun) -> None:
    """Kind has created a node's container and is still running."""

    def container_exists() -> bool:
        names = ("ps", "--quiet", "--filter", f"name={scene.cluster}-control-plane")
        return bool(scene.engine.run(*names, deadline=Deadline.after(20)).stdout.strip())

    run.wait_until("a node's container", container_exists)


def at_apply(_: Scene, run: SuiteRun) -> None:
    """The application has been applied, and the run waits for it."""
    run.wait_line(r"wait until base is ready \.\.\.")


def mid_burst(_: Scene, run: SuiteRun) -> None:
    """Requests are being sent."""
    run.wait_file("bursting")
    wait_for("the burst to run", _elapsed(1.5), Deadline.after(5), interval=0.1)


def at_teardown(_: Scene, run: SuiteRun) -> None:
    """The run has started to delete its cluster."""
    run.wait_line(r"close the cluster \.\.\.")


def _elapsed(seconds: float) -> Callable[[], Ready[None] | Pending]:
    watch = Stopwatch()
    return lambda: Ready(None) if watch.seconds >= seconds else Pending("it has just begun")


MOMENTS: tuple[tuple[str, Moment, str], ...] = (
    ("creation", at_creation, "test_answers"),
    ("apply", at_apply, "test_answers"),
    ("burst", mid_burst, "test_burst"),
    ("teardown", at_teardown, "test_answers"),
)


def send_signal(number: signal.Signals, moment: Moment, select: str, scene: Scene) -> Outcome:
    """One signal at a given moment."""
    run = scene.start(select)
    moment(scene, run)
    watch = Stopwatch()
    run.signal(number)
    return scene.wait_for_end(run, watch)


def interrupt_twice(moment: Moment, select: str, scene: Scene) -> Outcome:
    """ctrl-C, repeated after half a second."""
    run = scene.start(select)
    moment(scene, run)
    watch = Stopwatch()
    run.signal(signal.SIGINT)
    wait_for("half a second", _elapsed(0.5), Deadline.after(2), interval=0.05)
    run.signal(signal.SIGINT)
    return scene.wait_for_end(run, watch)


def cancel(moment: Moment, select: str, options: tuple[str, ...], scene: Scene) -> Outcome:
    """The signals that GitHub's runner sends to a canceled job."""
    run = scene.start(select, *options)
    moment(scene, run)
    watch = Stopwatch()
    run.signal(signal.SIGINT)
    for number, after in ((signal.SIGTERM, 7.5), (signal.SIGKILL, CI_SECONDS)):
        try:
            run.process.wait(after - watch.seconds)
            break
        except subprocess.TimeoutExpired:
            run.signal(number)
    return scene.wait_for_end(run, watch)


def worker_killed(scene: Scene) -> Outcome:
    """SIGKILL of one of two workers, in the middle of a test."""
    run = scene.start("test_worker or test_each", "-n", "2")
    run.wait_until("a worker to be in its test", lambda: bool(list(scene.folder.glob("worker-*"))))
    pid = int(next(scene.folder.glob("worker-*")).name.removeprefix("worker-"))
    watch = Stopwatch()
    os.kill(pid, signal.SIGKILL)
    run.go("go")
    return scene.wait_for_end(run, watch)


def controller_killed(scene: Scene) -> Outcome:
    """SIGKILL of the xdist controller while its workers run tests."""
    run = scene.start("test_worker or test_each", "-n", "2")
    run.wait_until("a worker to be in its test", lambda: bool(list(scene.folder.glob("worker-*"))))
    watch = Stopwatch()
    run.signal(signal.SIGKILL)
    return scene.wait_for_end(run, watch)


def first_failure(scene: Scene) -> Outcome:
    """`-n 2 -x`, and a test that fails while the other worker is busy."""
    watch = Stopwatch()
    run = scene.start("test_each or test_burst", "-n", "2", "-x", environment={"FAULT_FAILING": "1"})
    run.wait_line(r"FAILED|FF|F")
    run.wait_until("a failed test", lambda: "F" in run.text.partition("scheduling tests")[2] or run.process.poll() is not None)
    watch = Stopwatch()
    return scene.wait_for_end(run, watch)


def two_runs(scene: Scene) -> Outcome:
    """Two concurrent runs with separate clusters, each with a burst; bursts must not overlap."""
    watch = Stopwatch()
    first_run = scene.start("test_burst", environment={"FAULT_BURST": "6"})
    second_run = scene.start("test_burst", "--cluster-name", f"{scene.cluster}-b", name="second", environment={"FAULT_BURST": "6"})
    outcome = scene.wait_for_end(first_run, watch)
    code = second_run.wait()
    windows = sorted(json.loads(file.read_text()) for file in scene.folder.glob("burst-*.json"))
    problems = [] if code == 0 else [f"the second run ended with {code}"]
    if len(windows) != 2 or windows[1][0] < windows[0][1]:
        problems.append(f"bursts overlap: {windows}")
    return Outcome(outcome.exit_code, watch.seconds, outcome.text + second_run.complete_output, tuple(problems))


def same_name(scene: Scene) -> Outcome:
    """A second run that requests the cluster of a live run."""
    first_run = scene.start("test_cluster", environment={"FAULT_MEET": "1"})
    first_run.wait_file("standing")
    watch = Stopwatch()
    second_run = scene.start("test_cluster", name="second")
    outcome = scene.wait_for_end(second_run, watch)
    problems = () if f"pid {first_run.process.pid}" in outcome.text else (f"the owner's pid {first_run.process.pid} is not named",)
    first_run.go("go")
    code = first_run.wait()
    return Outcome(
        outcome.exit_code, outcome.seconds, outcome.text, (*problems, *(() if code == 0 else (f"the first run ended with {code}",)))
    )


def kept_and_resumed(scene: Scene) -> Outcome:
    """A failing run keeps its cluster, which is then inspected with `kindgate shell`, reused twice with --kind-reuse, and deleted."""
    watch = Stopwatch()
    failing = scene.start("test_each", "--kind-keep", "on-failure", environment={"FAULT_FAILING": "1"})
    outcome = scene.wait_for_end(failing, watch)
    problems = [] if f"kindgate shell --cluster-name {scene.cluster}" in failing.text else ["no commands were printed"]
    shell = scene.kindgate("shell", "--cluster-name", scene.cluster, "--", "kubectl", "get", "nodes", "--output", "name")
    problems += [] if shell.stdout.split() == [f"node/{scene.cluster}-control-plane"] else [f"kindgate shell: {shell.stdout}{shell.stderr}"]
    for name, cause_pattern in (("first", "reusing cluster"), ("second", r" 0 of \d+ objects changed")):
        rerun = scene.start("test_answers", "--kind-reuse", name=name)
        code = rerun.wait()
        problems += (
            []
            if code == 0 and re.search(cause_pattern, rerun.text)
            else [f"the {name} run on the kept cluster: {code}, {cause_pattern!r} is not reported"]
        )
    down = scene.kindgate("down", "--cluster-name", scene.cluster)
    problems += [] if down.returncode == 0 else [f"kindgate down: {down.stderr}"]
    return Outcome(outcome.exit_code, watch.seconds, outcome.text, tuple(problems))


def disk_full(scene: Scene) -> Outcome:
    """The disk for the artifacts is full."""
    small = scene.folder / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)], check=True, timeout=10)
    scene.undo.append(lambda: subprocess.run(["umount", str(small)], check=False, timeout=10))
    run = scene.start("test_cluster", artifacts=small / "artifacts", environment={"FAULT_MEET": "1"})
    run.wait_file("standing")
    (small / "filler").write_bytes(b"")
    with (small / "filler").open("ab", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(1024))
        except OSError:
            pass
    watch = Stopwatch()
    run.go("go")
    outcome = scene.wait_for_end(run, watch)
    rescued = list(scene.state.rglob("report.json"))
    problems = () if rescued else ("the report was lost",)
    for path in rescued:
        shutil.rmtree(path.parent)
    return Outcome(outcome.exit_code, outcome.seconds, outcome.text, problems)


def artifacts_deleted(scene: Scene) -> Outcome:
    """The artifacts folder is deleted while tests run."""
    run = scene.start("test_cluster", environment={"FAULT_MEET": "1"})
    run.wait_file("standing")
    shutil.rmtree(run.artifacts)
    watch = Stopwatch()
    run.go("go")
    return scene.wait_for_end(run, watch)


def _signal_faults() -> Iterator[Fault]:
    for number, codes in ((signal.SIGINT, (2,)), (signal.SIGTERM, (2,)), (signal.SIGKILL, (-9,))):
        killed = number is signal.SIGKILL
        for name, moment, select in MOMENTS:
            expected = Expected(
                codes if name != "teardown" or killed else (0, 2),
                "" if killed or name == "teardown" else "interrupted",
                within=CI_SECONDS,
                clean_within=30.0,
                report=not killed or name == "teardown",
            )
            yield Fault(f"{number.name.lower()}-at-{name}", "process", expected, partial(send_signal, number, moment, select))
    hangup = Expected((2,), "interrupted", within=CI_SECONDS, clean_within=30.0)
    yield Fault("sighup-at-burst", "process", hangup, partial(send_signal, signal.SIGHUP, mid_burst, "test_burst"))


_INTERRUPTED = Expected((2,), "interrupted", within=CI_SECONDS, clean_within=30.0)
_CANCELLED = Expected((2, -15, -9), "interrupted", within=CI_SECONDS + 1.0, clean_within=30.0)
"""The runner kills remaining processes; the report must exist by then."""

FAULTS: tuple[Fault, ...] = (
    *_signal_faults(),
    Fault("second-ctrl-c", "process", _INTERRUPTED, partial(interrupt_twice, mid_burst, "test_burst")),
    Fault("ci-cancel-at-creation", "process", _CANCELLED, partial(cancel, at_creation, "test_answers", ())),
    Fault("ci-cancel-xdist-at-burst", "process", _CANCELLED, partial(cancel, mid_burst, "test_burst or test_each", ("-n", "2"))),
    Fault("ci-cancel-xdist-at-creation", "process", _CANCELLED, partial(cancel, at_creation, "test_answers or test_each", ("-n", "2"))),
    Fault("worker-killed", "process", Expected((1,), r"worker 'gw\d' crashed", within=60.0), worker_killed),
    Fault("controller-killed", "process", Expected((-9,), within=5.0, clean_within=30.0, report=False), controller_killed),
    Fault("xdist-first-failure", "process", Expected((1, 2), "told to fail", within=60.0), first_failure),
    Fault("two-runs", "process", Expected((0,), within=300.0), two_runs),
    Fault("two-runs-one-name", "process", Expected((22,), "in use by a running run", within=30.0), same_name),
    Fault("kept-and-resumed", "process", Expected((1,), "was kept", within=300.0), kept_and_resumed),
    Fault("disk-full", "process", Expected((11,), "No space left on device", within=60.0, report=False), disk_full),
    Fault("artifacts-deleted", "process", Expected((0,), within=60.0), artifacts_deleted),
)
