"""Import images into a root filesystem by briefly running its own containerd against it, without a container.

Images stay packed: a node's /var is a volume that is copied for every node, and unpacked images are three times as
large.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kindgate.errors import ImageError, WaitFailed, WaitTimeout
from kindgate.host.command import end_group, run, spawn
from kindgate.waiting import Deadline, Pending, PermanentFailure, Ready, wait_for

_CONFIGURATION = """\
version = 3
root = "{root}"
state = "{work}/state"
disabled_plugins = [
  "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime", "io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt",
  "io.containerd.nri.v1.nri", "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing",
]
[grpc]
  address = "{work}/containerd.sock"
[ttrpc]
  address = "{work}/ttrpc.sock"
"""


def preload(root: Path, archive: Path, deadline: Deadline) -> None:
    """Import every image of an OCI archive into the containerd of `root`; raises `ImageError` or `CommandFailed`."""
    # not below the cache folder: a socket path is limited to 107 characters
    with tempfile.TemporaryDirectory(prefix="kindgate-") as work, _containerd(root, Path(work), deadline) as ctr:
        images = [*ctr, "--namespace", "k8s.io", "images"]
        run([*images, "import", "--no-unpack", archive], deadline=deadline)
        if not run([*images, "ls", "-q"], deadline=deadline).stdout.split():
            raise ImageError(f"containerd imported no image from {archive}")


@contextmanager
def _containerd(root: Path, work: Path, deadline: Deadline) -> Iterator[list[str]]:
    """Run the containerd of `root`; yield the command that talks to it."""
    configuration, log = work / "config.toml", work / "log"
    configuration.write_text(_CONFIGURATION.format(root=root / "var/lib/containerd", work=work))
    ctr = [str(root / "usr/local/bin/ctr"), "--address", f"{work}/containerd.sock"]
    command = [str(root / "usr/local/bin/containerd"), "--config", str(configuration)]
    with log.open("wb") as output, spawn(command, stdout=output, stderr=output) as daemon:

        def answers() -> Ready[None] | Pending | PermanentFailure:
            if daemon.poll() is not None:
                return PermanentFailure(f"it exited with code {daemon.returncode}")
            told = run([*ctr, "version"], deadline=deadline, check=False)
            return Ready(None) if told.returncode == 0 else Pending(told.stderr)

        try:
            wait_for("containerd", answers, deadline.at_most(30))
            yield ctr
        except (WaitFailed, WaitTimeout) as error:
            raise ImageError("the node's containerd fails to start on this machine", last_state=log.read_text()) from error
        finally:
            end_group(daemon)
