"""What tests learn about the application under judgement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kindgate.deploy.entries import Entry
    from kindgate.model import Rendered


@dataclass(frozen=True)
class Application:
    """The application as it was applied; `url` is where its ingress listens on this machine.

    `entries` are the paths by which requests enter it, each with `host`, `path` and `label`.
    """

    url: str
    rendered: Rendered
    entries: tuple[Entry, ...] = ()

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts of its entries, sorted and each once; one that covers a wildcard host, empty where any host will do."""
        return tuple(sorted({entry.host for entry in self.entries}))

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces that it lives in, sorted."""
        return self.rendered.namespaces
