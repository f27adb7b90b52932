"""A kind that misbehaves on cluster creation: `bad_kind.py HOW FOLDER REAL-KIND ARGUMENTS...`; otherwise the real one."""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
from pathlib import Path


def main(how: str, folder: Path, kind: str, arguments: list[str]) -> None:
    """Misbehave, or exec the real kind."""
    if arguments[:2] == ["create", "cluster"]:
        first = not (folder / "kind-was-called").exists()
        (folder / "kind-was-called").touch()
        match how:
            case "hang":
                signal.pause()
            case "garbage":
                sys.stdout.buffer.write(bytes(range(256)) * 40)
                return
            case "fail-once" if first:
                sys.exit("ERROR: failed to create cluster: failed to init node with kubeadm: command failed with error: exit status 1")
            case "steal" if first:
                steal(Path(arguments[arguments.index("--config") + 1]).read_text())
    os.execv(kind, [kind, *arguments])


def steal(configuration: str) -> None:
    """Listen on the configuration's host port while the real kind, which inherits the socket, is alive."""
    port = int(re.findall(r"hostPort: (\d+)", configuration)[-1])
    listener = socket.create_server(("127.0.0.1", port))
    listener.set_inheritable(True)
    listener.detach()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4:])
