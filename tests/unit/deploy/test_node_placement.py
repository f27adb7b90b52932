"""The second version's pods go to the same nodes as the first version's, and differences are reported."""

from __future__ import annotations

from typing import Any

import pytest

from kindgate.deploy.baseline import place_baseline, with_spread
from kindgate.deploy.node_placement import HOSTNAME, baseline_placed_like_head, head_placed_like_baseline, pods_of, uneven_placement
from kindgate.deploy.validate import validate
from kindgate.model import ClusterAddress, Manifest
from kindgate.waiting import Deadline
from tests.unit.deploy.objects import deployment, ingress, manifest, rendered, service
from tests.unit.deploy.standin import ApiServer

SHOP = manifest("Namespace", "shop", namespace="")
NAMESPACES = {"shop": "shop-base"}


def pod(node: str, *, app: str = "web", namespace: str = "shop", revision: str = "5d9c", **metadata: str) -> dict[str, Any]:
    """A pod of the Deployment `app` on `node`."""
    item = manifest("Pod", f"{app}-{revision}-{node}", namespace=namespace, spec={"nodeName": node} if node else {})
    item["metadata"] |= {
        "labels": {"app": app, "pod-template-hash": revision},
        "ownerReferences": [{"kind": "ReplicaSet", "name": f"{app}-{revision}"}],
        **metadata,
    }
    return item


def base_pods(*pods: Manifest, **deployed: Any) -> dict[str, Any]:
    """The pod spec of a Deployment in the second version, when the first version runs `pods`."""
    version = rendered(SHOP, deployment(**deployed), service(), ingress())
    (web,) = baseline_placed_like_head(place_baseline(version, version), pods).of_kind("Deployment")
    pod_spec: dict[str, Any] = web["spec"]["template"]["spec"]
    return pod_spec


def test_pods_are_bound_to_the_nodes_of_the_first_version() -> None:
    """The pods are required to spread evenly over the first version's two nodes, out of three."""
    spec = base_pods(pod("a"), pod("b"))
    (constraint,) = spec["topologySpreadConstraints"]
    required = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]

    assert required == [{"matchExpressions": [{"key": HOSTNAME, "operator": "In", "values": ["a", "b"]}]}]
    assert (constraint["whenUnsatisfiable"], constraint["maxSkew"], constraint["matchLabelKeys"]) == (
        "DoNotSchedule",
        1,
        ["pod-template-hash"],
    )


def test_the_first_version_can_follow_the_baseline() -> None:
    """When the versions swap, only the other version's pods of the same workload decide the nodes."""
    version = rendered(SHOP, dict(with_spread(deployment())), service(), ingress())
    base_pods_found = [pod("a", namespace="shop-base"), pod("b", app="other", namespace="shop-base"), pod("c")]
    (web,) = head_placed_like_baseline(version, NAMESPACES, base_pods_found).of_kind("Deployment")
    (term,) = web["spec"]["template"]["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][
        "nodeSelectorTerms"
    ]

    assert term["matchExpressions"][0]["values"] == ["a"]


@pytest.mark.parametrize(("counts", "skew", "weights"), [("aab", 1, [100, 50]), ("aaab", 2, [100, 33]), ("aa", 1, [100])])
def test_a_node_with_more_pods_is_preferred(counts: str, skew: int, weights: list[int]) -> None:
    """If three replicas run two and one, two replicas of the second version run on the node that has two."""
    spec = base_pods(*map(pod, counts))
    preferred = spec["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]

    assert spec["topologySpreadConstraints"][0]["maxSkew"] == skew
    assert [one["weight"] for one in preferred] == weights


def test_pods_of_other_workloads_and_namespaces_are_ignored() -> None:
    """Each workload follows only its own pods in the mapped namespace."""
    spec = base_pods(pod("a"), pod("b", app="other"), pod("c", namespace="elsewhere"))
    required = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]

    assert required[0]["matchExpressions"][0]["values"] == ["a"]


def test_a_workload_missing_from_the_first_version_is_unchanged() -> None:
    """A workload that the pull request removes still runs in the baseline, without a placement."""
    assert "affinity" not in base_pods()


def test_a_workload_with_its_own_placement_rules_is_unchanged() -> None:
    """The author's own node affinity and spread constraints are kept."""
    workload = deployment()
    workload["spec"]["template"]["spec"]["affinity"] = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {}}}
    version = rendered(SHOP, workload, service(), ingress())
    baseline = place_baseline(version, version)

    assert baseline_placed_like_head(baseline, [pod("a")]) == baseline.rendered


def test_bound_workloads_are_valid() -> None:
    """The added fields conform to the Kubernetes schema in both versions."""
    version = rendered(SHOP, deployment(), service(), ingress())
    followed = baseline_placed_like_head(place_baseline(version, version), [pod("a"), pod("b")])

    assert [str(finding) for finding in validate(followed) if finding.level == "error"] == []


def test_even_placement_yields_no_message() -> None:
    """Versions on the same nodes have no difference, whatever their revisions are named."""
    first = [pod("a"), pod("b")]
    second = [pod("b", namespace="shop-base", revision="77aa"), pod("a", namespace="shop-base", revision="77aa")]

    assert uneven_placement(first, second, NAMESPACES) == ""


def test_placement_is_compared_per_workload() -> None:
    """Two workloads that swapped nodes are reported even though each node has the same number of pods."""
    first = [pod("a", app="foo"), pod("b", app="bar")]
    second = [pod("b", app="foo", namespace="shop-base"), pod("a", app="bar", namespace="shop-base")]

    assert uneven_placement(first, second, NAMESPACES) == (
        "pods of the baseline and of the pull request per node: bar: a 1 and 0, b 0 and 1; foo: a 0 and 1, b 1 and 0"
    )


def test_a_workload_of_only_one_version_is_reported() -> None:
    """A workload in only one version is reported: it takes CPU time on a node."""
    assert "extra: a 1 and 0" in uneven_placement(
        [pod("b")], [pod("b", namespace="shop-base"), pod("a", app="extra", namespace="shop-base")], NAMESPACES
    )


def test_unscheduled_and_terminating_pods_are_ignored(api_server: ApiServer, address: ClusterAddress) -> None:
    """Only scheduled, non-terminating pods in the requested namespaces count."""
    terminating = pod("a", revision="0000", deletionTimestamp="2026-01-01T00:00:00Z")
    for item in (pod("a"), pod("", app="waiting"), terminating, pod("b", namespace="other")):
        api_server.put(f"/api/v1/namespaces/{item['metadata']['namespace']}/pods/{item['metadata']['name']}", item)

    assert [found["spec"]["nodeName"] for found in pods_of(["shop"], address, Deadline.after(10))] == ["a"]
