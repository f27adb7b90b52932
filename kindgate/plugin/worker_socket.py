"""The socket between xdist's controller and its workers: a file in a private folder, and a key that a worker presents first.

Any other client that connects and sends nothing or garbage occupies one thread for some seconds, and blocks no worker.
"""

from __future__ import annotations

import hmac
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path

NAME = "workers"
HANDSHAKE_SECONDS = 10.0
"""Seconds for a worker to present its key, which it does immediately."""

_LONGEST = 100
"""Limit for an address in bytes: Linux accepts 107, macOS 103."""

_BACKLOG = 128
_SHORT_FOLDER = "/tmp"  # noqa: S108 - a private folder is created in it


def listen(folder: Path) -> Listener:
    """Listen in a folder that only this user can enter; raises `OSError`."""
    with _short(folder / NAME) as address:
        return Listener(address, "AF_UNIX", backlog=_BACKLOG)


def connect(address: str, key: bytes) -> Connection:
    """Connect to the controller and present the key; raises `OSError`."""
    with _short(Path(address)) as short:
        connection = Client(short, "AF_UNIX")
    connection.send_bytes(key)
    return connection


def is_admitted(connection: Connection, key: bytes, seconds: float = HANDSHAKE_SECONDS) -> bool:
    """Whether the other side presents the key within `seconds`; otherwise its connection is shut down."""
    end = threading.Timer(seconds, _shut, (connection,))
    end.daemon = True
    end.start()
    try:
        return hmac.compare_digest(connection.recv_bytes(len(key)), key)
    except (EOFError, OSError):
        return False
    finally:
        end.cancel()


def _shut(connection: Connection) -> None:
    """End a read from the connection in another thread."""
    with suppress(OSError), socket.fromfd(connection.fileno(), socket.AF_UNIX, socket.SOCK_STREAM) as duplicate:
        duplicate.shutdown(socket.SHUT_RDWR)


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """A name for the socket that the system accepts: its own or, if too long, one through a temporary link."""
    if len(bytes(path)) <= _LONGEST:
        yield str(path)
        return
    with tempfile.TemporaryDirectory(prefix="kindgate-", dir=_SHORT_FOLDER) as folder:
        link = Path(folder) / "run"
        link.symlink_to(path.parent.absolute())
        yield str(link / path.name)
