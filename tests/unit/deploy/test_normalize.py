"""Objects in the form the API server stores."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kindgate.deploy.manifest_yaml import read_documents
from kindgate.deploy.normalize import normalized, objects_of
from kindgate.errors import ManifestError
from kindgate.model import ObjectRef
from tests.unit.deploy.objects import deployment, ingress, manifest, rendered, service


def test_an_object_without_a_namespace_gets_the_default_one() -> None:
    """As in kubectl, the namespace defaults to `default`; the source file is kept."""
    (part,) = normalized((rendered(deployment(namespace=""), ingress(namespace="")),))
    assert [ObjectRef.of(item) for item in part.objects] == [
        ObjectRef("Deployment", "default", "web"),
        ObjectRef("Ingress", "default", "web"),
    ]
    assert part.origins[ObjectRef("Deployment", "default", "web")] == "app/web.yaml"
    assert part.notes == ()


def test_another_default_namespace_can_be_given() -> None:
    """The default namespace can be that of an existing cluster's context."""
    (part,) = normalized((rendered(service(namespace="")),), namespace="team", create_namespaces=False)
    assert part.namespaces == ("team",)


def test_cluster_scoped_objects_have_no_namespace() -> None:
    """Kustomize's `namespace:` can end up on a cluster-scoped kind it does not know; the API server drops it."""
    crd = manifest(
        "CustomResourceDefinition",
        "issuers.example.dev",
        namespace="",
        api_version="apiextensions.k8s.io/v1",
        spec={"group": "example.dev", "scope": "Cluster", "names": {"kind": "Issuer", "plural": "issuers"}, "versions": []},
    )
    issuer = manifest("Issuer", "ca", api_version="example.dev/v1")
    role = manifest("ClusterRole", "reader", api_version="rbac.authorization.k8s.io/v1")
    (first, second) = normalized((rendered(crd), rendered(issuer, role)))
    assert [ObjectRef.of(item).namespace for item in (*first.objects, *second.objects)] == ["", "", ""]


def test_a_kind_of_another_group_is_not_treated_as_built_in() -> None:
    """A custom Namespace or Node is namespaced unless its CRD defines otherwise."""
    (part,) = normalized((rendered(manifest("Node", "n", namespace="", api_version="mesh.example.dev/v1")),))
    assert ObjectRef.of(part.objects[0]) == ObjectRef("Node.mesh.example.dev", "default", "n")


def test_a_missing_namespace_is_created_in_the_first_part_that_needs_it() -> None:
    """A namespace that is only referenced is created in the first part that needs it, and the run reports it."""
    before, after = normalized((rendered(service(namespace="shop")), rendered(deployment(namespace="shop"))))
    assert [item["kind"] for item in before.objects] == ["Namespace", "Service"]
    assert before.notes == ("namespace shop is used but not in the manifests: kindgate creates it",)
    assert after.notes == ()


def test_an_existing_namespace_is_not_created() -> None:
    """The manifests' own namespace can have labels that matter, so it is not created separately."""
    (part,) = normalized((rendered(manifest("Namespace", "shop", namespace=""), service(), service(namespace="kube-system")),))
    assert len(part.objects) == 3
    assert part.notes == ()


def test_no_namespace_is_created_on_an_existing_cluster() -> None:
    """On an existing cluster, kindgate creates nothing cluster-scoped."""
    (part,) = normalized((rendered(service()),), create_namespaces=False)
    assert part == rendered(service())


def test_lists_are_split_into_items() -> None:
    """Lists from `kubectl get -o yaml` are flattened; items of a typed list get their kind from it."""
    text = """
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Service, metadata: {name: a}}
- apiVersion: v1
  kind: ConfigMapList
  items:
  - metadata: {name: b}
"""
    objects = objects_of(read_documents(text, "all.yaml"), "all.yaml")
    assert [(item["apiVersion"], item["kind"], item["metadata"]["name"]) for item in objects] == [
        ("v1", "Service", "a"),
        ("v1", "ConfigMap", "b"),
    ]


def test_an_empty_list_has_no_objects() -> None:
    """An empty list, as from `kubectl get` without results, is not an error."""
    assert objects_of([{"apiVersion": "v1", "kind": "List", "items": None}], "all.yaml") == []


def test_a_custom_list_kind_without_items_is_an_object() -> None:
    """A PriceList without items is an object, not a list of Prices."""
    price_list = {"apiVersion": "example.dev/v1", "kind": "PriceList", "metadata": {"name": "p"}}
    assert objects_of([price_list], "all.yaml") == [price_list]


def test_null_fields_are_removed() -> None:
    """A null field, such as the common `creationTimestamp: null`, counts as missing."""
    (objects,) = objects_of(
        [{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a", "creationTimestamp": None}, "status": None}], "all.yaml"
    )
    assert objects == {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}}


@pytest.mark.parametrize(
    "document",
    ["text", {"kind": "Service", "metadata": {"name": "a"}}, {"apiVersion": "v1", "kind": "List", "items": {"a": 1}}, {"name": "shop"}],
    ids=["text", "no-version", "no-list", "values"],
)
def test_a_document_that_is_not_an_object_is_rejected_with_the_file(document: object) -> None:
    """A values or compose file among the manifests is an error with its file name."""
    with pytest.raises(ManifestError, match=r"^all\.yaml: "):
        objects_of([document], "all.yaml")


def test_notes_of_an_earlier_step_are_kept() -> None:
    """Each step adds its notes to the earlier ones."""
    (part,) = normalized((replace(rendered(service()), notes=("earlier",)),))
    assert part.notes[0] == "earlier"
    assert len(part.notes) == 2
