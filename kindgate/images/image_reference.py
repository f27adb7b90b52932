"""Image references; `traefik:v3` and `docker.io/library/traefik:v3` are the same image."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from kindgate.errors import ImageError

DEFAULT_REGISTRY = "docker.io"
DEFAULT_TAG = "latest"
LOCAL_REGISTRY = "kindgate.local"
"""Registry part of the names of images built here; no registry has them, and none is queried."""

_PATH = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_REGISTRY = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?"
)
_TAG_LENGTH = 128
_TAG = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9_.-]{{0,{_TAG_LENGTH - 1}}}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, order=True)
class ImageReference:
    """A complete image reference: `registry/repository:tag@digest`; tag or digest may be empty.

    The grammar is that of the distribution project's `reference` package, which Docker, Podman and containerd share.
    """

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> ImageReference:
        """Complete `text` as an engine does, with docker.io, `library/` and `latest` as defaults.

        Raises `ImageError` if `text` is not an image reference.
        """
        written = _as_written(text)
        return written if written.tag or written.digest else replace(written, tag=DEFAULT_TAG)

    @property
    def name(self) -> str:
        """Registry and repository, without tag and digest."""
        return f"{self.registry}/{self.repository}"

    @property
    def tagged(self) -> str:
        """The name with its tag, as containerd and the kubelet know the image."""
        return f"{self.name}:{self.tag}" if self.tag else self.name

    @property
    def exact(self) -> str:
        """The name by which engines, containerd and the kubelet look up the image; they ignore a tag next to a digest."""
        return f"{self.name}@{self.digest}" if self.digest else self.tagged

    @property
    def familiar_name(self) -> str:
        """The short name without tag and digest: `shop` for `docker.io/library/shop:1`."""
        short = self.repository.removeprefix("library/") if self.registry == DEFAULT_REGISTRY else ""
        return short if short and _split_registry(short) == (self.registry, self.repository) else self.name

    @property
    def familiar(self) -> str:
        """The whole reference with the short name."""
        return str(self).replace(self.name, self.familiar_name, 1)

    def by_tag(self) -> ImageReference:
        """The same image without its digest, whose first 12 digits are added to the tag, so two digests of a tag stay distinct."""
        if not self.digest:
            return self
        short = self.digest.partition(":")[2][:12]
        return replace(self, tag=f"{self.tag[: _TAG_LENGTH - len(short) - 1]}-{short}" if self.tag else short, digest="")

    def loadable(self, digest: str) -> ImageReference:
        """The name for loading an image whose manifest has `digest`: this one, unless it names another digest."""
        return self if self.digest in ("", digest) else self.by_tag()

    def with_digest(self, digest: str) -> ImageReference:
        """The same image, pinned to `digest` (`sha256:...`)."""
        return replace(self, digest=digest)

    def through(self, mirror: str) -> ImageReference:
        """The same repository behind the pull-through cache `mirror` (`host` or `host:port`)."""
        return replace(self, registry=mirror)

    def __str__(self) -> str:
        return self.tagged + (f"@{self.digest}" if self.digest else "")


def selects(name: str, image: ImageReference) -> bool:
    """Whether NAME in `--app-image NAME=IMAGE` selects `image`; tag and digest are compared only if NAME has them.

    Raises `ImageError` if NAME is not an image reference.
    """
    wanted = _as_written(name)
    return wanted.name == image.name and wanted.tag in ("", image.tag) and wanted.digest in ("", image.digest)


def _as_written(text: str) -> ImageReference:
    """The reference with its registry, but without an engine's default tag."""
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
        raise ImageError(f"{text!r} is not an image reference", next_step="use the form [registry/]name:tag, in lowercase")
    return ImageReference(registry, repository, tag, digest)


def _split_tag(text: str) -> tuple[str, str]:
    """Split `name:tag`; a colon before the last slash belongs to a port."""
    name, colon, tag = text.rpartition(":")
    return (name, tag) if colon and tag and "/" not in tag else (text, "")


def _split_registry(text: str) -> tuple[str, str]:
    """Split `registry/repository`; the first part is a registry if it has a dot or a port, or is `localhost`."""
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
