"""A job's machine: its folders, environment and processes, and its cleanup after the job."""

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
    """A fresh runner. Of the test's own environment, it sees only `given`."""

    folder: Path
    given: Mapping[str, str] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    posts: list[Callable[[], object]] = field(default_factory=list)
    """Post steps of actions, run in reverse order after a successful job."""

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
        """The environment of every step, before its own `env`."""
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
        """Run a script as the runner does; return its exit code and output.

        Its background processes live until `end` and block nothing, because output goes to a file.
        """
        options = ["--noprofile", "--norc", "-eo", "pipefail"] if shell == "bash" else ["-e"]
        script = self.temporary / f"{uuid.uuid4()}.sh"
        script.write_text(command + "\n")
        record = self.temporary / f"{script.stem}.log"
        with record.open("wb") as log:
            process = subprocess.run(
                ["bash", *options, str(script)],
                cwd=folder,
                env={**self.variables(), **variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                check=False,
                timeout=STEP_SECONDS,
            )
        return process.returncode, record.read_text(errors="replace")

    def end(self) -> None:
        """Kill the leftover processes of the job's steps as the runner does: by the tracking ID in their environment."""
        mark = f"{_TRACKING}={self.identity}".encode()
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    os.kill(int(entry.name), signal.SIGKILL)
