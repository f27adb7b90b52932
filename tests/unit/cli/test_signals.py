"""A terminated command ends its child processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from kindgate.waiting import Deadline, Pending, Ready, wait_for

SLOW_KUBECTL = """#!/bin/sh
echo $$ > "$0.pid"
exec sleep 600
"""

START = "from kindgate.cli import main; main()"
HANGS_UP = """
import signal, sys
from kindgate.cli import commands, main
signal.signal(signal.SIGHUP, signal.SIG_IGN)
commands.app = lambda: signal.raise_signal(signal.SIGHUP)
main()
"""


@pytest.mark.usefixtures("forks")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_terminated_command_ends_its_children(tmp_path: Path, number: signal.Signals) -> None:
    """A program in its own session would continue, such as a compiler for half an hour."""
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(SLOW_KUBECTL)
    kubectl.chmod(0o755)
    command = [sys.executable, "-c", START, "validate", "--kind-kubectl-bin", str(kubectl)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"KINDGATE_STATE_DIR": str(tmp_path)}
    ) as process:
        written = tmp_path / "kubectl.pid"
        child = wait_for(
            "kubectl to be started", lambda: Ready(int(text)) if (text := _text(written)) else Pending("no pid"), Deadline.after(60)
        )

        process.send_signal(number)
        _, output = process.communicate(timeout=60)

    assert process.returncode == 130
    assert output.splitlines()[-1] == f"kindgate: interrupted by {number.name}"
    assert not psutil.pid_exists(child)


def test_a_command_under_nohup_continues(tmp_path: Path) -> None:
    """A signal that the command inherited as ignored stays ignored."""
    command = [sys.executable, "-c", HANGS_UP]

    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)

    assert (result.returncode, result.stderr) == (0, "")


def _text(file: Path) -> str:
    return file.read_text().strip() if file.exists() else ""
