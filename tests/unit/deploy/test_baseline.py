"""A baseline next to the pull request's version, as data: which objects move, stay or are rejected."""

from __future__ import annotations

from typing import Any

import pytest

from kindgate.deploy.baseline import application_namespaces, place_baseline, with_spread_pods
from kindgate.errors import ManifestError
from kindgate.model import Manifest, ObjectRef
from tests.unit.deploy.objects import deployment, ingress, manifest, rendered, service

PROBE = manifest("Namespace", "shop", namespace="")
BINDING = manifest("ClusterRoleBinding", "prometheus", namespace="", subjects=[{"kind": "ServiceAccount", "namespace": "monitoring"}])
MONITORING = [manifest("Namespace", "monitoring", namespace=""), BINDING, deployment("prometheus", namespace="monitoring")]


def moved(*manifests: dict[str, Any]) -> dict[str, Manifest]:
    """Return the baseline's objects by kind, for a version with these manifests and an Ingress."""
    version = rendered(ingress(), *manifests)
    return {str(item["kind"]): item for item in place_baseline(version, version).rendered.objects}


def test_only_the_applications_namespaces_are_copied() -> None:
    """Namespaces, workloads and Services get their own copy; Prometheus is deployed only once."""
    version = rendered(PROBE, deployment(), service(), ingress(), *MONITORING)
    baseline = place_baseline(version, version)

    assert [str(ObjectRef.of(item)) for item in baseline.rendered.objects] == [
        "Namespace shop-base",
        "Deployment shop-base/web",
        "Service shop-base/web",
        "Ingress shop-base/web",
    ]
    assert baseline.namespaces == {"shop": "shop-base"}
    assert baseline.hosts == {"shop.localhost": "shop-base.localhost"}
    assert baseline.rendered.hosts == ("shop-base.localhost",)
    assert baseline.rendered.origins[ObjectRef("Service", "shop-base", "web")] == "app/web.yaml"


def test_a_namespace_without_an_ingress_is_copied() -> None:
    """A database in a separate namespace belongs to its version."""
    version = rendered(ingress(), deployment("db", namespace="data"), *MONITORING)

    assert application_namespaces(version) == ("data", "shop")


def test_built_in_namespaces_are_not_copied() -> None:
    """Objects that an overlay puts into kube-system belong to the cluster."""
    assert application_namespaces(rendered(ingress(), service(namespace="kube-system"))) == ("shop",)


def test_cluster_wide_role_bindings_are_copied() -> None:
    """A ClusterRoleBinding is copied under another name for the accounts of the new namespace."""
    binding = manifest("ClusterRoleBinding", "web", namespace="", subjects=[{"kind": "ServiceAccount", "namespace": "shop"}])
    copy = moved(binding)["ClusterRoleBinding"]

    assert copy["metadata"]["name"] == "web-base"
    assert copy["subjects"][0]["namespace"] == "shop-base"


def test_namespace_selectors_are_renamed() -> None:
    """A NetworkPolicy allows the pods of its own version, and still the ingress controller."""
    labels = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}} for name in ("shop", "ingress")]
    expression = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["shop", "ingress"]}
    policy = moved(manifest("NetworkPolicy", "p", spec={"ingress": [{"from": labels}], "more": [expression]}))["NetworkPolicy"]

    sources = policy["spec"]["ingress"][0]["from"]
    assert [next(iter(one["namespaceSelector"]["matchLabels"].values())) for one in sources] == ["shop-base", "ingress"]
    assert policy["spec"]["more"][0]["values"] == ["shop-base", "ingress"]


def test_dns_names_of_services_are_renamed() -> None:
    """Full Service names are changed to the version's own backend; other text is unchanged."""
    config = moved(manifest("ConfigMap", "c", data={"url": "http://api.shop.svc.cluster.local/shop", "other": "x.workshop.svc"}))[
        "ConfigMap"
    ]

    assert config["data"] == {"url": "http://api.shop-base.svc.cluster.local/shop", "other": "x.workshop.svc"}


