"""HorizontalPodAutoscalers as the API server returns them."""

from __future__ import annotations

from typing import Any

from kindgate.model import ObjectRef
from kindgate.scenarios.autoscalers import Autoscaler
from tests.unit.deploy.objects import Object, manifest

WEB = ObjectRef("Deployment", "shop", "web")
SCALER = Autoscaler(ObjectRef("HorizontalPodAutoscaler", "shop", "web"), WEB)


def autoscaler(*, least: int = 2, most: int = 4, **behavior: Any) -> Object:
    """The autoscaler shop/web of the Deployment shop/web, as in its manifest; `behavior` are rules by direction."""
    spec: Object = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "minReplicas": least,
        "maxReplicas": most,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}}],
        **({"behavior": behavior} if behavior else {}),
    }
    return manifest("HorizontalPodAutoscaler", "web", api_version="autoscaling/v2", spec=spec)


def live_autoscaler(
    current: int, desired: int, *conditions: tuple[str, str, str], cpu: int = 35, least: int = 2, most: int = 4, **behavior: Any
) -> Object:
    """The same with its status; `conditions` are type, status and reason, ScalingActive by default."""
    item = autoscaler(least=least, most=most, **behavior)
    item["metadata"] |= {"uid": "autoscaler-web", "generation": 1, "managedFields": [{"manager": "kindgate", "operation": "Apply"}]}
    item["status"] = {
        "currentReplicas": current,
        "desiredReplicas": desired,
        "conditions": [
            {"type": kind, "status": status, "reason": reason, "message": f"message of {reason}"}
            for kind, status, reason in (conditions or (("ScalingActive", "True", "ValidMetricFound"),))
        ],
        "currentMetrics": [{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": cpu}}}],
    }
    return item
