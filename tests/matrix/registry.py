"""A real registry (distribution) on loopback with every image of a run, with or without login."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
import yaml

from kindgate.assets import manifests
from kindgate.host.container_engine import Engine
from kindgate.images.archive import read_archive
from kindgate.images.image_lock import read_lock
from kindgate.images.image_reference import LOCAL_REGISTRY, ImageReference
from kindgate.images.oci_layout import Blob
from kindgate.waiting import Deadline, Pending, Ready, wait_for
from tests.matrix.cell import current_python, run

USER, PASSWORD = "kindgate", "matrix"

_HTPASSWD = f"{USER}:$2a$05$cJzK.QTqdmpRu4VtM8.zCeioUNaWWPQUbSY5ax3BXNsQsbTLcTXFG\n"
"""PASSWORD hashed with bcrypt, the only format that the registry accepts."""

_SECONDS = 900.0


class RegistryUnavailable(Exception):
    """The registry is unavailable on this machine, or an image cannot be pushed to it."""


@dataclass(frozen=True)
class Registry:
    """A registry listening at `host` (`127.0.0.1:PORT`)."""

    host: str
    login: bool

    @property
    def auth(self) -> tuple[str, str] | None:
        """The client's credentials."""
        return (USER, PASSWORD) if self.login else None

    def push(self, name: ImageReference, archive: Path) -> None:
        """Upload the image of this name from an archive, blob by blob (OCI distribution-spec 1.1, "Pushing")."""
        (image,) = (image for image in read_archive(archive) if name in image.names)
        for blob in image.blobs:
            self._upload(name, blob)
        with image.manifest.opened() as content:
            response = requests.put(
                self._url(name, f"manifests/{name.tag}"),
                data=content.read(image.manifest.size),
                headers={"Content-Type": image.manifest.media_type},
                auth=self.auth,
                timeout=60,
            )
        response.raise_for_status()

    def _upload(self, name: ImageReference, blob: Blob) -> None:
        upload = requests.post(self._url(name, "blobs/uploads/"), auth=self.auth, timeout=60)
        upload.raise_for_status()
        with blob.opened() as content:
            response = requests.put(
                upload.headers["Location"],
                params={"digest": blob.digest},
                data=content.read(blob.size),
                headers={"Content-Type": "application/octet-stream"},
                auth=self.auth,
                timeout=300,
            )
        response.raise_for_status()

    def _url(self, name: ImageReference, path: str) -> str:
        return f"http://{self.host}/v2/{name.repository}/{path}"


@contextmanager
def run_registry(folder: Path, *, login: bool) -> Iterator[Registry]:
    """Run a registry during the block; raises `RegistryUnavailable` if its program is unavailable."""
    program = _program(folder)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{probe.getsockname()[1]}"
    configuration: dict[str, object] = {
        "version": 0.1,
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": host},
    }
    if login:
        (folder / "htpasswd").write_text(_HTPASSWD)
        configuration["auth"] = {"htpasswd": {"realm": "kindgate", "path": str(folder / "htpasswd")}}
    (folder / "config.yml").write_text(yaml.safe_dump(configuration))
    with (folder / "registry.log").open("w") as log:
        server = subprocess.Popen([program, "serve", folder / "config.yml"], stdout=log, stderr=log)

    def probe_registry() -> Ready[None] | Pending:
        try:
            return Ready(None) if requests.get(f"http://{host}/v2/", timeout=5).status_code in {200, 401} else Pending("another answer")
        except requests.RequestException as error:
            return Pending(str(error))

    try:
        wait_for("the registry answers", probe_registry, deadline=Deadline.after(30))
        yield Registry(host, login)
    finally:
        server.terminate()
        server.wait()


def push_images(registry: Registry, engine: Engine, folder: Path) -> None:
    """Build and push every image of the lock; raises `RegistryUnavailable` with the end of the output if one fails."""
    images = manifests() / "images"
    lock = read_lock(images / "images.lock")
    node = _command([current_python().with_name("kindgate"), "images", "warm", "--image-source", "build"], folder).splitlines()
    node_image = next((line.removeprefix("node image ") for line in node if line.startswith("node image ")), "")
    wanted = ImageReference.parse(lock.node.image)
    pushed = f"{registry.host}/{wanted.repository}:{wanted.tag}"
    deadline = Deadline.after(_SECONDS)
    engine.run("tag", node_image, pushed, deadline=deadline)
    try:
        engine.run("push", "--quiet", pushed, deadline=deadline)
    finally:
        engine.run("rmi", pushed, deadline=deadline, check=False)
    for text, entry in lock.images.items():
        name = ImageReference.parse(text)
        if entry.build and name.registry != LOCAL_REGISTRY:
            archive = folder / "image.tar"
            _command([current_python().with_name("kindgate"), "images", "build", text, archive], folder)
            registry.push(name, archive)


def clone_without_digests(source: Path, folder: Path) -> Path:
    """A clone whose lock has no digests, because the images in this registry have different ones."""
    clone = folder / "clone"
    _command(["git", "clone", "--quiet", source, clone], folder)
    file = clone / "k8s" / "images" / "images.lock"
    document = yaml.safe_load(file.read_text())
    for entry in (document["node"], *document["images"].values()):
        entry.pop("digest", None)
        entry.pop("digest_from", None)
    file.write_text(yaml.safe_dump(document))
    return clone


def engine_login(registry: Registry, folder: Path) -> Mapping[str, str]:
    """Environment variables that give the engine's client the login."""
    (folder / "docker").mkdir()
    token = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    (folder / "docker" / "config.json").write_text(json.dumps({"auths": {registry.host: {"auth": token}}}))
    return {"DOCKER_CONFIG": str(folder / "docker")}


def _program(folder: Path) -> Path:
    """Distribution's registry: on PATH, or unpacked from Debian's package without installing it."""
    executable = shutil.which("docker-registry")
    if executable:
        return Path(executable)
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise RegistryUnavailable("docker-registry is not installed, and apt cannot fetch it")
    folder.mkdir(parents=True, exist_ok=True)
    _command(["apt-get", "download", "-qq", "docker-registry"], folder, cwd=folder)
    (package,) = folder.glob("docker-registry_*.deb")
    _command(["dpkg-deb", "--extract", package, folder / "package"], folder)
    return folder / "package" / "usr" / "bin" / "docker-registry"


def _command(command: list[str | Path], folder: Path, cwd: Path | None = None) -> str:
    log = folder / "commands"
    code, output = run(command, log) if cwd is None else run(command, log, cwd=cwd)
    (log / "log").unlink()
    if code:
        raise RegistryUnavailable(f"{' '.join(map(str, command))} ended with {code}: {output[-400:]}")
    return output
