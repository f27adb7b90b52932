"""Image references are completed and compared as engines do it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.errors import ImageError
from kindgate.images.reference import ImageReference

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
def test_what_is_left_out_is_put_in(text: str, complete: str) -> None:
    """Registry, `library/` and tag are completed; a tag is not invented beside a digest."""
    assert str(ImageReference.parse(text)) == complete


@pytest.mark.parametrize("text", ["", "App:1", "a:", "a b", "a@sha256:12", "a@", "/a", "a//b", "a:tag with space", "-a", "host:port/app"])
def test_what_is_no_reference_is_refused(text: str) -> None:
    """The error repeats what was written."""
    with pytest.raises(ImageError, match="is not an image reference") as caught:
        ImageReference.parse(text)

    assert repr(text) in caught.value.message


_word = st.from_regex(r"[a-z0-9]+([._-][a-z0-9]+)?", fullmatch=True)


@given(
    registry=st.sampled_from(["docker.io", "ghcr.io", "localhost", "10.0.0.1:5000", "registry.example:80"]),
    path=st.lists(_word, min_size=2, max_size=4),
    tag=st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True),
    digest=st.sampled_from(["", DIGEST]),
)
def test_parsing_what_was_written_gives_the_same(registry: str, path: list[str], tag: str, digest: str) -> None:
    """A complete reference survives being written and read."""
    reference = ImageReference(registry, "/".join(path), tag, digest)

    assert ImageReference.parse(str(reference)) == reference


def test_a_mirror_takes_the_place_of_the_registry() -> None:
    """The repository's path, `library/` included, is asked of the mirror."""
    assert str(ImageReference.parse("traefik:v3").through("mirror.corp:8443")) == "mirror.corp:8443/library/traefik:v3"
