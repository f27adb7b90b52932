"""The scene of one fault: a separate folder, environment and cluster name, and the engine."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from kindgate.cluster.forwarding import remove_forwarding_rule
from kindgate.errors import KindgateError
from kindgate.host.container_engine import Engine, find_engine
from kindgate.progress import Progress
from kindgate.waiting import Deadline, Pending, Ready, wait_for
from tests.faults.fault import Outcome
from tests.faults.snapshot import MARK, Snapshot, marked, take_snapshot
from tests.faults.suite_run import Stopwatch, SuiteRun

SUITE = Path(__file__).parent / "suite"

SHARED_CLUSTER = "kindgate-faults"
"""The cluster shared by faults that can be undone."""

SMALL = ("--kind-workers", "0", "--prometheus", "off", "--app-component", "ingress-traefik", "--app-overlay", "overlays/base")
SHARED = ("--kind-workers", "1", "--kind-keep", "always", "--cluster-name", SHARED_CLUSTER)

_FOREIGN = ("GITHUB_", "ACTIONS_", "RUNNER_", "PYTEST_", "CI")
"""Variables that make a run behave as in CI or inside another test run."""


@dataclass
class Scene:
    """The scene of one fault. `progress` receives progress lines; `undo` runs after the fault, in reverse order.

    Unless `alone`, other faults are injected concurrently, and only objects with its cluster's name count as its own.
    """

    folder: Path
    engine: Engine
    progress: Progress
    shared_state: Path
    alone: bool = True
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)
    undo: list[Callable[[], object]] = field(default_factory=list)
    runs: list[SuiteRun] = field(default_factory=list)
    before: Snapshot | None = None

    @property
    def cluster(self) -> str:
        """The name of this fault's own cluster."""
        return f"kindgate-fault-{self.mark[:6]}"

    @property
    def state(self) -> Path:
        """The runs' state folder."""
        return self.folder / "state"

    @property
    def temporary(self) -> Path:
        """The runs' folder for temporary files."""
        return self.folder / "tmp"

    def prepare(self) -> None:
        """Copy the suite, and record the current state."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(SUITE, self.folder)
        (self.folder / "faulty.py").rename(self.folder / "test_faulty.py")
        self.temporary.mkdir()
        self.record_baseline()

    def record_baseline(self) -> None:
        """Record the current state as the baseline for leaks."""
        self.before = self.snapshot()

    def snapshot(self) -> Snapshot:
        """The current state."""
        snapshot = take_snapshot(self.engine, self.mark, (self.state, self.temporary))
        return snapshot if self.alone else snapshot.of_cluster(self.cluster)

    def start(
        self,
        select: str,
        *options: str,
        name: str = "artifacts",
        artifacts: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> SuiteRun:
        """Start a run of the tests selected by `-k`; `options` override the defaults for a small cluster."""
        artifacts = artifacts or self.folder / name
        command = [sys.executable, "-m", "pytest", "-m", "e2e", "-k", select, "--artifacts", str(artifacts), *SMALL]
        command += ["--basetemp", str(self.folder / f"base-{name}")]
        if "--cluster-name" not in options:
            command += ["--cluster-name", self.cluster]
        run = SuiteRun([*command, *options], self.folder, artifacts, self._environment(environment or {}))
        self.runs.append(run)
        return run

    def start_shared(self, select: str, *options: str, environment: Mapping[str, str] | None = None) -> SuiteRun:
        """Start a run on the shared cluster, which must exist."""
        shared = {"KINDGATE_STATE_DIR": str(self.shared_state), **(environment or {})}
        return self.start(select, *SHARED, *options, environment=shared)

    def wait_for_end(self, run: SuiteRun, watch: Stopwatch, *problems: str, seconds: float = 300.0) -> Outcome:
        """Wait for the run to end, and return what was observed."""
        code = run.wait(seconds)
        return Outcome(code, watch.seconds, run.complete_output, problems)

    def kindgate(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run kindgate's command line in this scene's environment."""
        command = [str(Path(sys.executable).parent / "kindgate"), *arguments]
        return subprocess.run(command, cwd=self.folder, env=self._environment({}), capture_output=True, text=True, timeout=300, check=False)

    def start_kindgate(self, *arguments: str, name: str) -> SuiteRun:
        """Start kindgate's command line in this scene's environment, with a log of this name."""
        command = [str(Path(sys.executable).parent / "kindgate"), *arguments]
        run = SuiteRun(command, self.folder, self.folder / name, self._environment({}))
        self.runs.append(run)
        return run

    def node(self, number: str = "control-plane", cluster: str = SHARED_CLUSTER) -> str:
        """The name of a node's container."""
        return f"{cluster}-{number}"

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl in the shared cluster's control plane, which provides one."""
        inside = ("exec", "--interactive", self.node(), "kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf", *arguments)
        return self.engine.run(*inside, deadline=Deadline.after(60), input=stdin).stdout

    def clean_after(self, watch: Stopwatch, seconds: float) -> tuple[float | None, dict[str, tuple[str, ...]]]:
        """Seconds from the fault until nothing is left, or None and what is left after `seconds`."""
        before = self.before
        if before is None:
            raise AssertionError("the scene was not prepared")
        leftovers: dict[str, tuple[str, ...]] = {}
        ends = time.monotonic() + seconds

        def probe() -> Ready[None] | Pending:
            nonlocal leftovers
            leftovers = self.snapshot().added_since(before)
            return Pending(str(leftovers)) if leftovers and time.monotonic() < ends else Ready(None)

        wait_for("nothing to be left", probe, Deadline.after(seconds + 60), interval=1.0)
        return (watch.seconds if not leftovers else None), leftovers

    def clear(self) -> None:
        """Undo the damage, and remove all traces of this fault, so the next one starts clean."""
        for undo in reversed(self.undo):
            with suppress(KindgateError, OSError):
                undo()
        for process in marked(self.mark):
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        leftovers = self.snapshot().added_since(self.before) if self.before is not None else {}
        for kind, remove in (
            ("containers", ("rm", "--force", "--volumes")),
            ("networks", ("network", "rm")),
            ("volumes", ("volume", "rm")),
        ):
            for name in leftovers.get(kind, ()):
                self.engine.run(*remove, name.split()[0], deadline=Deadline.after(60), check=False)
        if leftovers.get("rules"):
            remove_forwarding_rule(self.engine, self.cluster, Deadline.after(60))

    def _environment(self, added: Mapping[str, str]) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        scene_variables = {"KINDGATE_STATE_DIR": str(self.state), "TMPDIR": str(self.temporary), MARK: self.mark, "PYTHONUNBUFFERED": "1"}
        return {**inherited, **scene_variables, **added}


def available_engine() -> Engine:
    """The available engine."""
    return find_engine(Deadline.after(30))
