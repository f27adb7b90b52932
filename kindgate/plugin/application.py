"""What tests learn about the application under judgement."""

from __future__ import annotations

from dataclasses import dataclass

from kindgate.model import Rendered


@dataclass(frozen=True)
class Application:
    """The application as it was applied; `url` is where its ingress listens on this machine."""

    url: str
    rendered: Rendered

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that its Ingress objects route, sorted."""
        return self.rendered.hosts

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces that it lives in, sorted."""
        return self.rendered.namespaces
