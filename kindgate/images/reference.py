"""Image references: `traefik:v3` and `docker.io/library/traefik:v3` are the same image, and this is where that is known."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from kindgate.errors import ImageError

DEFAULT_REGISTRY = "docker.io"
DEFAULT_TAG = "latest"
OWN_REGISTRY = "kindgate.local"
"""What stands for a registry in the names of images that are built here: no registry holds them, and none is asked."""

_PATH = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_REGISTRY = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?"
)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, order=True)
class ImageReference:
    """A complete image reference: `registry/repository:tag@digest`, where tag or digest may be empty, never both.

    The grammar is that of the distribution project's `reference` package, on which Docker, Podman and containerd agree.
    """

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> ImageReference:
        """Complete `text` as an engine does: docker.io, `library/` and `latest` are put in where they are left out.

        Raises `ImageError` when `text` is no image reference.
        """
        rest, at, digest = text.partition("@")
        rest, tag = _split_tag(rest)
        registry, repository = _split_registry(rest)
        well_formed = (
            _REGISTRY.fullmatch(registry)
            and _PATH.fullmatch(repository)
            and (_TAG.fullmatch(tag) or (not tag and not rest.endswith(":")))
            and (_DIGEST.fullmatch(digest) or not at)
        )
        if not well_formed:
            raise ImageError(f"{text!r} is not an image reference", next_step="write it as [registry/]name:tag, in lower case")
        return cls(registry, repository, tag or ("" if digest else DEFAULT_TAG), digest)

    @property
    def name(self) -> str:
        """Registry and repository, without tag and digest."""
        return f"{self.registry}/{self.repository}"

    @property
    def tagged(self) -> str:
        """The name with its tag, as containerd and the kubelet know the image."""
        return f"{self.name}:{self.tag}" if self.tag else self.name

    def with_digest(self, digest: str) -> ImageReference:
        """The same image, pinned to `digest` (`sha256:...`)."""
        return replace(self, digest=digest)

    def through(self, mirror: str) -> ImageReference:
        """The same repository behind the pull-through cache `mirror` (`host` or `host:port`)."""
        return replace(self, registry=mirror)

    def matches(self, other: ImageReference) -> bool:
        """Whether `other` is the same repository and tag; digests do not count."""
        return (self.name, self.tag) == (other.name, other.tag)

    def __str__(self) -> str:
        return self.tagged + (f"@{self.digest}" if self.digest else "")


def _split_tag(text: str) -> tuple[str, str]:
    """`name:tag` apart; a colon before the last slash belongs to a port."""
    name, colon, tag = text.rpartition(":")
    return (name, tag) if colon and tag and "/" not in tag else (text, "")


def _split_registry(text: str) -> tuple[str, str]:
    """`registry/repository` apart: a first part is a registry if it has a dot or a port, or is `localhost`."""
    first, slash, rest = text.partition("/")
    if slash and (any(sign in first for sign in ".:") or first == "localhost" or first != first.lower()):
        registry, repository = first, rest
    else:
        registry, repository = DEFAULT_REGISTRY, text
    if registry == "index.docker.io":
        registry = DEFAULT_REGISTRY
    if registry == DEFAULT_REGISTRY and "/" not in repository:
        repository = f"library/{repository}"
    return registry, repository
