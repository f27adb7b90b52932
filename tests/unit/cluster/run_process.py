"""A run in a separate process, to be killed: `run_process.py MACHINE FOLDER KEEP [PRIVATE FOLDER]` opens a cluster and waits."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from kindgate.cluster.lifecycle import ClusterSpec, open_cluster
from kindgate.host.container_engine import Engine
from kindgate.settings import ClusterSettings, Settings
from kindgate.waiting import Deadline
from tests.unit.cluster.machine import NODE_IMAGE


def main(machine: Path, folder: Path, keep: str, private: Path | None = None) -> None:
    """Open the cluster `shop`, report it with the file `open`, and wait to be killed."""
    cluster = ClusterSettings(name="shop", keep="always" if keep == "always" else "never")
    engine = Engine("docker", machine / "bin" / "docker", "26.0")
    cluster_spec = ClusterSpec(Settings(root=folder, cluster=cluster), engine, machine / "bin" / "kind", NODE_IMAGE, folder=private)
    open_cluster(cluster_spec, deadline=Deadline.after(60), progress=str)
    (machine / "open").touch()
    signal.pause()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], *map(Path, sys.argv[4:]))
