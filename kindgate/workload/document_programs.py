"""`locust:` and `k6:` of a workload document. Pure; every error points at the text."""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from kindgate.load.program import WORKERS_LIMIT
from kindgate.workload.document_values import read_file_name, read_integer, read_rate
from kindgate.workload.model import K6Load, LocustLoad
from kindgate.yaml_document import YamlDocument

LOCUST_KEYS = ("file", "users", "spawn_rate", "workers")

USERS_LIMIT = 100_000

K6_KEYS = ("file",)

PROGRAM_KEYS = ("locust", "k6")
"""Keys of programs that send the load instead of routes and journeys."""

_WITH_PROGRAM = frozenset({"host", "load"})
_EXAMPLE = "write locust: {file: locustfile.py, users: 50}"


def read_locust(document: YamlDocument, node: yaml.Node) -> LocustLoad:
    """The users of a locustfile; raises `SloError` without the file or their number."""
    parts = document.mapping(node, LOCUST_KEYS, "locust")
    for key in ("file", "users"):
        if key not in parts:
            raise document.source(node).error(f"locust has no {key}", 0, 1, next_step=_EXAMPLE)
    file = document.scalar(parts["file"], "the name of a file")
    if not read_file_name(file).endswith(".py") or "," in file.text:
        raise file.error("a locustfile is a Python file (.py) whose name has no comma")
    spawn_rate, workers = parts.get("spawn_rate"), parts.get("workers")
    return LocustLoad(
        file=file.text,
        users=read_integer(document.scalar(parts["users"], "a number"), 1, USERS_LIMIT, "the number of users"),
        spawn_rate=None if spawn_rate is None else read_rate(document.scalar(spawn_rate, "a number"), "the spawn rate"),
        workers=1 if workers is None else read_integer(document.scalar(workers, "a number"), 1, WORKERS_LIMIT, "the number of workers"),
    )


def read_k6(document: YamlDocument, node: yaml.Node) -> K6Load:
    """A k6 script; raises `SloError` without the file."""
    parts = document.mapping(node, K6_KEYS, "k6")
    if "file" not in parts:
        raise document.source(node).error("k6 has no file", 0, 1, next_step="write k6: {file: load.js}")
    return K6Load(read_file_name(document.scalar(parts["file"], "the name of a file")))


def refuse_without_effect(document: YamlDocument, root: yaml.Node, parts: Mapping[str, yaml.Node]) -> None:
    """Raise `SloError` for keys next to a program that have no effect on it, and for two programs."""
    program = next(key for key in PROGRAM_KEYS if key in parts)
    for key, _ in document.pairs(root, "the workload"):
        name = document.source(key)
        if name.text in parts and name.text not in {program, *_WITH_PROGRAM}:
            raise name.error(f"requests come from {program}:, so this has no effect", next_step=f"remove {name.text} or {program}")
    for key, _ in document.pairs(parts["load"], "load") if "load" in parts else ():
        name = document.source(key)
        if program != "locust" or name.text != "duration":
            raise name.error(f"the pace is that of {program}:, so this has no effect", next_step=f"remove {name.text}")
