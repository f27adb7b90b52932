"""Secrets in objects, variables and kubeconfigs become known values, and are removed from copies of objects."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

import pytest
import yaml

from kindgate.deploy.secrets import PLACEHOLDER
from kindgate.observe.secret_objects import environment_secrets, kubeconfig_secrets, secret_values, without_secrets
from kindgate.redaction.known_values import KnownValue
from kindgate.redaction.redactor import Redactor
from kindgate.redaction.secret_names import MASK, is_secret_name

CANARY = "c4n4ry-Q7x!"
SECRET = {
    "kind": "Secret",
    "metadata": {
        "name": "db",
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": CANARY, "kept": "yes"},
        "managedFields": [{"manager": CANARY}],
    },
    "data": {"password": base64.b64encode(CANARY.encode()).decode()},
}
DEPLOYMENT = {
    "kind": "Deployment",
    "metadata": {"name": "app"},
    "spec": {
        "automountServiceAccountToken": False,
        "env": [
            {"name": "DB_PASSWORD", "value": CANARY},
            {"name": "LEVEL", "value": "debug"},
            {"name": "API_TOKEN", "valueFrom": {"secretKeyRef": {"name": "db", "key": "token"}}},
        ],
    },
}


def texts(values: Iterable[KnownValue]) -> list[str]:
    """Return the values' texts."""
    return [value.text for value in values]


def test_a_secret_object_keeps_its_shape_without_its_values() -> None:
    """Keys and names are kept because they help; values and the copies Kubernetes makes of them are removed."""
    clean = without_secrets(SECRET)
    assert clean["data"] == {"password": MASK}
    assert clean["metadata"]["annotations"] == {"kept": "yes"}
    text = yaml.safe_dump(clean)
    assert CANARY not in text
    assert SECRET["data"] == {"password": base64.b64encode(CANARY.encode()).decode()}


def test_secret_variables_are_masked_in_place() -> None:
    """References to Secrets are kept, because they explain a container with a configuration error."""
    clean = without_secrets(DEPLOYMENT)
    assert clean["spec"]["env"][0] == {"name": "DB_PASSWORD", "value": MASK}
    assert clean["spec"]["env"][1:] == DEPLOYMENT["spec"]["env"][1:]  # type: ignore[index]  # a plain dictionary
    assert clean["spec"]["automountServiceAccountToken"] is False


def test_encoded_and_decoded_values_are_known() -> None:
    """A container prints the decoded value, so that is known too."""
    assert CANARY in texts(secret_values([SECRET]))
    assert CANARY in texts(secret_values([DEPLOYMENT]))
    assert "debug" not in texts(secret_values([DEPLOYMENT]))


def test_binary_secrets_are_skipped() -> None:
    """A keystore is binary and has no text form."""
    objects = [{"kind": "Secret", "data": {"store": base64.b64encode(b"\xff\xfe\x00").decode(), "odd": "not base64!"}}]
    assert texts(secret_values(objects)) == ["//4A", "not base64!"]


def test_the_runs_own_secrets_are_known() -> None:
    """The workflow's token is in the tests' environment."""
    environment = {"GITHUB_TOKEN": "t0ken", "HOME": "/root", "EMPTY_TOKEN": "", "MY_API_KEY": "k3y", "PWD": "/work", "MYSQL_PWD": "pwd"}
    known = [KnownValue("t0ken", "GITHUB_TOKEN"), KnownValue("k3y", "MY_API_KEY"), KnownValue("pwd", "MYSQL_PWD")]
    assert list(environment_secrets(environment)) == known


def test_a_kubeconfigs_credentials_are_known() -> None:
    """Keys (encoded and decoded), tokens and passwords are secret; certificates are public."""
    key = base64.b64encode(b"private").decode()
    users: list[dict[str, Any]] = [
        {"user": {"token": "t", "client-certificate-data": "public", "client-key-data": key}},
        {"user": {"password": "p"}},
        {"user": None},
    ]
    assert texts(kubeconfig_secrets({"users": users})) == ["t", key, "private", "p"]


def test_values_are_identified_by_their_origin() -> None:
    """A value that cannot be masked is identified by its origin, without being shown."""
    origins = [value.origin for value in secret_values([SECRET, DEPLOYMENT])]
    assert origins == ["key password of Secret db"] * 2 + ["DB_PASSWORD in Deployment app"]


@pytest.mark.parametrize("value", ["on", "password"])
def test_the_encoding_of_an_unmaskable_value_is_unmaskable(value: str) -> None:
    """`b24=` in a log is no more a secret than `on`."""
    secret = {"kind": "Secret", "metadata": {"name": "db"}, "data": {"pin": base64.b64encode(value.encode()).decode()}}
    assert [known for known in secret_values([secret]) if known.maskable] == []


@pytest.mark.parametrize(
    ("name", "secret"),
    [("DB_PASSWORD_2", True), ("apiKey", True), ("MYSQL_PWD", True), ("credentials", True), ("PWD", False), ("tokenizer", False)],
)
def test_secrets_are_recognized_by_name(name: str, secret: bool) -> None:  # noqa: FBT001 - a column of a table
    """The end of a name decides whether its value is secret."""
    assert is_secret_name(name) is secret


def test_a_placeholder_is_not_a_secret() -> None:
    """An application that rejects the placeholder prints it, and that message is the cause."""
    encoded = base64.b64encode(PLACEHOLDER.encode()).decode()
    secret = {"kind": "Secret", "metadata": {"name": "db"}, "data": {"url": encoded}, "stringData": {"key": PLACEHOLDER, "token": CANARY}}

    assert Redactor(secret_values([secret])).text(f"no such host: {PLACEHOLDER}, {CANARY}") == f"no such host: {PLACEHOLDER}, {MASK}"
