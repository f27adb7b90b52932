"""Test scenarios whose process ends in the middle of their action: everything in the cluster must be as before."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

from kindgate.scenarios.state_diff import differences
from kindgate.waiting import Deadline, Pending, Ready, wait_for
from tests.faults.fault import Expected, Fault, Outcome
from tests.faults.scene import Scene
from tests.faults.suite_run import Stopwatch

UNDO_SECONDS = 30.0
"""Time limit for the undo process: it starts Python, and runs two commands for each workload."""

ROLLOUT_SECONDS = 120

NAMESPACE = "fault"

OPTIONS = ("--kind-workers", "0", "--app-component", "ingress-traefik", "--app-overlay", "overlays/base")

_KINDS = "deployments,statefulsets,daemonsets,services,ingresses,configmaps,secrets,networkpolicies,poddisruptionbudgets"


def command_killed(scene: Scene) -> Outcome:
    """SIGINT, SIGTERM and SIGKILL of `kindgate scenario rollout` on a kept cluster, each in the middle of the rollout."""
    watch = Stopwatch()
    kept = scene.wait_for_end(scene.start("test_answers", "--kind-keep", "always"), watch)
    if kept.exit_code != 0:
        return kept
    before = _state(scene)
    problems: list[str] = []
    code, seconds = 0, 0.0
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        run = scene.start_kindgate("scenario", "rollout", *OPTIONS, "--cluster-name", scene.cluster, name=number.name.lower())
        run.wait_line(r"\] restart of Deployment")
        run.wait_until("the changed template", lambda: differences(before, _state(scene)) != ())
        watch = Stopwatch()
        run.signal(number)
        code, seconds = run.wait(), watch.seconds
        problems += _problems_after(number.name, scene, before)
    scene.kindgate("reap")  # removes the private folder of the killed command, as the next run does
    down = scene.kindgate("down", "--cluster-name", scene.cluster)
    problems += [] if down.returncode == 0 else [f"kindgate down: {down.stderr}"]
    return Outcome(code, seconds, scene.runs[-1].text, tuple(problems))


def worker_killed(scene: Scene) -> Outcome:
    """SIGKILL of the worker whose test restarts the application of a kept cluster."""
    kept = scene.wait_for_end(scene.start("test_answers", "--kind-keep", "always"), Stopwatch())
    if kept.exit_code != 0:
        return kept
    before = _state(scene)
    run = scene.start("test_rollout or test_each", "-m", "e2e or rollout", "-n", "2", "--kind-reuse", name="rolling")
    run.wait_until("a worker to be in the rollout", lambda: bool(list(scene.folder.glob("rolling-*"))))
    run.wait_until("the changed template", lambda: differences(before, _state(scene)) != ())
    watch = Stopwatch()
    os.kill(int(next(scene.folder.glob("rolling-*")).name.removeprefix("rolling-")), signal.SIGKILL)
    problems = _problems_after("SIGKILL", scene, before)
    outcome = scene.wait_for_end(run, watch, *problems)
    scene.kindgate("down", "--cluster-name", scene.cluster)
    return outcome


def node_fault_killed(scene: Scene) -> Outcome:
    """SIGKILL of the run whose test has paused a worker of a kept cluster."""
    options = ("--kind-workers", "1")
    kept = scene.wait_for_end(scene.start("test_answers", "--kind-keep", "always", *options), Stopwatch())
    if kept.exit_code != 0:
        return kept
    before = _state(scene)
    run = scene.start("test_paused", "-m", "chaos", "--kind-reuse", *options, name="pausing")
    run.wait_until("the worker to be paused", lambda: _worker_status(scene) == "paused")
    watch = Stopwatch()
    run.signal(signal.SIGKILL)
    code, seconds = run.wait(), watch.seconds
    problems = _problems_after("SIGKILL", scene, before)
    status = _worker_status(scene)
    problems += [] if status == "running" else [f"the worker is {status}"]
    scene.kindgate("reap")  # removes the private folder of the killed run, as the next run does
    down = scene.kindgate("down", "--cluster-name", scene.cluster)
    problems += [] if down.returncode == 0 else [f"kindgate down: {down.stderr}"]
    return Outcome(code, seconds, run.complete_output, tuple(problems))


def _worker_status(scene: Scene) -> str:
    """The engine's word for the state of the worker's container."""
    inspect = ("inspect", "--format", "{{.State.Status}}", scene.node("worker", scene.cluster))
    return scene.engine.run(*inspect, deadline=Deadline.after(30)).stdout.strip()


def _problems_after(fault: str, scene: Scene, before: list[dict[str, Any]]) -> list[str]:
    """What is not as before, once the undo has been done and rolled out."""
    folder = scene.state / "undo"
    wait_for(
        "the undo",
        lambda: Pending(str(list(folder.iterdir()))) if any(folder.glob("*.json")) else Ready(None),
        Deadline.after(UNDO_SECONDS),
    )
    _kubectl(scene, "rollout", "status", "deployment", "--namespace", NAMESPACE, "--timeout", f"{ROLLOUT_SECONDS}s")
    return [f"after {fault}: {line}" for line in differences(before, _state(scene))]


def _state(scene: Scene) -> list[dict[str, Any]]:
    """The application's objects and the nodes."""
    listings = (("get", _KINDS, "--namespace", NAMESPACE, "--show-managed-fields"), ("get", "nodes"))
    return [item for listing in listings for item in json.loads(_kubectl(scene, *listing, "--output", "json"))["items"]]


def _kubectl(scene: Scene, *arguments: str) -> str:
    inside = ("exec", scene.node(cluster=scene.cluster), "kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf", *arguments)
    return scene.engine.run(*inside, deadline=Deadline.after(ROLLOUT_SECONDS + 10)).stdout


FAULTS: tuple[Fault, ...] = (
    Fault("scenario-killed", "process", Expected((-9,), within=10.0, report=False), command_killed),
    Fault("node-fault-killed", "process", Expected((-9,), within=10.0, report=False), node_fault_killed),
    Fault("rollout-worker-killed", "process", Expected((1,), r"worker 'gw\d' crashed", within=120.0), worker_killed),
)
