"""A run of the small suite as a separate process: monitored, signaled, and waited for."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from kindgate.waiting import Deadline, Pending, PermanentFailure, Ready, wait_for

MOMENT_SECONDS = 240.0
"""Time limit for a run to reach the moment of the fault."""

END_SECONDS = 300.0


class SuiteRun:
    """A started run; its output goes to `log`, its artifacts to `artifacts`. It runs in `cwd`, by default `folder`."""

    def __init__(self, command: list[str], folder: Path, artifacts: Path, environment: dict[str, str], *, cwd: Path | None = None) -> None:
        self.folder = folder
        self.artifacts = artifacts
        self.log = folder / f"{artifacts.name}.log"
        with self.log.open("wb") as sink:
            self.process = subprocess.Popen(
                # a background shell ignores SIGINT, which a run would inherit
                ["env", "--default-signal=INT,HUP", *command],
                cwd=cwd or folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def text(self) -> str:
        """The run's output so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    @property
    def complete_output(self) -> str:
        """The run's complete output: the terminal output and its report."""
        report = self.artifacts / "report.json"
        return self.text + (report.read_text(encoding="utf-8", errors="replace") if report.is_file() else "")

    def wait_line(self, pattern: str) -> None:
        """Wait until the run prints a match; raises if it ends first."""
        self.wait_until(f"a line like {pattern!r}", lambda: re.search(pattern, self.text) is not None)

    def wait_file(self, name: str) -> None:
        """Wait until a test of the run has created this file."""
        self.wait_until(f"the suite to make {name}", (self.folder / name).exists)

    def wait_until(self, description: str, condition: Callable[[], bool]) -> None:
        """Wait until the condition holds; raises `WaitTimeout`, or `WaitFailed` if the run ends first."""

        def probe() -> Ready[None] | Pending | PermanentFailure:
            if condition():
                return Ready(None)
            if self.process.poll() is not None:
                return PermanentFailure(f"the run ended with {self.process.returncode} before\n{self.text[-2000:]}")
            return Pending(self.text[-300:])

        wait_for(description, probe, Deadline.after(MOMENT_SECONDS), interval=0.05)

    def go(self, name: str) -> None:
        """Create a file that a test of the run waits for."""
        (self.folder / name).touch()

    def signal(self, number: signal.Signals) -> None:
        """Signal the run's entry process, as GitHub's runner does, unless it has exited."""
        if self.process.poll() is None:
            self.process.send_signal(number)

    def wait(self, seconds: float = END_SECONDS) -> int:
        """The exit code; a run that exceeds the limit is killed, which shows as a negative code."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def report(self) -> dict[str, object]:
        """The parsed report.json; raises if it cannot be read."""
        read: dict[str, object] = json.loads((self.artifacts / "report.json").read_text(encoding="utf-8"))
        return read


class Stopwatch:
    """Seconds since the fault."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """The elapsed time."""
        return time.monotonic() - self._started
