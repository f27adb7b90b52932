"""The part of the applied objects that the application's tests need, and the part that only measurements need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from kindgate.model import Manifest, Rendered

STAGE_LABEL = "kindgate.dev/stage"
MONITORING = "monitoring"
"""The label's value on objects that no request passes through: Prometheus, metrics-server."""


def split_monitoring(rendered: Rendered) -> tuple[Rendered, Rendered]:
    """Split off the monitoring from the application with its ingress: both are applied together but waited for separately.

    A metrics-server takes half a minute to become ready, and tests of the application do not need it.
    """
    monitoring = tuple(manifest for manifest in rendered.objects if _stage(manifest) == MONITORING)
    application = tuple(manifest for manifest in rendered.objects if _stage(manifest) != MONITORING)
    return replace(rendered, objects=application), replace(rendered, objects=monitoring)


def _stage(manifest: Manifest) -> str | None:
    labels: Mapping[str, str] = manifest["metadata"].get("labels") or {}
    return labels.get(STAGE_LABEL)
