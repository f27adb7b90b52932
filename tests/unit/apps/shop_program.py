"""The shop's server as a program on this machine, with a PostgreSQL of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from kindgate.assets import manifests
from kindgate.host.binaries import provide_binary
from kindgate.host.paths import cache_dir
from kindgate.images.build.catalogue import read_catalogue
from kindgate.waiting import Deadline, Pending, PermanentFailure, Ready, wait_for

SECONDS = 60.0
"""Time limit of each step."""

_IMAGES = manifests() / "images"


@dataclass
class Shop:
    """A running server, or one that was running; `token` is that of a user who is logged in."""

    url: str
    process: subprocess.Popen[str]
    session: requests.Session = field(default_factory=requests.Session)

    def get(self, path: str, **more: Any) -> requests.Response:
        """Request a path."""
        return self.session.get(self.url + path, timeout=SECONDS, **more)

    def post(self, path: str, body: object, **more: Any) -> requests.Response:
        """Send a JSON body."""
        return self.session.post(self.url + path, json=body, timeout=SECONDS, **more)

    def log_in(self, number: int = 1) -> None:
        """Log in as one of the users; later requests carry the token."""
        answer = self.post("/login", {"email": f"user-{number:03d}@shop.example", "password": f"password-{number:03d}"})
        self.session.headers["Authorization"] = f"Bearer {answer.json()['token']}"


def compiled_shop() -> Path:
    """The server's program, compiled as its image's is, and kept as that is."""
    recipe = read_catalogue(_IMAGES / "catalogue.yaml").recipe("shop", _IMAGES)
    return provide_binary(recipe, cache=cache_dir() / "binaries", seed=None, deadline=Deadline.after(600), progress=print)


@contextmanager
def running_shop(program: Path, database: Mapping[str, str], *, until_ready: bool = True, **variables: str) -> Iterator[Shop]:
    """Run the server on `database`; without a time to start or drain unless `variables` say otherwise."""
    port = free_port()
    environment = {
        "SHOP_ADDRESS": f"127.0.0.1:{port}",
        "SHOP_TOKEN_KEY": "a key for unit tests",
        "SHOP_STARTUP": "0s",
        "SHOP_DRAIN": "0s",
        **database,
        **variables,
    }
    with subprocess.Popen([program], env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            shop = Shop(f"http://127.0.0.1:{port}", process)
            wait_for("the shop", lambda: _probe(shop, "/readyz" if until_ready else "/livez"), Deadline.after(SECONDS), interval=0.02)
            yield shop
        finally:
            process.kill()


@contextmanager
def running_database() -> Iterator[Mapping[str, str]]:
    """Run an empty database; yields the variables that name it to PostgreSQL's clients."""
    # PostgreSQL refuses to run as root, and other users cannot enter pytest's own folders
    user = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else os.geteuid()
    folder, port = Path(tempfile.mkdtemp(prefix="kindgate-shop-")), free_port()
    os.chown(folder, user, -1)
    data, log = folder / "data", folder / "log"
    try:
        subprocess.run(
            ["initdb", "--pgdata", data, "--username=shop", "--auth=trust", "--encoding=UTF8", "--no-sync"],
            user=user, check=True, capture_output=True, timeout=SECONDS,
        )  # fmt: skip
        options = ("-cfsync=off", "-clisten_addresses=127.0.0.1", f"-cunix_socket_directories={folder}", f"-cport={port}")
        with log.open("w") as output, subprocess.Popen(["postgres", "-D", data, *options], user=user, stderr=output) as process:
            try:
                wait_for("PostgreSQL", lambda: _connection(process, port, log), Deadline.after(SECONDS), interval=0.05)
                yield {"PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": "shop", "PGDATABASE": "postgres"}
            finally:
                process.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown
    finally:
        shutil.rmtree(folder)


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _probe(shop: Shop, path: str) -> Ready[None] | Pending | PermanentFailure:
    if shop.process.poll() is not None:
        return PermanentFailure(f"it ended with code {shop.process.returncode}")
    try:
        status = shop.get(path).status_code
    except requests.ConnectionError as error:
        return Pending(str(error))
    return Ready(None) if status == requests.codes.ok else Pending(f"{path} answers {status}")


def _connection(process: subprocess.Popen[bytes], port: int, log: Path) -> Ready[None] | Pending | PermanentFailure:
    if process.poll() is not None:
        return PermanentFailure(f"it ended: {log.read_text()}")
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError as error:
        return Pending(str(error))
    return Ready(None)
