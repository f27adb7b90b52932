"""No planted secret survives, and texts that hold none stay as they are."""

from __future__ import annotations

import base64
import json
import time
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from kindgate.deploy.secrets import PLACEHOLDER
from kindgate.diagnostics.redact import MASK, Redactor, environment_secrets, kubeconfig_secrets, secret_values, without_secrets

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


@pytest.mark.parametrize(
    "text",
    [
        CANARY,
        f"connecting with {CANARY}, please wait",
        base64.b64encode(CANARY.encode()).decode(),
        json.dumps({"message": CANARY}),
        f"GET /login?p={quote(CANARY, safe='')}",
        f"first line\n{CANARY}\nlast line",
    ],
)
def test_a_known_value_is_found_in_every_form(text: str) -> None:
    """Logs print secrets as they are, encoded, and in the middle of words."""
    clean = Redactor([CANARY]).text(text)
    assert MASK in clean
    for form in (CANARY, base64.b64encode(CANARY.encode()).decode(), quote(CANARY, safe="")):
        assert form not in clean


def test_a_value_that_begins_like_another_is_masked_whole() -> None:
    """The shorter of two secrets must not leave the end of the longer one standing."""
    assert Redactor(["start", "start-and-rest"]).text("it is start-and-rest.") == f"it is {MASK}."


@given(st.text(), st.text(min_size=5), st.text())
def test_a_known_value_never_survives(before: str, secret: str, after: str) -> None:
    """Whatever stands around it."""
    secret = secret.strip()
    assume(len(secret) >= 5 and secret not in MASK)
    clean = Redactor([secret]).text(before + secret + after)
    assert secret not in clean.replace(MASK, "\0")


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Authorization: Bearer abcdef.123456", "abcdef.123456"),
        ("authorization: basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
        ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl end", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"),
        ("postgres://app:hunter22@db:5432/app", "hunter22"),
        ("DB_PASSWORD=hunter22", "hunter22"),
        ('{"api_key": "hunter22"}', "hunter22"),
        ("client-key-data: aHVudGVyMjI=", "aHVudGVyMjI="),
        ("token: hunter22", "hunter22"),
        ("PASS=hunter22", "hunter22"),
        ("DB_PASS: hunter22", "hunter22"),
        ("pass: hunter22", "hunter22"),
        ("ghp_0123456789abcdefghij0123", "ghp_0123456789abcdefghij0123"),
        ("AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\nAAAA\n-----END RSA PRIVATE KEY-----", "MIIE"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE cut off", "MIIE"),
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str, secret: str) -> None:
    """Secrets that nobody declared have forms that give them away."""
    assert secret not in Redactor([]).text(text)


@pytest.mark.parametrize(
    "text",
    [
        "automountServiceAccountToken: false",
        "secretName: db-credentials-v1",
        "secretKeyRef: {name: db, key: token}",
        'Error: secret "db" not found',
        "http://foo.localhost:8080/path@x",
        "2026-01-01T00:00:00Z Warning Failed Pod echo/foo",
        "PASS: p(95) of http_req_duration = 12 ms",
        "--- PASS: TestServing (0.00s)",
        "",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    """A bundle that hides the cause of a failure helps nobody."""
    assert Redactor([]).text(text) == text


def test_a_hostile_text_is_redacted_in_linear_time() -> None:
    """A megabyte that keeps the patterns guessing: with a pattern that looks back, this took 10 s of processor time."""
    begun = time.process_time()
    for text in ("a-" * 500_000, "token.password." * 60_000, "-----BEGIN PRIVATE KEY-----" * 30_000, "x://" * 200_000):
        Redactor(["secret-value"]).text(text)
    assert time.process_time() - begun < 4


def test_short_values_do_not_shred_texts() -> None:
    """A Secret that holds `on` must not take every `on` out of the logs."""
    assert Redactor(["on", "1", ""]).text("one connection on port 1") == "one connection on port 1"


def test_a_secret_object_keeps_its_shape_without_its_values() -> None:
    """Keys and names help to understand; values, and Kubernetes' copies of them, are gone."""
    clean = without_secrets(SECRET)
    assert clean["data"] == {"password": MASK}
    assert clean["metadata"]["annotations"] == {"kept": "yes"}
    text = yaml.safe_dump(clean)
    assert CANARY not in text
    assert SECRET["data"] == {"password": base64.b64encode(CANARY.encode()).decode()}


def test_secret_variables_are_masked_in_place() -> None:
    """References to Secrets stay, because they explain a container that cannot be configured."""
    clean = without_secrets(DEPLOYMENT)
    assert clean["spec"]["env"][0] == {"name": "DB_PASSWORD", "value": MASK}
    assert clean["spec"]["env"][1:] == DEPLOYMENT["spec"]["env"][1:]  # type: ignore[index]  # a plain dictionary
    assert clean["spec"]["automountServiceAccountToken"] is False


def test_the_values_of_objects_are_known_decoded_too() -> None:
    """What a container prints is the decoded value."""
    assert CANARY in set(secret_values([SECRET]))
    assert CANARY in set(secret_values([DEPLOYMENT]))
    assert "debug" not in set(secret_values([DEPLOYMENT]))


def test_binary_secrets_do_not_break_it() -> None:
    """A keystore has no text form."""
    values = list(secret_values([{"kind": "Secret", "data": {"store": base64.b64encode(b"\xff\xfe\x00").decode(), "odd": "not base64!"}}]))
    assert values == ["//4A", "not base64!"]


def test_the_runs_own_secrets_are_known() -> None:
    """The workflow's token stands in the environment of the tests."""
    assert list(environment_secrets({"GITHUB_TOKEN": "t0ken", "HOME": "/root", "EMPTY_TOKEN": "", "MY_API_KEY": "k3y"})) == ["t0ken", "k3y"]


def test_a_kubeconfigs_credentials_are_known() -> None:
    """Keys, encoded and decoded, tokens and passwords; certificates are public."""
    key = base64.b64encode(b"private").decode()
    users: list[dict[str, Any]] = [
        {"user": {"token": "t", "client-certificate-data": "public", "client-key-data": key}},
        {"user": {"password": "p"}},
        {"user": None},
    ]
    assert list(kubeconfig_secrets({"users": users})) == ["t", key, "private", "p"]


def test_a_placeholder_is_no_secret() -> None:
    """An application that cannot use it says so, and that text is the cause."""
    encoded = base64.b64encode(PLACEHOLDER.encode()).decode()
    secret = {"kind": "Secret", "metadata": {"name": "db"}, "data": {"url": encoded}, "stringData": {"key": PLACEHOLDER, "token": CANARY}}

    assert Redactor(secret_values([secret])).text(f"no such host: {PLACEHOLDER}, {CANARY}") == f"no such host: {PLACEHOLDER}, {MASK}"
