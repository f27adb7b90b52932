"""A route as every kind of routing object has it: a host, a path, and the Service that answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kindgate.model import ObjectRef


@dataclass(frozen=True)
class HostRoute:
    """One path of one host of `object`, which the field `place` of it describes.

    `host` is empty where any host is routed and may begin with `*.`. `port` names the Service's port as an Ingress
    backend does (`{"number": 80}`). `regex` says that `path` is a regular expression, `rewritten` that the Service gets
    another path than the one requested, `problem` why the route cannot be requested at all.
    """

    object: ObjectRef
    place: str
    host: str
    path: str
    service: ObjectRef | None = None
    port: Mapping[str, Any] = field(default_factory=dict)
    tls: bool = False
    exact: bool = False
    regex: bool = False
    rewritten: bool = False
    problem: str = ""

    def matches(self, path: str) -> bool:
        """Whether a request of `path` is led here, as the Ingress API defines Prefix (element by element) and Exact."""
        if self.regex:
            return False
        if self.exact:
            return path == self.path
        prefix = self.path.rstrip("/")
        return path == prefix or path.startswith(prefix + "/") or not prefix
