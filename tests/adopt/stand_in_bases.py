"""Stand-ins for Dockerfiles' base images, made from Debian packages if no registry has the real ones.

They contain what the instructions of an application's Dockerfile need: Python and pip, a Go compiler, nginx. An image
is tagged in the local engine only while needed; its layers are kept there for reuse.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from kindgate.host.container_engine import Engine, find_engine
from kindgate.host.paths import cache_dir
from kindgate.images.build.catalogue import Debian
from kindgate.images.build.debian import root_filesystem
from kindgate.waiting import Deadline

SECONDS = 900.0
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
KEPT = "kindgate.local/stand-in"
DEBIAN = Debian(suite="bookworm", packages=("adduser", "ca-certificates"))

INSTALL = "RUN mkdir -p /var/log/apt /usr/share/man/man1 && apt-get update && apt-get install -y --no-install-recommends"
SITE = "server { listen 80; root /usr/share/nginx/html; index index.html; }"
INSTRUCTIONS = {
    "debian": "",
    "python": f"{INSTALL} python3 python3-pip python3-venv && rm -f /usr/lib/python3*/EXTERNALLY-MANAGED && ln -s python3 /usr/bin/python\n"
    f"ENV PIP_CERT={CERTIFICATES}\n",
    "golang": f"{INSTALL} golang-go git\nENV GOFLAGS=-buildvcs=false\nWORKDIR /go\n",
    "nginx": f"{INSTALL} nginx-light && rm /etc/nginx/sites-enabled/default && mkdir -p /usr/share/nginx/html"
    f" && echo '{SITE}' > /etc/nginx/conf.d/default.conf\n"
    'EXPOSE 80\nCMD ["nginx", "-g", "daemon off;"]\n',
}
"""The Dockerfile that makes an image of this name out of Debian."""


@contextmanager
def bases(names: Sequence[str], folder: Path) -> Iterator[None]:
    """Provide every image of `names` (`python:3.11-slim`) in the engine: pulled, or made in `folder` and untagged afterwards."""
    engine, deadline = find_engine(Deadline.after(60)), Deadline.after(SECONDS)
    created = [name for name in names if not _is_there(engine, name, deadline)]
    for name in created:
        engine.run("tag", _stand_in(engine, name.partition(":")[0].rpartition("/")[2], folder, deadline), name, deadline=deadline)
    try:
        yield
    finally:
        for name in created:
            engine.run("rmi", name, deadline=Deadline.after(60), check=False)


def _is_there(engine: Engine, name: str, deadline: Deadline) -> bool:
    found = engine.run("image", "inspect", name, deadline=deadline, check=False).returncode == 0
    return found or engine.run("pull", "--quiet", name, deadline=deadline, check=False).returncode == 0


def _stand_in(engine: Engine, kind: str, folder: Path, deadline: Deadline) -> str:
    """The kept image of a kind, built if missing."""
    name = f"{KEPT}-{kind}:{DEBIAN.suite}"
    if kind == "debian":
        if engine.run("image", "inspect", name, deadline=deadline, check=False).returncode:
            _import_debian(engine, name, folder, deadline)
        return name
    context = folder / kind
    context.mkdir(parents=True, exist_ok=True)
    (context / "Dockerfile").write_text(f"FROM {_stand_in(engine, 'debian', folder, deadline)}\n{INSTRUCTIONS[kind]}")
    engine.run("build", "--tag", name, str(context), deadline=deadline)  # the engine's own build cache avoids repeated work
    return name


def _import_debian(engine: Engine, name: str, folder: Path, deadline: Deadline) -> None:
    """Debian's root filesystem with this machine's trusted CA certificates, because its network may use a private one."""
    root, archive = root_filesystem(DEBIAN, cache_dir() / "debian", print, deadline), folder / "debian.tar"
    subprocess.run(["tar", "-C", str(root), "-cf", str(archive), f"--exclude=.{CERTIFICATES}", "."], check=True, timeout=SECONDS)
    if Path(CERTIFICATES).is_file():
        subprocess.run(["tar", "-C", "/", "-rf", str(archive), f".{CERTIFICATES}"], check=True, timeout=SECONDS)
    engine.run("import", "--change", "CMD bash", str(archive), name, deadline=deadline)
    archive.unlink()
