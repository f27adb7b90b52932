"""Which part of what is applied the application's tests need, and which only those that look at figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from kindgate.model import Manifest, Rendered

STAGE_LABEL = "kindgate.dev/stage"
MONITORING = "monitoring"
"""The label's value on objects that no request passes through: Prometheus, metrics-server."""


def staged(rendered: Rendered) -> tuple[Rendered, Rendered]:
    """The application with its ingress, and the monitoring beside it: both are applied at once and waited for apart.

    A metrics-server takes half a minute to be ready, and tests of the application have no use for it.
    """
    monitoring = tuple(manifest for manifest in rendered.objects if _stage(manifest) == MONITORING)
    application = tuple(manifest for manifest in rendered.objects if _stage(manifest) != MONITORING)
    return replace(rendered, objects=application), replace(rendered, objects=monitoring)


def _stage(manifest: Manifest) -> str | None:
    labels: Mapping[str, str] = manifest["metadata"].get("labels") or {}
    return labels.get(STAGE_LABEL)
