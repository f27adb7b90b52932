"""Running a privileged container with an image built on the fly."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from kindgate.errors import EngineUnprivileged
from kindgate.host.container_engine import Engine
from kindgate.host.privileged import refused_limit_remedy, require_privileged
from kindgate.waiting import Deadline


def engine(folder: Path, run: str) -> Engine:
    """An engine that stores imports, runs `run` for a container, and records every call."""
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
    """Return the recorded calls of the engine."""
    return (folder / "calls").read_text().splitlines()


def test_a_privileged_container_is_run_and_its_image_removed(tmp_path: Path) -> None:
    """The check removes its image."""
    require_privileged(engine(tmp_path, "exit 0"), Deadline.after(20))
    assert calls(tmp_path) == ["import -", "run --rm --privileged --network=none sha256:abc /exit", "rmi --force sha256:abc"]


def test_the_images_program_runs_on_this_kernel(tmp_path: Path) -> None:
    """The program in the image runs on this kernel, so a failure is the engine's."""
    require_privileged(engine(tmp_path, "exit 0"), Deadline.after(20))
    with tarfile.open(fileobj=io.BytesIO((tmp_path / "image.tar").read_bytes())) as tar:
        tar.extractall(tmp_path, filter="data")
    assert subprocess.run([tmp_path / "exit"], check=False).returncode == 0


def test_a_refusing_engine_is_quoted_and_its_image_removed(tmp_path: Path) -> None:
    """The error has the runtime's message, and the image is removed."""
    refusing = engine(tmp_path, "echo 'runc create failed: unable to apply caps: operation not permitted' >&2; exit 126")
    with pytest.raises(EngineUnprivileged, match="cannot run a privileged container") as refused:
        require_privileged(refusing, Deadline.after(20))
    assert "unable to apply caps" in refused.value.last_state
    assert calls(tmp_path)[-1] == "rmi --force sha256:abc"


@pytest.mark.parametrize(
    "output",
    [
        "runc create failed: error setting rlimits for ready process: error setting rlimit type 7: operation not permitted",
        "crun: error setting rlimit `RLIMIT_NPROC`: Operation not permitted: OCI permission denied",
    ],
)
def test_refused_limits_name_the_setting_that_lowers_them(tmp_path: Path, output: str) -> None:
    """On a host with low hard limits, Podman rejects every container until its settings are lowered."""
    refusing = engine(tmp_path, f"echo '{output}' >&2; exit 126")
    with pytest.raises(EngineUnprivileged) as refused:
        require_privileged(refusing, Deadline.after(20))
    assert "default_ulimits" in refused.value.next_step


def test_other_refusals_suggest_no_limits() -> None:
    """Without a limit in the message, no setting is suggested: a wrong remedy is worse than none."""
    assert not refused_limit_remedy("runc create failed: unable to apply caps: operation not permitted")
