"""The machine that a job runs on: its folders, its environment, its processes, and what it does at the job's end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

STEP_SECONDS = 580.0
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_TRACKING = "RUNNER_TRACKING_ID"


@dataclass
class Machine:
    """A fresh runner. Nothing of this test's own environment reaches it but `given`."""

    folder: Path
    given: Mapping[str, str] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    posts: list[Callable[[], object]] = field(default_factory=list)
    """What actions do after the last step of a job that succeeded, last one first."""

    identity: str = field(default_factory=lambda: f"github_{uuid.uuid4()}")

    def __post_init__(self) -> None:
        for folder in (self.workspace, self.temporary, self.home):
            folder.mkdir(parents=True)

    @property
    def workspace(self) -> Path:
        """GITHUB_WORKSPACE."""
        return self.folder / "work"

    @property
    def temporary(self) -> Path:
        """RUNNER_TEMP."""
        return self.folder / "temp"

    @property
    def home(self) -> Path:
        """The user's home folder."""
        return self.folder / "home"

    def variables(self) -> dict[str, str]:
        """What every step sees before its own `env`."""
        return {
            "CI": "true",
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "RUNNER_ARCH": "X64",
            "RUNNER_OS": "Linux",
            "RUNNER_TEMP": str(self.temporary),
            _TRACKING: self.identity,
            **self.given,
            **self.environment,
            "PATH": os.pathsep.join([*reversed(self.paths), self.given.get("PATH", SYSTEM_PATH)]),
        }

    def shell(self, command: str, *, shell: str, folder: Path, variables: Mapping[str, str]) -> tuple[int, str]:
        """Run a script as the runner does; its exit code and what it printed.

        What it leaves in the background goes on until `end`, and holds nothing up: output goes to a file.
        """
        options = ["--noprofile", "--norc", "-eo", "pipefail"] if shell == "bash" else ["-e"]
        script = self.temporary / f"{uuid.uuid4()}.sh"
        script.write_text(command + "\n")
        record = self.temporary / f"{script.stem}.log"
        with record.open("wb") as log:
            done = subprocess.run(
                ["bash", *options, str(script)],
                cwd=folder,
                env={**self.variables(), **variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                check=False,
                timeout=STEP_SECONDS,
            )
        return done.returncode, record.read_text(errors="replace")

    def end(self) -> None:
        """Kill what the job's steps have left behind, as the runner does: by the tracking id in their environment."""
        mark = f"{_TRACKING}={self.identity}".encode()
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    os.kill(int(entry.name), signal.SIGKILL)
