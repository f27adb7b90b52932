"""The application under test, as tests see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kindgate.deploy.entries import Entry
    from kindgate.model import Rendered


@dataclass(frozen=True)
class Application:
    """The deployed application; `url` is its ingress on this machine.

    `entries` are the paths by which requests enter it, each with `host`, `path` and `label`.
    """

    url: str
    rendered: Rendered
    entries: tuple[Entry, ...] = ()

    @property
    def hosts(self) -> tuple[str, ...]:
        """The distinct hosts of its entries, sorted; a wildcard host is shown as a host that it covers, and an entry for any host as ''."""
        return tuple(sorted({entry.host for entry in self.entries}))

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Its namespaces, sorted."""
        return self.rendered.namespaces
