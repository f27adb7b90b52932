"""A route in the form shared by all routing objects: a host, a path, and the Service that answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kindgate.model import ObjectRef


@dataclass(frozen=True)
class HostRoute:
    """One path of one host of `object`, defined in its field `place`.

    `host` is empty if any host is routed, and can begin with `*.`. `port` names the Service's port as an Ingress backend
    does (`{"number": 80}`). `regex` means that `path` is a regular expression, `rewritten` that the Service receives
    another path than the requested one, and `problem` is why the route cannot be requested at all.
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
        """Return whether a request of `path` takes this route, by the Ingress API's Prefix (element by element) and Exact."""
        if self.regex:
            return False
        if self.exact:
            return path == self.path
        prefix = self.path.rstrip("/")
        return path == prefix or path.startswith(prefix + "/") or not prefix
