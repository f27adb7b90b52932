"""Puts images into a root filesystem, by running its own containerd for a few seconds against it: no container is needed.

Images stay packed: a node's /var is a volume that is copied for every node, and unpacked images are three times as big.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from kindgate.errors import ImageError
from kindgate.host.command import end_group, run, spawn
from kindgate.waiting import Deadline, Hopeless, Pending, Ready, wait_for

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
    # not below the cache folder: a socket's path may have 107 characters at most
    with tempfile.TemporaryDirectory(prefix="kindgate-") as work:
        configuration = Path(work) / "config.toml"
        configuration.write_text(_CONFIGURATION.format(root=root / "var/lib/containerd", work=work))
        log = Path(work) / "log"
        ctr = [str(root / "usr/local/bin/ctr"), "--address", f"{work}/containerd.sock"]
        with (
            log.open("wb") as output,
            spawn([root / "usr/local/bin/containerd", "--config", configuration], stdout=output, stderr=output) as daemon,
        ):
            try:

                def answers() -> Ready[None] | Pending | Hopeless:
                    if daemon.poll() is not None:
                        return Hopeless(f"it ended with exit code {daemon.returncode}: {log.read_text()[-1000:]}")
                    told = run([*ctr, "version"], deadline=deadline, check=False)
                    return Ready(None) if told.returncode == 0 else Pending(told.stderr)

                wait_for("containerd", answers, deadline.at_most(30))
                run([*ctr, "-n", "k8s.io", "images", "import", "--no-unpack", archive], deadline=deadline)
                names = run([*ctr, "-n", "k8s.io", "images", "ls", "-q"], deadline=deadline).stdout.split()
            finally:
                end_group(daemon)
    if not names:
        raise ImageError(f"containerd took nothing from {archive}")
