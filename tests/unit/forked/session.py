"""Sessions with the fork server: one server for all workers of a test run, started by the first that needs it."""

from __future__ import annotations

import marshal
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

CHECKOUT = Path(__file__).parents[3]
INHERITED = ("HOME", "LANG", "LC_ALL", "LC_CTYPE", "PATH", "TMPDIR", "PYTHONHASHSEED", "PYTHONUTF8", "PYTHONIOENCODING", "PYTHONDEVMODE")
"""Variables of the test run that the server inherits."""


@contextmanager
def forking_python(folder: Path) -> Iterator[Path]:
    """Yield the path of a program that does what `python` does, by a fork if it can; `folder` holds the server's files.

    Raises `RuntimeError` with the server's log if the server does not start.
    """
    folder.mkdir(exist_ok=True)
    started = None
    with FileLock(folder / "lock"):
        session = _session(folder)
        if session is None:
            started = _start(folder)
            session = _session(folder)
    if session is None:
        raise RuntimeError(f"no fork server: {(folder / 'log').read_text()}")
    with session:
        yield folder / "python"
    if started:
        started.wait(300)  # for other workers' sessions


def _session(folder: Path) -> socket.socket | None:
    """Return a connection that keeps the server alive, or None if no server runs."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(marshal.loads((folder / "facts").read_bytes())["socket"])
        connection.sendall(bytes(4))
        if connection.recv(1):
            return connection
    except OSError:
        pass
    connection.close()
    return None


def _start(folder: Path) -> subprocess.Popen[str]:
    """Start a server and wait until it has imported everything and listens."""
    environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
    environment |= {"PYTHONPATH": str(CHECKOUT), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.unit.forked.server", str(folder)]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            command,
            cwd="/",
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    assert server.stdout
    with server.stdout as output:
        for line in output:
            if line == "ready\n":
                return server
    server.wait()
    raise RuntimeError(f"the fork server ended with {server.returncode}: {(folder / 'log').read_text()}")
