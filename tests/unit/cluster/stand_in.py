"""Stand-ins for a container engine's command and for kind that store containers as files, so no engine is needed.

Called as `stand_in.py docker|kind ROOT ARGUMENTS...`, without site packages for speed; `docker` can also be called as
a function. ROOT holds `containers/` (one JSON file each), `names/` (one file each, created exclusively: the engine's
guarantee that names are unique), `networks/`, `volumes/` and `images/`. `deaf` lists nodes that reach no ClusterIP,
`apart` nodes whose pods reach no other node's, `stopped` nodes that stopped, `stuck` containers that cannot be removed;
`bridge` is the interface of every network.
`kind-says` holds the message that kind fails with, one line per call; with `kind-hangs` it hangs after creating
its containers and reports it with `hanging`; with `kind-joins` its workers join only once `joined` exists; with
`kind-is-none` it prints garbage and exits; `api` is the API server's URL.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple


class Answer(NamedTuple):
    """The result of a command."""

    code: int = 0
    out: str = ""
    err: str = ""


def docker(root: Path, arguments: list[str]) -> Answer:
    """Run one engine command."""
    match arguments:
        case ["image", "inspect", "--format", "{{.Id}}", image]:
            answer = image_id(root, image)
        case ["create", *rest]:
            labels = dict(rest[index + 1].partition("=")[::2] for index, part in enumerate(rest) if part == "--label")
            answer = add(root, rest[rest.index("--name") + 1], labels, running=False)
        case ["ps", *rest]:
            answer = Answer(out="\n".join(container["Id"] for container in containers(root) if matches(container, rest)))
        case ["container", "inspect", *ids]:
            answer = Answer(out=json.dumps([container for container in containers(root) if container["Id"] in ids]))
        case ["rm", *rest]:
            answer = remove(root, [part for part in rest if not part.startswith("--") and part != "0"])
        case ["network", *rest]:
            answer = network(root, rest)
        case ["volume", *rest]:
            answer = volume(root, rest)
        case ["exec", node, "curl", *_]:
            answer = curl(root, node, "deaf")
        case ["exec", node, "sh", *_]:
            answer = curl(root, node, "apart")
        case _:
            answer = Answer(64, err=f"unknown command: {arguments}")
    return answer


def image_id(root: Path, image: str) -> Answer:
    """Return the image's id."""
    file = root / "images" / image.replace("/", "_")
    if not file.exists():
        return Answer(1, err=f"Error response from daemon: No such image: {image}")
    return Answer(out=file.read_text(encoding="utf-8"))


def add(root: Path, name: str, labels: dict[str, str], *, running: bool) -> Answer:
    """Create a container; fail if the name is in use."""
    try:
        (root / "names" / name).open("x").close()
    except FileExistsError:
        return Answer(1, err=f'Error response from daemon: Conflict. The container name "/{name}" is already in use')
    identity = os.urandom(32).hex()
    described = {"Id": identity, "Name": f"/{name}", "State": {"Running": running}, "Config": {"Labels": labels}}
    (root / "containers" / identity).write_text(json.dumps(described), encoding="utf-8")
    return Answer(out=identity)


