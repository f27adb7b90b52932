"""Trying a privileged container with an image that is made on the spot."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from kindgate.errors import EngineUnprivileged
from kindgate.host.engine import Engine
from kindgate.host.privileged import require_privileged
from kindgate.waiting import Deadline


def engine(folder: Path, run: str) -> Engine:
    """An engine that keeps what is imported, does `run` for a container, and notes every call."""
    command = folder / "docker"
    command.write_text(
        f"""#!/bin/sh
echo "$*" >> {folder}/calls
case $1 in
  import) cat > {folder}/image.tar; echo sha256:abc;;
  run) {run};;
esac
"""
    )
    command.chmod(0o755)
    return Engine("docker", command, "26.1.5")


def calls(folder: Path) -> list[str]:
    """What the engine was asked to do."""
    return (folder / "calls").read_text().splitlines()


def test_a_privileged_container_is_run_and_its_image_removed(tmp_path: Path) -> None:
    """The check leaves nothing behind."""
    require_privileged(engine(tmp_path, "exit 0"), Deadline.after(20))
    assert calls(tmp_path) == ["import -", "run --rm --privileged --network=none sha256:abc /exit", "rmi --force sha256:abc"]


def test_the_image_holds_a_program_that_this_kernel_runs(tmp_path: Path) -> None:
    """Whatever the engine refuses, it is not the program."""
    require_privileged(engine(tmp_path, "exit 0"), Deadline.after(20))
    with tarfile.open(fileobj=io.BytesIO((tmp_path / "image.tar").read_bytes())) as tar:
        tar.extractall(tmp_path, filter="data")
    assert subprocess.run([tmp_path / "exit"], check=False).returncode == 0


def test_an_engine_that_refuses_is_quoted_and_cleaned(tmp_path: Path) -> None:
    """The runtime's own words are in the error, and the image is gone all the same."""
    refusing = engine(tmp_path, "echo 'runc create failed: unable to apply caps: operation not permitted' >&2; exit 126")
    with pytest.raises(EngineUnprivileged, match="cannot run a privileged container") as refused:
        require_privileged(refusing, Deadline.after(20))
    assert "unable to apply caps" in refused.value.last_state
    assert calls(tmp_path)[-1] == "rmi --force sha256:abc"
