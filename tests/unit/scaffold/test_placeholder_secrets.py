"""Missing Secrets are written with placeholders, unless their name looks misspelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.deploy.secrets import PLACEHOLDER
from kindgate.deploy.validate import validate
from kindgate.model import Manifest, ObjectRef, Rendered
from kindgate.scaffold.placeholder_secrets import placeholder_secrets
from tests.unit.deploy.objects import deployment, manifest, rendered, service

NAMESPACE = manifest("Namespace", "shop", namespace="")


def needing(*secrets: str, keys: tuple[str, ...] = ("token",)) -> dict[str, Any]:
    """A Deployment that reads keys of Secrets."""
    variables = [{"name": f"V{key}", "valueFrom": {"secretKeyRef": {"name": name, "key": key}}} for name in secrets for key in keys]
    return deployment(container={"env": variables})


def errors(manifests: Rendered) -> list[str]:
    """Return the validation errors that keep the pods from starting."""
    return [str(finding) for finding in validate(manifests) if finding.level == "error"]


def with_more(manifests: Rendered, added: Sequence[Manifest]) -> Rendered:
    """Return the application with additional objects."""
    return replace(manifests, objects=(*manifests.objects, *added))


def test_every_known_key_gets_a_placeholder() -> None:
    """Keys from variables, volumes and projections get placeholders, so the pods start and each value is a line to edit."""
    pod = needing("shop-credentials", keys=("token", "user", "token"))
    pod["spec"]["template"]["spec"]["volumes"] = [
        {"name": "a", "secret": {"secretName": "certificate", "items": [{"key": "key.pem", "path": "key.pem"}]}},
        {"name": "b", "projected": {"sources": [{"secret": {"name": "shop-credentials", "items": [{"key": "salt", "path": "s"}]}}]}},
        {"name": "c", "secret": {"secretName": "not-needed", "optional": True}},
    ]
    manifests = rendered(NAMESPACE, pod, service())

    found = placeholder_secrets(manifests)

    assert {item["metadata"]["name"]: tuple(item["stringData"]) for item in found.added} == {
        "certificate": ("key.pem",),
        "shop-credentials": ("salt", "token", "user"),
    }
    assert {value for item in found.added for value in item["stringData"].values()} == {PLACEHOLDER}
    after = with_more(manifests, found.added)
    assert len(errors(manifests)) == 5
    assert errors(after) == []
    assert [finding.path for finding in validate(after) if finding.object.kind == "Secret"] == [
        "stringData.key.pem",
        "stringData.salt",
        "stringData.token",
        "stringData.user",
    ]


def test_a_secret_used_as_a_whole_has_no_keys() -> None:
    """The keys of a Secret that is read as a whole are unknown, but the pod starts without them."""
    manifests = rendered(NAMESPACE, deployment(container={"envFrom": [{"secretRef": {"name": "settings"}}]}), service())

    (secret,) = placeholder_secrets(manifests).added

    assert "stringData" not in secret
    (finding,) = validate(with_more(manifests, [secret]))
    assert (finding.level, finding.object.name) == ("warning", "settings")
    assert "no keys" in finding.message


def test_existing_and_provided_secrets_are_not_created() -> None:
    """Secrets in the manifests or the prerequisites are not created."""
    existing = manifest("Secret", "one", stringData={"token": "x"})

    assert placeholder_secrets(rendered(needing("one"), existing)).added == ()
    assert placeholder_secrets(rendered(needing("one")), [existing]).added == ()


@pytest.mark.parametrize(
    ("wanted", "existing", "created"),
    [
        ("shop-credentails", "shop-credentials", False),
        ("shop-credential", "shop-credentials", False),
        ("shop-credentials", "stock-credentials", True),
        ("settings-1", "settings-2", True),
        ("api-tls", "app-tls", True),
        ("session", "shop-credentials", True),
    ],
)
def test_a_possibly_misspelled_name_remains_an_error(wanted: str, existing: str, *, created: bool) -> None:
    """A placeholder would hide a misspelled reference to an existing Secret with a similar name."""
    secret = manifest("Secret", existing, stringData={"token": "x"})
    manifests = rendered(NAMESPACE, needing(wanted), service(), secret)

    found = placeholder_secrets(manifests)

    assert bool(found.added) is created
    assert bool(errors(with_more(manifests, found.added))) is not created
    assert existing in found.notes[0] or created


def test_the_same_name_in_another_namespace_is_reported() -> None:
    """Kubernetes does not read Secrets from another namespace, so the likely mistake is reported."""
    elsewhere = manifest("Secret", "one", namespace="other", stringData={"token": "x"})

    found = placeholder_secrets(rendered(needing("one"), elsewhere))

    assert [ObjectRef.of(item).namespace for item in found.added] == ["shop"]
    assert "Secret other/one" in found.notes[0]


@given(name=st.text("abc-", min_size=12, max_size=20), place=st.integers(0, 11), letter=st.sampled_from("abcxyz"))
def test_any_single_typo_is_recognized(name: str, place: int, letter: str) -> None:
    """A missing, doubled, replaced or swapped letter is detected."""
    slips = {
        name[:place] + name[place + 1 :],
        name[:place] + letter + name[place:],
        name[:place] + letter + name[place + 1 :],
        name[:place] + name[place : place + 2][::-1] + name[place + 2 :],
    }
    for slip in slips - {name}:
        existing = manifest("Secret", name, stringData={"token": "x"})
        assert placeholder_secrets(rendered(needing(slip), existing)).added == ()
