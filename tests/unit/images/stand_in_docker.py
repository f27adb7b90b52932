"""Answers as `docker` does, from tables in a folder: `stand_in_docker.py FOLDER ARGUMENTS...`."""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path


def main(folder: Path, arguments: list[str]) -> int:  # noqa: PLR0911  # a table of the commands that it knows
    """Answer one command line, and write it down."""
    with (folder / "calls").open("a") as log:
        log.write(json.dumps(arguments) + "\n")
    match arguments:
        case ["exec", node, "cat", _]:
            record = folder / f"record-{node}"
            return tell(record.read_text()) if record.exists() else fail("cat: no such file")
        case ["exec", "-i", node, "tee", _]:
            (folder / f"record-{node}").write_text(sys.stdin.read())
            return 0
        case ["exec", *_, "-"] | ["exec", *_, "-q", _]:
            return in_node(folder / f"node-{next(name for name in arguments[1:] if name != '-i')}", taking=arguments[-1] == "-")
        case ["image", "inspect", "--format", "{{json .RepoDigests}}", name]:
            return tell(json.dumps([f"{name.rpartition(':')[0]}@sha256:{'d' * 64}"]))
        case ["image", "inspect", "--format", _, name]:
            return inspect(folder, name)
        case ["save", "-o", path, identity]:
            return save(folder, Path(path), identity)
        case ["manifest", "inspect", *_, name] | ["pull", "--quiet", name]:
            return ask_registry(folder, name, pulled=arguments[0] == "pull")
    return fail(f"the stand-in does not know {arguments}")


def inspect(folder: Path, name: str) -> int:
    """The ID of an image: made from its text."""
    text = table(folder, "images").get(name)
    if text is None:
        return fail(f"Error: No such image: {name}")
    return tell(f"sha256:{digest(text.encode())}")


def save(folder: Path, path: Path, identity: str) -> int:
    """Write what Docker before version 25 writes for an image that is saved by its ID."""
    text = next(text for text in table(folder, "images").values() if f"sha256:{digest(text.encode())}" == identity)
    config = json.dumps({"os": "linux", "text": text}).encode()
    manifest = [{"Config": f"{digest(config)}.json", "RepoTags": None, "Layers": ["abc/layer.tar"]}]
    with tarfile.open(path, "w") as tar:
        for name, content in (
            ("manifest.json", json.dumps(manifest).encode()),
            (f"{digest(config)}.json", config),
            ("abc/layer.tar", text.encode()),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return 0


def ask_registry(folder: Path, name: str, *, pulled: bool) -> int:
    """Give or refuse an image as the tables say; a pulled one is in the engine's store afterwards."""
    if name in table(folder, "refusals"):
        return fail(table(folder, "refusals")[name])
    if name not in table(folder, "registry"):
        return fail(f"Error response from daemon: manifest for {name} not found: manifest unknown: manifest unknown")
    if pulled:
        with (folder / "images.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # images are pulled side by side
            (folder / "images.json").write_text(json.dumps({**table(folder, "images"), name: name}))
    return tell("{}")


def in_node(node: Path, *, taking: bool) -> int:
    """Take the names of an OCI layout from standard input, or list what was taken; a node that is called broken takes none."""
    if not taking:
        return tell(node.read_text() if node.exists() else "")
    if "broken" in node.name:
        return fail("ctr: rpc error: no space left on device")
    with tarfile.open(fileobj=sys.stdin.buffer, mode="r|") as tar:
        for member in tar:
            file = tar.extractfile(member)
            if member.name == "index.json" and file:
                names = [entry["annotations"]["io.containerd.image.name"] for entry in json.load(file)["manifests"]]
    node.write_text("\n".join(names))
    return 0


def table(folder: Path, name: str) -> dict[str, str]:
    """One of the tables; empty when the test wrote none."""
    file = folder / f"{name}.json"
    return dict(json.loads(file.read_text())) if file.exists() else {}


def digest(content: bytes) -> str:
    """The hexadecimal part of a digest."""
    return hashlib.sha256(content).hexdigest()


def fail(words: str) -> int:
    """End as Docker does when it refuses."""
    sys.stderr.write(f"{words}\n")
    return 1


def tell(words: str) -> int:
    """End as Docker does when it answers."""
    sys.stdout.write(f"{words}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
