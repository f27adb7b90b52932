"""A container engine's command and a kind that keep containers as files: real processes, and no engine needed.

Called as `stand_in.py docker|kind ROOT ARGUMENTS...`, without site packages, which makes it quick. ROOT holds
`containers/` (one JSON file each), `names/` (one file each, created exclusively: the engine's promise that names are
unique), `networks/` and `images/`. `deaf` names nodes that reach no ClusterIP. `kind-says` holds what kind says and
fails with, one line for each call; with `kind-hangs` it hangs after it has created its containers and says so by
`hanging`; `api` is the API server's URL.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def docker(root: Path, arguments: list[str]) -> int:
    """Do one command of the engine; returns its exit code."""
    code = 0
    match arguments:
        case ["image", "inspect", "--format", "{{.Id}}", image]:
            code = image_id(root, image)
        case ["create", *rest]:
            code = create(root, rest)
        case ["ps", *rest]:
            say("\n".join(container["Id"] for container in containers(root) if matches(container, rest)))
        case ["container", "inspect", *ids]:
            say(json.dumps([container for container in containers(root) if container["Id"] in ids]))
        case ["rm", *rest]:
            code = remove(root, [part for part in rest if not part.startswith("--")])
        case ["network", "rm", name]:
            code = remove_network(root, name)
        case ["exec", node, "curl", *_]:
            code = curl(root, node)
        case _:
            code = complain(f"unknown command: {arguments}")
    return code


def say(text: str) -> None:
    """Write to standard output."""
    sys.stdout.write(text + "\n")


def complain(text: str) -> int:
    """Write to standard error, and return the exit code for it."""
    sys.stderr.write(text + "\n")
    return 1


def image_id(root: Path, image: str) -> int:
    """Print the image's id."""
    file = root / "images" / image.replace("/", "_")
    if not file.exists():
        return complain(f"Error response from daemon: No such image: {image}")
    say(file.read_text(encoding="utf-8"))
    return 0


def create(root: Path, arguments: list[str]) -> int:
    """Create a container that does not run."""
    name = arguments[arguments.index("--name") + 1]
    labels = dict(arguments[index + 1].partition("=")[::2] for index, argument in enumerate(arguments) if argument == "--label")
    return 0 if add(root, name, labels, running=False) else 1


def add(root: Path, name: str, labels: dict[str, str], *, running: bool) -> bool:
    """Add a container and print its id; False if the name is in use."""
    try:
        (root / "names" / name).open("x").close()
    except FileExistsError:
        complain(f'Error response from daemon: Conflict. The container name "/{name}" is already in use')
        return False
    identity = secrets.token_hex(32)
    described = {"Id": identity, "Name": f"/{name}", "State": {"Running": running}, "Config": {"Labels": labels}}
    (root / "containers" / identity).write_text(json.dumps(described), encoding="utf-8")
    say(identity)
    return True


def containers(root: Path) -> Iterator[dict[str, Any]]:
    """Every container."""
    for file in sorted((root / "containers").iterdir()):
        try:
            yield json.loads(file.read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            continue


def matches(container: dict[str, Any], arguments: list[str]) -> bool:
    """Whether the container passes `--filter`."""
    subject, _, wanted = arguments[arguments.index("--filter") + 1].partition("=")
    if subject == "name":
        return re.search(wanted, container["Name"]) is not None
    label, equals, value = wanted.partition("=")
    labels = container["Config"]["Labels"]
    return label in labels and (not equals or labels[label] == value)


def remove(root: Path, ids: list[str]) -> int:
    """Remove containers; one that is not there fails the command."""
    code = 0
    for identity in ids:
        file = root / "containers" / identity
        try:
            name = json.loads(file.read_text(encoding="utf-8"))["Name"].removeprefix("/")
            file.unlink()
        except FileNotFoundError:
            complain(f"Error response from daemon: No such container: {identity}")
            code = 1
            continue
        (root / "names" / name).unlink(missing_ok=True)
    return code


def remove_network(root: Path, name: str) -> int:
    """Remove a network; one that is not there fails the command."""
    try:
        (root / "networks" / name).unlink()
    except FileNotFoundError:
        return complain(f"Error response from daemon: network {name} not found")
    return 0


def curl(root: Path, node: str) -> int:
    """The ClusterIP answers from every node but those named in `deaf`."""
    deaf = root / "deaf"
    if deaf.exists() and node in deaf.read_text(encoding="utf-8").split():
        complain("curl: (28) Connection timed out")
        return 28
    return 0


def kind(root: Path, arguments: list[str]) -> int:
    """Create a cluster whose nodes are containers of the stand-in engine; returns the exit code."""
    name, config, kubeconfig = (arguments[arguments.index(option) + 1] for option in ("--name", "--config", "--kubeconfig"))
    (root / "networks" / os.environ["KIND_EXPERIMENTAL_DOCKER_NETWORK"]).touch()
    workers = 0
    for role in re.findall(r"role: (\S+)", Path(config).read_text(encoding="utf-8")):
        workers += role == "worker"
        labels = {"io.x-k8s.kind.cluster": name, "io.x-k8s.kind.role": role}
        add(root, f"{name}-{role}" + (str(workers) if workers > 1 else ""), labels, running=True)
    says = root / "kind-says"
    if says.exists() and (lines := says.read_text(encoding="utf-8").splitlines()):
        says.write_text("\n".join(lines[1:]), encoding="utf-8")
        return complain(lines[0])
    if (root / "kind-hangs").exists():
        (root / "hanging").touch()
        signal.pause()
    write_kubeconfig(Path(kubeconfig), f"kind-{name}", (root / "api").read_text(encoding="utf-8"))
    return 0


def write_kubeconfig(path: Path, context: str, server: str) -> None:
    """Write what kind writes (JSON is YAML), with a token for certificates because the server speaks plain HTTP."""
    content = {
        "kind": "Config",
        "apiVersion": "v1",
        "clusters": [{"name": context, "cluster": {"server": server}}],
        "users": [{"name": context, "user": {"token": "secret"}}],
        "contexts": [{"name": context, "context": {"cluster": context, "user": context}}],
        "current-context": context,
    }
    path.write_text(json.dumps(content), encoding="utf-8")


if __name__ == "__main__":
    sys.exit({"docker": docker, "kind": kind}[sys.argv[1]](Path(sys.argv[2]), sys.argv[3:]))
