"""The apply order of objects."""

from __future__ import annotations

from kindgate.deploy.apply import grouped_by_rank
from kindgate.model import ObjectRef
from tests.unit.deploy.objects import manifest


def test_custom_resources_come_after_the_workloads_and_webhooks_last() -> None:
    """Custom resources are applied after the workloads that serve them; webhooks come last, after the objects they could reject."""
    kinds = ["ValidatingWebhookConfiguration", "Widget", "Ingress", "Deployment", "IngressClass", "CustomResourceDefinition", "Namespace"]
    groups = grouped_by_rank(manifest(kind, "x") for kind in kinds)
    assert [{ObjectRef.of(item).kind for item in group} for group in groups] == [
        {"Namespace"},
        {"CustomResourceDefinition", "IngressClass"},
        {"Deployment"},
        {"Ingress"},
        {"Widget"},
        {"ValidatingWebhookConfiguration"},
    ]
