"""Secrets that the manifests refer to but do not include are created from values given to the run."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from kindgate.deploy.secrets import PLACEHOLDER, PLACEHOLDER_ANNOTATION, RequestedSecret, missing_secrets, with_secrets
from kindgate.deploy.validate import validate
from kindgate.model import ObjectRef, Rendered
from tests.unit.deploy.objects import deployment, ingress, manifest, rendered, service

NAMESPACE = manifest("Namespace", "shop", namespace="")


def application(**container: Any) -> Rendered:
    """An application whose container has extra fields."""
    return rendered(NAMESPACE, deployment(container=container), service(), ingress())


@pytest.mark.parametrize(
    ("text", "secret", "key", "variable"),
    [("shop=TOKEN", "shop", "TOKEN", "TOKEN"), ("shop/token=API_TOKEN", "shop", "token", "API_TOKEN")],
)
def test_an_option_names_secret_key_and_variable(text: str, secret: str, key: str, variable: str) -> None:
    """Without a key, the key is the variable's name, which suits envFrom."""
    assert RequestedSecret.parse(text) == RequestedSecret(secret, key, variable)


def test_a_secret_is_created_in_each_referencing_namespace() -> None:
    """The Secret is created in the namespace of its user with every requested key, and validation then passes."""
    before = application(
        envFrom=[{"secretRef": {"name": "shop"}}], env=[{"name": "T", "valueFrom": {"secretKeyRef": {"name": "shop", "key": "token"}}}]
    )

    after = with_secrets(
        before, [RequestedSecret("shop", "token", "API_TOKEN"), RequestedSecret("shop", "USER", "USER_NAME")], {"API_TOKEN": "s3cret"}
    )

    (secret,) = after.of_kind("Secret")
    assert ObjectRef.of(secret) == ObjectRef("Secret", "shop", "shop")
    assert {key: base64.b64decode(value).decode() for key, value in secret["data"].items()} == {"token": "s3cret", "USER": ""}
    assert validate(before) != ()
    assert validate(after) == ()


@pytest.mark.parametrize(
    "spec",
    [
        {"volumes": [{"name": "v", "secret": {"secretName": "shop"}}]},
        {"volumes": [{"name": "v", "projected": {"sources": [{"secret": {"name": "shop"}}]}}]},
        {"imagePullSecrets": [{"name": "shop"}]},
    ],
)
def test_every_kind_of_reference_counts(spec: dict[str, Any]) -> None:
    """Volumes and image pull secrets count in addition to environment variables."""
    item = deployment()
    item["spec"]["template"]["spec"] |= spec

    assert missing_secrets(rendered(item)) == {ObjectRef("Secret", "shop", "shop")}


def test_a_secret_in_the_manifests_is_unchanged() -> None:
    """A Secret in the manifests is not affected by the options."""
    with_keys = manifest("Secret", "shop", data={})
    all_objects = rendered(NAMESPACE, deployment(container={"envFrom": [{"secretRef": {"name": "shop"}}]}), with_keys)

    assert with_secrets(all_objects, [RequestedSecret("shop", "A", "A")], {"A": "x"}).objects == all_objects.objects
    assert missing_secrets(all_objects) == frozenset()


def placeholders(**values: str) -> dict[str, Any]:
    """A Secret as written by `kindgate init`."""
    item = manifest("Secret", "shop", stringData=values)
    item["metadata"]["annotations"] = {PLACEHOLDER_ANNOTATION: "true"}
    return item


def test_placeholders_are_filled_in_by_the_options() -> None:
    """Values are filled in place, so no second Secret has the same name; keys without an option keep their placeholder."""
    reads = deployment(container={"envFrom": [{"secretRef": {"name": "shop"}}]})
    all_objects = rendered(NAMESPACE, reads, service(), placeholders(token=PLACEHOLDER, user=PLACEHOLDER))

    after = with_secrets(all_objects, [RequestedSecret("shop", "token", "API_TOKEN")], {"API_TOKEN": "s3cret"})

    (secret,) = after.of_kind("Secret")
    assert base64.b64decode(secret["data"]["token"]) == b"s3cret"
    assert secret["stringData"] == {"user": PLACEHOLDER}
    assert [finding.path for finding in validate(all_objects)] == ["stringData.token", "stringData.user"]
    assert [finding.path for finding in validate(after)] == ["stringData.user"]


def test_an_edited_value_is_not_a_placeholder() -> None:
    """An edited value is not a placeholder, and neither is the same text in a Secret without the annotation."""
    without_annotation = manifest("Secret", "own", stringData={"token": PLACEHOLDER})

    assert validate(rendered(NAMESPACE, placeholders(token="for-tests"), without_annotation)) == ()
