"""A Python that has imported what tests run, and forks for each of them: `python -m tests.unit.forked.server FOLDER`.

It has a single thread, so its forks are complete. A fork gets the client's descriptors, environment, folder, arguments and
signals, and ends as Python does. The server ends with its last session.
"""

from __future__ import annotations

import gc
import marshal
import os
import selectors
import signal
import socket
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

from tests.unit.forked.imports import facts, preload
from tests.unit.forked.process import ExitHandler, ProcessRequest, become, run


class Server:
    """Forks for each order; sessions are connections of clients that may order later."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ)
        self._sessions: set[socket.socket] = set()
        self._forks: dict[socket.socket, int] = {}
        self._wake_receiver, self._wake_sender = socket.socketpair()
        self._selector.register(self._wake_receiver, selectors.EVENT_READ)

    def serve(self) -> ProcessRequest | None:
        """Return the order in a fork, or None in the server once no sessions remain."""
        for item in (self._wake_receiver, self._wake_sender):
            item.setblocking(False)  # noqa: FBT003 - its only parameter
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.set_wakeup_fd(self._wake_sender.fileno())
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._listener:
                    request = self._accept()
                    if request:
                        return request
                elif key.fileobj is self._wake_receiver:
                    with suppress(BlockingIOError):
                        self._wake_receiver.recv(4096)
                    self._reap()
                elif isinstance(key.fileobj, socket.socket):
                    self._forward_signals(key.fileobj)
            if not self._sessions:
                for pid in self._forks.values():  # left behind by tests
                    os.kill(pid, signal.SIGKILL)
                return None

    def _accept(self) -> ProcessRequest | None:
        """Fork for an order, or register a session."""
        client, _ = self._listener.accept()
        client.settimeout(30)
        try:
            head, received, _flags, _address = socket.recv_fds(client, 4, 253)
            length = int.from_bytes(head, "big")
            text = b""
            while len(text) < length and (more := client.recv(length - len(text))):
                text += more
            if not length:
                client.sendall(b"!")
        except OSError:
            client.close()
            return None
        if not head or len(text) < length:
            client.close()
            return None
        if not length:
            self._sessions.add(client)
        else:
            pid = os.fork()
            if not pid:
                self._close_server_descriptors(client)
                targets, *rest = marshal.loads(text)  # from a client of ours
                return ProcessRequest(targets, received, *rest)
            for number in received:
                os.close(number)
            self._forks[client] = pid
        self._selector.register(client, selectors.EVENT_READ)
        return None

    def _close_server_descriptors(self, client: socket.socket) -> None:
        """Close the server's descriptors in a fork."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._selector.close()
        for item in (self._listener, self._wake_receiver, self._wake_sender, client, *self._sessions, *self._forks):
            item.close()

    def _forward_signals(self, client: socket.socket) -> None:
        """Forward signals; if the client is gone, it was killed, so kill its fork."""
        numbers = b""
        with suppress(OSError):
            numbers = client.recv(64)
        pid = self._forks.get(client)
        if numbers and pid:
            for number in numbers:
                os.kill(pid, number)
        elif pid:
            os.kill(pid, signal.SIGKILL)
            self._selector.unregister(client)
        else:
            self._sessions.discard(client)
            self._selector.unregister(client)
            client.close()

    def _reap(self) -> None:
        """Report to clients how their forks ended."""
        for client, pid in list(self._forks.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                del self._forks[client]
                with suppress(KeyError):  # its client is gone
                    self._selector.unregister(client)
                with suppress(OSError):
                    client.sendall(os.waitstatus_to_exitcode(status).to_bytes(4, "big", signed=True))
                client.close()


def main(folder: Path) -> tuple[ProcessRequest, str, list[str]]:
    """Import, write the socket's address, and serve until a fork returns its order."""
    environment = preload()
    address = str(Path(tempfile.mkdtemp(prefix="forks-")) / "s")
    server_facts = facts(address, environment)
    python = folder / "python"
    start = f"import sys\nsys.path.insert(0, {str(Path(__file__).parent)!r})\nimport client\nclient.main({str(folder)!r}, sys.argv[1:])\n"
    python.write_text(f"#!{sys.executable} -IS\n{start}")
    python.chmod(0o755)
    (folder / "facts").write_bytes(marshal.dumps(server_facts))
    gc.collect()
    gc.freeze()
    if threading.active_count() > 1:
        sys.exit(f"a fork would lack the threads {threading.enumerate()}")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(128)
        print("ready", flush=True)  # noqa: T201 - whoever started it waits for this
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 1)
        os.close(null)
        request = Server(listener).serve()
    if request is None:
        Path(address).unlink()
        Path(address).parent.rmdir()
        sys.exit()
    path = server_facts["path"]
    assert isinstance(path, list)
    return request, str(python), path


if __name__ == "__main__":
    _exit_handler = ExitHandler()
    _request, _python, _path = main(Path(sys.argv[1]))
    become(_request, _python, _path)
    run(_request, _exit_handler)
