"""A loopback nginx as the target of load generators: one worker, a four-byte response, a long backlog."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import requests

from kindgate.waiting import Deadline, Pending, Ready, wait_for

BACKLOG = 4096

_CONFIGURATION = """\
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 16384; multi_accept on; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 300s;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} backlog={backlog};
    location / {{ default_type text/plain; return 200 "foo\\n"; }}
    location /login {{ default_type application/json; return 200 '{{"token": "c2VjcmV0"}}'; }}
    location /status {{ stub_status; }}
  }}
}}
"""


@dataclass(frozen=True)
class Nginx:
    """A running server; `pids` are its master and its worker."""

    url: str
    pids: tuple[int, ...]

    def cpu_seconds(self) -> float:
        """Return its CPU time so far, in seconds."""
        times = [psutil.Process(pid).cpu_times() for pid in self.pids]
        return float(sum(part.user + part.system for part in times))

    def answered(self) -> int:
        """Return the number of requests it has answered."""
        words = requests.get(self.url + "status", timeout=5).text.split()
        return int(words[words.index("requests") + 3])


@contextmanager
def running_nginx(program: Path) -> Iterator[Nginx]:
    """Run this nginx on a free loopback port."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        configuration = Path(folder) / "nginx.conf"
        configuration.write_text(_CONFIGURATION.format(folder=folder, port=port, backlog=BACKLOG))
        command = [str(program), "-c", str(configuration), "-p", folder, "-e", f"{folder}/error.log"]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                pids = wait_for("nginx to listen", lambda: _listening(process.pid, port), Deadline.after(10), interval=0.05)
                yield Nginx(f"http://127.0.0.1:{port}/", pids)
            finally:
                process.terminate()


def _listening(pid: int, port: int) -> Ready[tuple[int, ...]] | Pending:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return Ready((pid, *(child.pid for child in psutil.Process(pid).children())))
    except OSError as error:
        return Pending(str(error))


@dataclass
class Freezer:
    """Stops a server for `planned` seconds, `after` seconds into the load; `seconds` is the real length by its own clock."""

    server: Nginx
    planned: float
    after: float
    seconds: float = 0.0

    @contextmanager
    def armed(self) -> Iterator[None]:
        """Watch for requests inside the block; on exit, wait until the server runs again."""
        ended = threading.Event()
        thread = threading.Thread(target=self._freeze, args=(self.server.answered(), ended))
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _freeze(self, answered_before: int, ended: threading.Event) -> None:
        own_requests = 1
        while not ended.is_set() and self.server.answered() - answered_before - own_requests < 50:
            own_requests += 1
            ended.wait(0.02)
        ended.wait(self.after)
        for pid in self.server.pids:
            os.kill(pid, signal.SIGSTOP)
        stopped = time.monotonic()
        threading.Event().wait(self.planned)
        for pid in self.server.pids:
            os.kill(pid, signal.SIGCONT)
        self.seconds = time.monotonic() - stopped
