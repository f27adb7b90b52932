"""`make startup`: measure the time to the first test, relative to a bare `kind create cluster` of the same shape.

    python -m bench.startup [--rounds N]

The bare cluster uses the same image, configuration and kind, and is timed until CoreDNS is Available. The run reports its
own "time to first test": from the start of the process to the call of the first test that uses the application.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from kindgate.cluster.kind_config import kind_config
from kindgate.host.container_engine import Engine
from kindgate.pipeline.inputs import prepare
from kindgate.pipeline.run_objectives import read_slo_file
from kindgate.settings_sources import build_settings
from kindgate.waiting import Deadline

BARE = "kindgate-bare"
CREATE_SECONDS = 300.0
GOAL_RATIO = 1.5
GOAL_KEPT_SECONDS = 10.0


@dataclass(frozen=True)
class BareCluster:
    """The components of a bare cluster."""

    engine: Engine
    kind: Path
    kubectl: Path
    node_image: str
    configuration: str


@dataclass(frozen=True)
class Startup:
    """Seconds for the bare cluster, for a run without a cluster, and for a run on a kept cluster."""

    bare: float
    fresh: float
    kept: float


def progress(text: str) -> None:
    """Print progress to stderr."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def bare_cluster_parts(folder: Path) -> BareCluster:
    """Return the kind, node image and configuration that a run of this folder would use; missing images are built."""
    settings = build_settings(Path.cwd(), {}, {}, os.environ)
    inputs = prepare(settings, read_slo_file(settings), folder, progress)
    if inputs.supply is None or inputs.tools.kind is None:
        raise SystemExit("kindgate startup needs a cluster of its own: leave --kind-existing out")
    engine = inputs.supply.engine
    deadline = Deadline.after(3600.0)
    node_image = inputs.supply.source.provide_node(inputs.supply.plan, progress, deadline)
    inputs.supply.archive(deadline, progress)
    configuration = kind_config(settings.cluster, cgroup_version=engine.cgroup_version)
    return BareCluster(engine, inputs.tools.kind, inputs.tools.kubectl, node_image, yaml.safe_dump(configuration))


def bare_seconds(bare: BareCluster, folder: Path) -> float:
    """Create the bare cluster, wait for CoreDNS, and delete it; return the seconds until CoreDNS is Available."""
    kubeconfig = folder / "kubeconfig"
    environment = {**os.environ, **bare.engine.kind_environment, f"KIND_EXPERIMENTAL_{bare.engine.program.upper()}_NETWORK": BARE}

    def run(*command: str | Path, stdin: str = "") -> None:
        subprocess.run(command, input=stdin, text=True, check=True, capture_output=True, env=environment, timeout=CREATE_SECONDS)

    cluster = ("--name", BARE, "--kubeconfig", kubeconfig)
    started = time.monotonic()
    try:
        run(bare.kind, "create", "cluster", *cluster, "--image", bare.node_image, "--config", "-", stdin=bare.configuration)
        kubectl = (bare.kubectl, "--kubeconfig", kubeconfig, "--namespace", "kube-system")
        run(*kubectl, "wait", "--for=condition=Available", "--timeout=120s", "deployment/coredns")
        return time.monotonic() - started
    finally:
        run(bare.kind, "delete", "cluster", *cluster)
        bare.engine.run("network", "rm", BARE, deadline=Deadline.after(CREATE_SECONDS))


def run_seconds(*arguments: str) -> float:
    """Return the "time to first test" of one `pytest -m "e2e and smoke"`."""
    with tempfile.TemporaryDirectory() as artifacts:
        command = [sys.executable, "-m", "pytest", "-m", "e2e and smoke", "-q", f"--artifacts={artifacts}", *arguments]
        subprocess.run(command, check=True, capture_output=True, timeout=1200)
        report = json.loads(Path(artifacts, "report.json").read_text(encoding="utf-8"))
    return next(float(phase["seconds"]) for phase in report["phases"] if phase["name"] == "time to first test")


def startups(rounds: int) -> Iterator[Startup]:
    """Yield one row per round: bare, fresh, kept, alternating so all see the same state of the machine."""
    with tempfile.TemporaryDirectory() as folder:
        bare = bare_cluster_parts(Path(folder, "run"))
        for number in range(1, rounds + 1):
            bare_time = bare_seconds(bare, Path(folder))
            fresh = run_seconds("--kind-keep=always")
            try:
                kept = run_seconds("--kind-keep=always")
            finally:
                subprocess.run([str(Path(sys.executable).with_name("kindgate")), "down"], check=True, capture_output=True, timeout=300)
            row = Startup(bare_time, fresh, kept)
            progress(f"round {number}: bare {row.bare:.1f} s, fresh {row.fresh:.1f} s ({row.fresh / row.bare:.2f}x), kept {row.kept:.1f} s")
            yield row


def main() -> int:
    """Measure; return 1 if a median misses its goal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (default: 3)")
    rows = list(startups(parser.parse_args().rounds))
    ratio = statistics.median(row.fresh / row.bare for row in rows)
    kept = statistics.median(row.kept for row in rows)
    sys.stdout.write(f"time to first test, no cluster: {ratio:.2f}x of a bare cluster (goal: at most {GOAL_RATIO})\n")
    sys.stdout.write(f"time to first test, kept cluster: {kept:.1f} s (goal: at most {GOAL_KEPT_SECONDS:.0f} s)\n")
    return int(ratio > GOAL_RATIO or kept > GOAL_KEPT_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