def test_hosts_of_certificates_are_renamed() -> None:
    """A TLS certificate is requested for the new host name."""
    version = rendered(ingress(tls=[{"hosts": ["shop.localhost"], "secretName": "cert"}]))
    (copy,) = place_baseline(version, version).rendered.objects

    assert copy["spec"]["tls"] == [{"hosts": ["shop-base.localhost"], "secretName": "cert"}]


def test_node_ports_are_removed_from_the_baseline() -> None:
    """The first version uses the node port, and the API server would reject it for the second."""
    copy = moved(service(type="NodePort", ports=[{"port": 80, "nodePort": 30080}]))["Service"]

    assert copy["spec"]["ports"] == [{"port": 80}]


def test_both_versions_have_the_same_replicas() -> None:
    """Both versions run the same number of replicas; otherwise the comparison would be between three pods and two."""
    baseline = place_baseline(rendered(ingress(), deployment(replicas=3)), rendered(ingress(), deployment(replicas=2), deployment("old")))

    assert [item["spec"]["replicas"] for item in baseline.rendered.of_kind("Deployment")] == [3, 2]


def test_pods_of_both_versions_have_the_same_spread_constraint() -> None:
    """Both versions get the same spread constraint; shared objects are unchanged."""
    head = rendered(ingress(), deployment(), *MONITORING)
    baseline = place_baseline(head, head)
    web, prometheus = with_spread_pods(head, baseline.namespaces).of_kind("Deployment")
    (base,) = baseline.rendered.of_kind("Deployment")

    assert web["spec"]["template"] == base["spec"]["template"]
    assert web["spec"]["template"]["spec"]["topologySpreadConstraints"][0]["labelSelector"] == {"matchLabels": {"app": "web"}}
    assert "topologySpreadConstraints" not in prometheus["spec"]["template"]["spec"]


def test_a_workload_with_its_own_spread_constraint_is_unchanged() -> None:
    """The author's own spread constraint is kept."""
    spread_workload = deployment()
    spread_workload["spec"]["template"]["spec"]["topologySpreadConstraints"] = [{"maxSkew": 2}]

    (kept,) = with_spread_pods(rendered(spread_workload), {"shop": "shop-base"}).objects

    assert kept == spread_workload


def test_a_baseline_for_any_host_gets_a_separate_host() -> None:
    """An Ingress without a host gets one in the baseline; a rule with a host wins, so the controller can tell the versions apart."""
    every = ingress()
    del every["spec"]["rules"][0]["host"]

    baseline = place_baseline(rendered(every), rendered(every))

    assert baseline.hosts == {"": "kindgate-base.localhost"}
    assert baseline.rendered.hosts == ("kindgate-base.localhost",)


def test_a_default_backend_becomes_a_rule_for_the_baselines_host() -> None:
    """A default backend becomes a rule with a host, because a controller cannot tell two default backends apart."""
    default = manifest("Ingress", "web", api_version="networking.k8s.io/v1", spec={"defaultBackend": {"service": {"name": "web"}}})

    baseline = place_baseline(rendered(default), rendered(default))

    assert [item["spec"] for item in baseline.rendered.of_kind("Ingress")] == [
        {
            "rules": [
                {
                    "host": "kindgate-base.localhost",
                    "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web"}}}]},
                }
            ]
        }
    ]


def test_the_host_map_has_the_requested_hosts() -> None:
    """A wildcard host is replaced by a host that it covers, in both versions."""
    baseline = place_baseline(rendered(ingress("*.shop.localhost")), rendered(ingress("*.shop.localhost")))
    assert baseline.hosts == {"kindgate.shop.localhost": "kindgate.shop-base.localhost"}


def test_the_default_namespaces_baseline_is_in_another_namespace() -> None:
    """An application without a namespace, which is the common case, gets another one for its baseline."""
    baseline = place_baseline(rendered(ingress(namespace="default")), rendered(ingress(namespace="default")))
    assert baseline.namespaces == {"default": "default-base"}


def test_versions_without_a_common_host_cannot_be_compared() -> None:
    """The error lists the hosts of both versions."""
    with pytest.raises(ManifestError, match="serves none of the hosts") as raised:
        place_baseline(rendered(ingress("new.localhost")), rendered(ingress("old.localhost")))

    assert "old.localhost" in raised.value.last_state
    assert "new.localhost" in raised.value.last_state
