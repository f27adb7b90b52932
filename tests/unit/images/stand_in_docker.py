"""A stand-in for `docker` that responds from tables in a folder: `stand_in_docker.py FOLDER ARGUMENTS...`."""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path


def main(folder: Path, arguments: list[str]) -> int:  # noqa: PLR0911  # a table of the commands that it knows
    """Record one command line and respond to it."""
    with (folder / "calls").open("a") as log:
        log.write(json.dumps(arguments) + "\n")
    match arguments:
        case ["exec", "-i", node, *command] | ["exec", node, *command]:
            return execute(folder, node, command)
        case ["ctr", node, *_, "import", "--local", "--no-unpack", "-"]:
            return import_archive(folder, node)
        case ["ctr", node, *_, "ls", "-q", _]:
            names = folder / f"node-{node}"
            return respond(names.read_text()) if names.exists() else 0
        case ["image", "inspect", "--format", "{{json .RepoDigests}}", name]:
            return respond(json.dumps([f"{name.rpartition(':')[0]}@sha256:{'d' * 64}"]))
        case ["image", "inspect", "--format", _, name]:
            return inspect(folder, name)
        case ["info", "--format", "{{json .DriverStatus}}"]:
            return respond(
                '[["driver-type","io.containerd.snapshotter.v1"]]' if keeps_digests(folder) else '[["Native Overlay Diff","true"]]'
            )
        case ["save", "-o", path, identity]:
            return save_layout(folder, Path(path), identity) if keeps_digests(folder) else save(folder, Path(path), identity)
        case ["manifest", "inspect", *_, name] | ["pull", "--quiet", name]:
            return query_registry(folder, name, pulled=arguments[0] == "pull")
    return fail(f"the stand-in does not know {arguments}")


def inspect(folder: Path, name: str) -> int:
    """Print an image's ID: a hash of its text, or with the containerd store the digest of its manifest."""
    text = table(folder, "images").get(name)
    if text is None:
        return fail(f"Error: No such image: {name}")
    return respond(f"sha256:{digest(manifest_of(text) if keeps_digests(folder) else text.encode())}")


def keeps_digests(folder: Path) -> bool:
    """Return whether the test switched the engine to Docker's containerd image store."""
    return (folder / "containerd-store").exists()


def manifest_of(text: str) -> bytes:
    """Return the registry's manifest of the image with this text as its only layer."""
    config = json.dumps({"os": "linux", "text": text}).encode()
    kinds = ((config, "config"), (text.encode(), "layer"))
    parts = [{"mediaType": f"x/{kind}", "digest": f"sha256:{digest(content)}", "size": len(content)} for content, kind in kinds]
    return json.dumps({"schemaVersion": 2, "config": parts[0], "layers": parts[1:]}).encode()


def save_layout(folder: Path, path: Path, identity: str) -> int:
    """Write the archive that Docker writes with its containerd store: it has the registry's own manifest."""
    text = next(text for text in table(folder, "images").values() if f"sha256:{digest(manifest_of(text))}" == identity)
    blobs = [manifest_of(text), json.dumps({"os": "linux", "text": text}).encode(), text.encode()]
    descriptor = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": identity, "size": len(blobs[0])}
    files = {f"blobs/sha256/{digest(blob)}": blob for blob in blobs}
    write(path, {**files, "index.json": json.dumps({"manifests": [descriptor]}).encode()})
    return 0


def write(path: Path, files: dict[str, bytes]) -> None:
    """Write a tar with these files."""
    with tarfile.open(path, "w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def save(folder: Path, path: Path, identity: str) -> int:
    """Write the archive that Docker before version 25 writes for an image saved by its ID."""
    text = next(text for text in table(folder, "images").values() if f"sha256:{digest(text.encode())}" == identity)
    config = json.dumps({"os": "linux", "text": text}).encode()
    manifest = [{"Config": f"{digest(config)}.json", "RepoTags": None, "Layers": ["abc/layer.tar"]}]
    files = {"manifest.json": json.dumps(manifest).encode(), f"{digest(config)}.json": config, "abc/layer.tar": text.encode()}
    write(path, files)
    return 0


def query_registry(folder: Path, name: str, *, pulled: bool) -> int:
    """Return or reject an image according to the tables; a pulled one is added to the engine's store."""
    if name in table(folder, "refusals"):
        return fail(table(folder, "refusals")[name])
    if name not in table(folder, "registry"):
        return fail(f"Error response from daemon: manifest for {name} not found: manifest unknown: manifest unknown")
    if pulled:
        with (folder / "images.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # images are pulled concurrently
            new = folder / "images.new"
            new.write_text(json.dumps({**table(folder, "images"), name: name}))
            new.replace(folder / "images.json")  # readers take no lock
    return respond("{}")


def execute(folder: Path, node: str, command: list[str]) -> int:
    """Run a command as in a node: /kind is a folder of the node, and `ctr` is this program."""
    programs, kind_folder = folder / f"bin-{node}", folder / f"kind-{node}"
    programs.mkdir(exist_ok=True)
    kind_folder.mkdir(exist_ok=True)
    ctr = programs / "ctr"
    if not ctr.exists():
        ctr.write_text(f'#!/bin/sh\nexec {sys.executable} -S {__file__} {folder} ctr {node} "$@"\n')
        ctr.chmod(0o755)
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
    return subprocess.run([argument.replace("/kind/", f"{kind_folder}/") for argument in command], env=environment, check=False).returncode


def import_archive(folder: Path, node: str) -> int:
    """Import the names in an OCI layout from standard input; a node named broken imports none."""
    if "broken" in node:
        return fail("ctr: rpc error: no space left on device")
    with tarfile.open(fileobj=sys.stdin.buffer, mode="r|") as tar:
        for member in tar:
            file = tar.extractfile(member)
            if member.name == "index.json" and file:
                names = [entry["annotations"]["io.containerd.image.name"] for entry in json.load(file)["manifests"]]
    (folder / f"node-{node}").write_text("\n".join(names))
    return respond("unpacking nothing")


def table(folder: Path, name: str) -> dict[str, str]:
    """Return one of the tables; empty if the test wrote none."""
    file = folder / f"{name}.json"
    return dict(json.loads(file.read_text())) if file.exists() else {}


def digest(content: bytes) -> str:
    """Return the hexadecimal part of a digest."""
    return hashlib.sha256(content).hexdigest()


def fail(text: str) -> int:
    """Exit as Docker does on an error."""
    sys.stderr.write(f"{text}\n")
    return 1


def respond(text: str) -> int:
    """Print a response and exit as Docker does."""
    sys.stdout.write(f"{text}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
