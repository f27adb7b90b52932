"""Leftovers of a run are detected, and earlier objects are ignored."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from kindgate.host.container_engine import Engine
from kindgate.waiting import Deadline, Pending, Ready, wait_for
from tests.faults.snapshot import MARK, marked, take_snapshot

SCRIPT = r"""#!/bin/sh
case "$1" in
  ps) cat "$(dirname "$0")/containers";;
  network) echo "bridge 1";;
  volume) echo v1;;
esac
"""


def test_additional_resources_are_reported_by_kind(tmp_path: Path) -> None:
    """A new container, a file and an empty folder count; permanent locks and earlier objects do not."""
    engine, state = tmp_path / "docker", tmp_path / "state"
    engine.write_text(SCRIPT)
    engine.chmod(0o755)
    (tmp_path / "containers").write_text("mine 1\n")
    (state / "locks").mkdir(parents=True)
    before = take_snapshot(Engine("docker", engine, "28"), "a mark", (state,))

    (tmp_path / "containers").write_text("mine 1\nleft 2\n")
    (state / "locks" / "machine.lock").touch()
    (state / "clusters" / "shop").mkdir(parents=True)
    (state / "kubeconfig").touch()
    after = take_snapshot(Engine("docker", engine, "28"), "a mark", (state,))

    assert after.added_since(before) == {
        "containers": ("left 2",),
        "files": (str(state / "clusters" / "shop"), str(state / "kubeconfig")),
    }
    assert before.added_since(after) == {}


def test_marked_processes_are_found(tmp_path: Path) -> None:
    """Child processes inherit the mark; one that has ended does not count."""
    mark = str(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", "import signal; signal.pause()"], env={**os.environ, MARK: mark}, stdout=subprocess.DEVNULL
    ) as process:
        wait_for("the process", lambda: Ready(None) if marked(mark) else Pending("not yet"), Deadline.after(20))
        assert [one.pid for one in marked(mark)] == [process.pid]
        process.kill()
        process.wait()

    assert marked(mark) == []
