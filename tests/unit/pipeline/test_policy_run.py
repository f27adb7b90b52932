"""Which versions of an application have their connections tried, and where."""

from __future__ import annotations

import pytest

from kindgate.errors import ScenarioError
from kindgate.model import ObjectRef
from kindgate.pipeline.environment import DeployedApplication
from kindgate.pipeline.load_lock import LoadLock
from kindgate.pipeline.policy_run import try_connections, version_of
from tests.unit.deploy.objects import deployment, ingress, manifest, rendered, service


def test_a_version_has_the_workloads_of_the_applications_namespaces() -> None:
    """Namespaces that serve the whole cluster are not the application's."""
    subject = {"kind": "ServiceAccount", "name": "prometheus", "namespace": "monitoring"}
    binding = manifest("ClusterRoleBinding", "prometheus", namespace="", api_version="rbac.authorization.k8s.io/v1", subjects=[subject])
    app = rendered(deployment(), deployment("prometheus", namespace="monitoring"), service(), ingress(), binding)
    version = version_of(app)
    assert (version.workloads, version.namespaces) == ((ObjectRef("Deployment", "shop", "web"),), {"shop": "shop"})


def test_a_baseline_is_shown_with_the_applications_namespaces() -> None:
    """Its names are compared with those of the application."""
    app = rendered(deployment(namespace="shop-base"), service(namespace="shop-base"), ingress(namespace="shop-base"))
    assert version_of(app, {"shop-base": "shop"}).namespaces == {"shop-base": "shop"}


def test_a_cluster_of_somebody_else_is_refused(application: DeployedApplication, load_lock: LoadLock) -> None:
    """Before a pod is created in it."""
    with pytest.raises(ScenarioError, match="only in a cluster that kindgate created"):
        try_connections(application, load_lock)