def containers(root: Path) -> Iterator[dict[str, Any]]:
    """Return every container that exists throughout the call."""
    for file in sorted((root / "containers").iterdir()):
        try:
            yield json.loads(file.read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            continue


def matches(container: dict[str, Any], arguments: list[str]) -> bool:
    """Return whether the container passes `--filter`."""
    subject, _, pattern = arguments[arguments.index("--filter") + 1].partition("=")
    if subject == "name":
        return re.search(pattern, container["Name"]) is not None
    label, equals, value = pattern.partition("=")
    labels = container["Config"]["Labels"]
    return label in labels and (not equals or labels[label] == value)


def remove(root: Path, ids: list[str]) -> Answer:
    """Remove containers; fail if one is missing or stuck."""
    missing = []
    for identity in ids:
        file = root / "containers" / identity
        try:
            name = json.loads(file.read_text(encoding="utf-8"))["Name"].removeprefix("/")
            if name in read_lines(root / "stuck"):
                return Answer(1, err=f"Error response from daemon: container {name}: device or resource busy")
            file.unlink()
        except FileNotFoundError:
            missing.append(identity)
            continue
        (root / "names" / name).unlink(missing_ok=True)
    return Answer(1, err=f"Error response from daemon: No such container: {missing}") if missing else Answer()


def network(root: Path, arguments: list[str]) -> Answer:
    """Inspect or remove a network; fail if it is missing."""
    match arguments:
        case ["inspect", _]:
            return Answer(out=json.dumps([{"network_interface": interface} for interface in read_lines(root / "bridge")]))
        case ["rm", name] if (root / "networks" / name).exists():
            (root / "networks" / name).unlink()
            return Answer()
        case [*_, name]:
            return Answer(1, err=f"Error response from daemon: network {name} not found")
        case _:
            return Answer(64, err="network: no command")


def volume(root: Path, arguments: list[str]) -> Answer:
    """List or remove Podman's volumes."""
    folder = root / "volumes"
    match arguments:
        case ["ls", *_]:
            listed = [{"Name": file.name, "Labels": {file.read_text(encoding="utf-8"): "true"}} for file in sorted(folder.iterdir())]
            return Answer(out=json.dumps(listed))
        case ["rm", "--force", *names]:
            for name in names:
                (folder / name).unlink()
            return Answer()
        case _:
            return Answer(64, err=f"unknown command: volume {arguments}")


def curl(root: Path, node: str, unlucky: str) -> Answer:
    """Respond for every node except those in a file and the stopped ones."""
    answer = Answer()
    if node in read_lines(root / unlucky):
        answer = Answer(28, err="curl: (28) Connection timed out")
    if node in read_lines(root / "stopped"):
        answer = Answer(1, err=f"Error response from daemon: Container {node} is not running")
    return answer


def read_lines(file: Path) -> list[str]:
    """Return the words in a file, or none if it is missing."""
    return file.read_text(encoding="utf-8").split() if file.exists() else []


def kind(root: Path, arguments: list[str]) -> Answer:
    """Create a cluster whose nodes are containers of the stand-in engine, or export its kubeconfig again."""
    if arguments[0] == "export":
        name, path = (arguments[arguments.index(option) + 1] for option in ("--name", "--kubeconfig"))
        write_kubeconfig(Path(path), f"kind-{name}", (root / "api").read_text(encoding="utf-8"))
        return Answer()
    if (root / "kind-is-none").exists():
        return Answer(out="\x00\x1b[2Jgarbage\n" * 3)
    name, config, kubeconfig = (arguments[arguments.index(option) + 1] for option in ("--name", "--config", "--kubeconfig"))
    provider = os.environ["KIND_EXPERIMENTAL_PROVIDER"]
    (root / "networks" / os.environ[f"KIND_EXPERIMENTAL_{provider.upper()}_NETWORK"]).touch()
    workers = 0
    for role in re.findall(r"role: (\S+)", Path(config).read_text(encoding="utf-8")):
        workers += role == "worker"
        labels = {"io.x-k8s.kind.cluster": name, "io.x-k8s.kind.role": role}
        node = f"{name}-{role}" + (str(workers) if workers > 1 else "")
        add(root, node, labels, running=True)
        if provider == "podman":
            (root / "volumes" / os.urandom(8).hex()).write_text(node, encoding="utf-8")
    if workers:
        sys.stderr.write(" \u2022 Joining worker nodes \U0001f69c  ...\n")
        sys.stderr.flush()
        while (root / "kind-joins").exists() and not (root / "joined").exists():
            time.sleep(0.01)
    output = root / "kind-says"
    if output.exists() and (lines := output.read_text(encoding="utf-8").splitlines()):
        output.write_text("\n".join(lines[1:]), encoding="utf-8")
        return Answer(1, err=lines[0])
    if (root / "kind-hangs").exists():
        (root / "hanging").touch()
        signal.pause()
    write_kubeconfig(Path(kubeconfig), f"kind-{name}", (root / "api").read_text(encoding="utf-8"))
    return Answer(err=f" \u2713 Created {name}")


def write_kubeconfig(path: Path, context: str, server: str) -> None:
    """Write kind's kubeconfig as JSON, which is YAML; it has a token instead of certificates because the server uses plain HTTP."""
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
    end = {"docker": docker, "kind": kind}[sys.argv[1]](Path(sys.argv[2]), sys.argv[3:])
    sys.stdout.write(end.out)
    sys.stderr.write(end.err)
    sys.exit(end.code)
