"""Image references are completed and compared as container engines do."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.errors import ImageError
from kindgate.images.image_reference import ImageReference, selects

DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("traefik", "docker.io/library/traefik:latest"),
        ("traefik:v3.7.15", "docker.io/library/traefik:v3.7.15"),
        ("hashicorp/http-echo:1.0", "docker.io/hashicorp/http-echo:1.0"),
        ("docker.io/traefik:v3", "docker.io/library/traefik:v3"),
        ("index.docker.io/library/traefik:v3", "docker.io/library/traefik:v3"),
        ("registry.k8s.io/coredns/coredns:v1.14.6", "registry.k8s.io/coredns/coredns:v1.14.6"),
        ("localhost/app:1", "localhost/app:1"),
        ("localhost:5000/app", "localhost:5000/app:latest"),
        ("127.0.0.1:5000/a/b:c", "127.0.0.1:5000/a/b:c"),
        (f"app@{DIGEST}", f"docker.io/library/app@{DIGEST}"),
        (f"ghcr.io/me/app:1@{DIGEST}", f"ghcr.io/me/app:1@{DIGEST}"),
    ],
)
def test_omitted_parts_get_defaults(text: str, complete: str) -> None:
    """Registry, `library/` and tag are added; a reference with a digest gets no tag."""
    assert str(ImageReference.parse(text)) == complete


@pytest.mark.parametrize("text", ["", "App:1", "a:", "a b", "a@sha256:12", "a@", "/a", "a//b", "a:tag with space", "-a", "host:port/app"])
def test_an_invalid_reference_is_refused(text: str) -> None:
    """The error quotes the input."""
    with pytest.raises(ImageError, match="is not an image reference") as caught:
        ImageReference.parse(text)

    assert repr(text) in caught.value.message


_references = st.builds(
    ImageReference,
    registry=st.sampled_from(["docker.io", "ghcr.io", "localhost", "10.0.0.1:5000", "registry.example:80"]),
    repository=st.lists(st.from_regex(r"[a-z0-9]+([._-][a-z0-9]+)?", fullmatch=True), min_size=2, max_size=4).map("/".join),
    tag=st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", fullmatch=True),
    digest=st.sampled_from(["", DIGEST]),
)


@given(reference=_references, tagged=st.booleans())
def test_formatting_and_parsing_round_trip(reference: ImageReference, *, tagged: bool) -> None:
    """A complete reference survives formatting and parsing, also in its familiar form."""
    written = reference if tagged or not reference.digest else replace(reference, tag="")

    assert ImageReference.parse(str(written)) == written
    assert ImageReference.parse(written.familiar) == written


@pytest.mark.parametrize(
    ("text", "familiar"),
    [
        ("docker.io/library/shop:1", "shop:1"),
        (f"docker.io/team/shop@{DIGEST}", f"team/shop@{DIGEST}"),
        ("docker.io/localhost/shop:1", "docker.io/localhost/shop:1"),
        ("ghcr.io/library/shop:1", "ghcr.io/library/shop:1"),
    ],
)
def test_the_familiar_form_omits_defaults(text: str, familiar: str) -> None:
    """The familiar form omits the defaults an engine adds, but never changes the image."""
    assert ImageReference.parse(text).familiar == familiar
    assert ImageReference.parse(familiar) == ImageReference.parse(text)


@given(reference=_references)
def test_a_digest_alone_is_looked_up(reference: ImageReference) -> None:
    """As in containerd, a tag is ignored next to a digest."""
    without_digest = ImageReference(reference.registry, reference.repository, reference.tag, "")

    assert reference.exact == (f"{reference.name}@{reference.digest}" if reference.digest else str(without_digest))


@given(
    reference=_references,
    digests=st.lists(st.from_regex(r"[0-9a-f]{64}", fullmatch=True), min_size=2, max_size=2, unique_by=lambda d: d[:12]),
)
def test_a_tag_derived_from_a_digest_is_valid_and_unique(reference: ImageReference, digests: list[str]) -> None:
    """A tag derived from a digest is valid and unique, however long the original tag is."""
    one, two = (reference.with_digest(f"sha256:{digest}").by_tag() for digest in digests)

    assert ImageReference.parse(str(one)) == one != two
    assert one.name == reference.name
    assert (one.digest, digests[0][:12] in one.tag) == ("", True)


@given(reference=_references)
def test_a_name_selects_any_tag_and_a_tag_only_itself(reference: ImageReference) -> None:
    """Names match as in `kustomize edit set image`."""
    assert selects(reference.name, reference)
    assert selects(f"{reference.familiar_name}:{reference.tag}", reference)
    assert not selects(f"{reference.name}:{reference.tag[:100]}x-other", reference)
    assert not selects(f"{reference.name}/other", reference)
    assert selects(f"{reference.name}@{DIGEST}", reference) is bool(reference.digest)


def test_a_name_without_a_tag_means_any_and_latest_means_latest() -> None:
    """The colon of a port is not that of a tag."""
    assert selects("localhost:5000/shop", ImageReference.parse("localhost:5000/shop:3"))
    assert selects("shop:latest", ImageReference.parse("shop"))
    assert not selects("shop:latest", ImageReference.parse("shop:1"))
    assert not selects(f"shop@{DIGEST}", ImageReference.parse("shop@sha256:" + "0" * 64))


def test_a_mirror_replaces_the_registry() -> None:
    """The mirror gets the repository's path, including `library/`."""
    assert str(ImageReference.parse("traefik:v3").through("mirror.corp:8443")) == "mirror.corp:8443/library/traefik:v3"
