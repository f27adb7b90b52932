"""Host faults: the engine, ports, leftovers of earlier runs, the clock, and kind itself."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from functools import partial
from pathlib import Path

from kindgate.cluster.ownership_rules import Owner
from kindgate.host.container_engine import installed_root
from kindgate.host.engine_install import install_engine, stop_engine
from kindgate.host.tools import find_tool
from kindgate.process import ProcessName
from kindgate.waiting import Deadline
from tests.faults.fault import Expected, Fault, Outcome
from tests.faults.processes import mid_burst
from tests.faults.scene import Scene
from tests.faults.suite_run import Stopwatch

ENGINE_SECONDS = 120.0


class EngineNotOwned(Exception):
    """The engine was not started by `kindgate engine install`, or has other users: it is not stopped."""


def engine_stopped(scene: Scene, *, restart: bool) -> Outcome:
    """The engine is stopped mid-burst, and restarted either immediately or after the run."""
    _require_own_idle_engine(scene)
    os.environ["KINDGATE_ENGINE"] = "docker"  # otherwise a running Podman would be used as the engine in between
    run = scene.start("test_burst")
    mid_burst(scene, run)
    watch = Stopwatch()
    stop_engine(Deadline.after(ENGINE_SECONDS), scene.progress)
    if restart:
        install_engine(Deadline.after(ENGINE_SECONDS), scene.progress)
    try:
        outcome = scene.wait_for_end(run, watch)
    finally:
        install_engine(Deadline.after(ENGINE_SECONDS), scene.progress)
    return outcome


def _require_own_idle_engine(scene: Scene) -> None:
    """Raise unless the engine is kindgate's own and has no containers."""
    if not scene.engine.command.is_relative_to(installed_root()) and not (installed_root() / "usr/sbin/dockerd").exists():
        raise EngineNotOwned("the engine was not started by `kindgate engine install`")
    other_containers = scene.engine.run("ps", "--all", "--format", "{{.Names}}", deadline=Deadline.after(30)).stdout.split()
    if other_containers:
        raise EngineNotOwned(f"the engine has containers of others: {', '.join(other_containers)}")


def port_stolen(scene: Scene) -> Outcome:
    """Another process takes the chosen port before the engine: this kind takes the port in its first configuration."""
    return _with_kind(scene, "steal", "test_answers")


def kind_hangs(scene: Scene) -> Outcome:
    """Kind hangs."""
    return _with_kind(scene, "hang", "test_cluster", "--kind-timeout", "8")


def kind_fails_once(scene: Scene) -> Outcome:
    """Kind fails the first time, as kubeadm does on a busy host, and succeeds the second time."""
    return _with_kind(scene, "fail-once", "test_cluster")


def kind_prints_garbage(scene: Scene) -> Outcome:
    """Kind prints bytes that are not text, creates nothing and reports success."""
    return _with_kind(scene, "garbage", "test_cluster")


def _with_kind(scene: Scene, how: str, select: str, *options: str) -> Outcome:
    kind = find_tool("kind", seed=_seed(), deadline=Deadline.after(600), progress=scene.progress)
    wrapper = scene.folder / "kind"
    wrapper.write_text(
        f'#!/bin/sh\nexec "{sys.executable}" "{Path(__file__).parent / "bad_kind.py"}" {how} "{scene.folder}" "{kind}" "$@"\n'
    )
    wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
    run = scene.start(select, "--kind-bin", str(wrapper), *options)
    run.wait_file("kind-was-called")
    watch = Stopwatch()
    return scene.wait_for_end(run, watch)


def _seed() -> Path | None:
    seed = os.environ.get("KINDGATE_IMAGE_SEED")
    return Path(seed) if seed else None


def stale_state(scene: Scene) -> Outcome:
    """A dead run's state file, and an invalid one."""
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        current = ProcessName.current()
        process = ProcessName(dead.pid, "0", current.boot_id, current.pid_namespace)
    folder = scene.state / "clusters" / scene.cluster
    folder.mkdir(parents=True)
    owner = Owner(
        cluster=scene.cluster,
        run_id="dead",
        process=process,
        created=0.0,
        deadline=1.0,
        fingerprint="f",
        keep="never",
        kept=False,
        host_port=1,
        tls_port=2,
        root=scene.folder,
        kubeconfig=folder / "kubeconfig",
        node_image="node",
    )
    (folder / "owner.json").write_text(owner.to_json())
    (folder / "kubeconfig").write_text("half a kubec")
    broken = scene.state / "clusters" / "kindgate-broken"
    broken.mkdir()
    (broken / "owner.json").write_text("{")
    scene.record_baseline()
    watch = Stopwatch()
    return scene.wait_for_end(scene.start("test_cluster"), watch)


def stale_network(scene: Scene) -> Outcome:
    """A dead run's network of the same name, and the user's own network `kind`, which is kept."""
    deadline = Deadline.after(30)
    scene.engine.run("network", "create", scene.cluster, deadline=deadline)
    created = scene.engine.run("network", "create", "kind", deadline=deadline, check=False).returncode == 0
    if created:
        scene.undo.append(lambda: scene.engine.run("network", "rm", "kind", deadline=Deadline.after(30)))
    scene.record_baseline()
    watch = Stopwatch()
    outcome = scene.wait_for_end(scene.start("test_cluster"), watch)
    remaining = scene.engine.run("network", "ls", "--format", "{{.Name}}", deadline=Deadline.after(30)).stdout.split()
    problems = [] if "kind" in remaining else ["the user's network `kind` is gone"]
    if scene.cluster in remaining:
        problems.append("the stale network was left")
    return Outcome(outcome.exit_code, outcome.seconds, outcome.text, tuple(problems))


def clock_jumps(seconds: float, scene: Scene) -> Outcome:
    """The run's clock jumps by `seconds` while its cluster is running."""
    (scene.folder / "conftest.py").write_text((Path(__file__).parent / "suite" / "jumping_clock.py").read_text())
    run = scene.start("test_cluster or test_answers", environment={"FAULT_MEET": "1"})
    run.wait_file("standing")
    (scene.folder / "clock").write_text(json.dumps(seconds))
    watch = Stopwatch()
    run.go("go")
    return scene.wait_for_end(run, watch)


def _engine_row(name: str, *, restart: bool) -> Fault:
    cause_pattern = "cause: engine: .*does not answer"
    return Fault(name, "host", Expected((1, 16), cause_pattern, within=180.0, clean_within=150.0), partial(engine_stopped, restart=restart))


FAULTS: tuple[Fault, ...] = (
    Fault("port-stolen", "host", Expected((0,), "retrying with another port", within=180.0), port_stolen),
    Fault("kind-hangs", "host", Expected((16,), "kind did not finish creating", within=30.0), kind_hangs),
    Fault("kind-fails-once", "host", Expected((0,), "retrying", within=180.0), kind_fails_once),
    Fault("kind-prints-garbage", "host", Expected((16,), "kind reported success", within=60.0), kind_prints_garbage),
    Fault("stale-state-file", "host", Expected((0,), within=180.0), stale_state),
    Fault("stale-network", "host", Expected((0,), within=180.0), stale_network),
    Fault("clock-jumps-ahead", "host", Expected((0,), within=90.0), partial(clock_jumps, 172_800.0)),
    Fault("clock-jumps-back", "host", Expected((0,), within=90.0), partial(clock_jumps, -172_800.0)),
    _engine_row("engine-stopped", restart=False),
    _engine_row("engine-restarted", restart=True),
)
