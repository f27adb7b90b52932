"""The metrics API that autoscalers read, and the bundled metrics-server that serves it if the manifests do not."""

from __future__ import annotations

from collections.abc import Iterable

from kindgate.model import ObjectRef, Rendered, kind_of

METRICS_SERVER = "metrics-server"
"""The name of the bundled component."""

_SERVED = "v1beta1.metrics.k8s.io"


def needs_metrics_server(parts: Iterable[Rendered]) -> bool:
    """Whether the manifests have an autoscaler, and nothing that serves metrics for it."""
    objects = [manifest for part in parts for manifest in part.objects]
    serves = any(kind_of(manifest).startswith("APIService") and ObjectRef.of(manifest).name == _SERVED for manifest in objects)
    return not serves and any(kind_of(manifest) == "HorizontalPodAutoscaler" for manifest in objects)
