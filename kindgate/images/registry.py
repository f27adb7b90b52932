"""The image source `registry`: everything is pulled by the engine, with its credentials, by digest if the lock has one."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from kindgate.errors import CommandFailed, ImageError
from kindgate.host.container_engine import Engine
from kindgate.images.engine_store import image_id, keeps_digests, save_image
from kindgate.images.image_lock import ImageLock
from kindgate.images.image_plan import ImagePlan, LoadedImage, WantedImage
from kindgate.images.image_reference import LOCAL_REGISTRY, ImageReference
from kindgate.images.oci_layout import LayoutImage, write_layout
from kindgate.images.registry_answers import Failure, classify_failure, is_loopback, registry_error
from kindgate.progress import Progress
from kindgate.waiting import Deadline

_QUERY_SECONDS = 60.0
"""Time limit for querying the engine's properties."""

_CONCURRENT_PULLS = 3
"""Number of concurrent pulls; the engine already fetches the layers of each in parallel."""


@dataclass(frozen=True)
class RegistrySource:
    """Pulls images, through the pull-through cache `mirror` if set; the archive is written into `folder`."""

    engine: Engine
    lock: ImageLock
    folder: Path
    mirror: str = ""
    name: str = "registry"

    def missing(self, plan: ImagePlan, deadline: Deadline) -> tuple[WantedImage, ...]:
        """The images missing in their registry; raises `RegistryError` if a registry says neither yes nor no."""
        with ThreadPoolExecutor(max_workers=_CONCURRENT_PULLS) as pool:
            existing = list(pool.map(lambda image: self._exists(self.pulled_as(image.reference), deadline), plan.wanted))
        return tuple(image for image, exists in zip(plan.wanted, existing, strict=True) if not exists)

    def loaded_as(self, reference: ImageReference) -> LoadedImage:
        """The manifests' name with its digest if the engine keeps digests; otherwise a tag derived from the digest."""
        if not reference.digest or self._keeps_digests:
            return LoadedImage(reference)
        return LoadedImage(reference.by_tag(), "is pulled by that digest, but the engine does not keep digests when it saves an image")

    def pinned(self, reference: ImageReference) -> ImageReference:
        """The reference with the manifests' digest, otherwise the lock's; the engine verifies it when it pulls."""
        return reference if reference.digest else reference.with_digest(self.lock.of(reference).digest)

    def missing_message(self, images: str) -> str:
        """The message that no registry has `images`."""
        return f"not found in its registry: {images}"

    def origin_of(self, reference: ImageReference) -> str:  # noqa: ARG002 - required by the source protocol
        """The source's name."""
        return self.name

    def resolved(self, plan: ImagePlan, progress: Progress, deadline: Deadline) -> RegistrySource:  # noqa: ARG002 - required by the source protocol
        """The source unchanged: a registry has only one image per name."""
        return self

    def provide_node(self, plan: ImagePlan, progress: Progress, deadline: Deadline) -> str:
        """The plan's own node image (pulled if the engine lacks it), or the locked one."""
        if plan.node_image and image_id(self.engine, plan.node_image, deadline):
            return plan.node_image
        reference = ImageReference.parse(plan.node_image) if plan.node_image else self.lock.node.reference
        return self._pull(self._mirrored(reference), progress, deadline)

    def provide_workloads(self, plan: ImagePlan, progress: Progress, deadline: Deadline) -> Path | None:
        """One archive of the pulled images under the manifests' names."""
        if not plan.wanted:
            return None

        def pulled(image: WantedImage) -> LayoutImage:
            name = self._pull(self.pulled_as(image.reference), progress, deadline)
            return save_image(self.engine, name, self.folder, deadline).named(self.loaded_as(image.reference).name)

        archive = self.folder / "registry.tar"
        with ThreadPoolExecutor(max_workers=_CONCURRENT_PULLS) as pool:
            write_layout(archive, pool.map(pulled, plan.wanted))
        return archive

    def digest(self, name: str, progress: Progress, deadline: Deadline) -> str:
        """Pull an image by tag and return the registry's digest, for `kindgate images pin`."""
        return self._digest(self._mirrored(ImageReference.parse(name)), progress, deadline)

    def pulled_as(self, reference: ImageReference) -> ImageReference:
        """The reference to pull: behind the mirror, and by digest if one is known."""
        return self._mirrored(self.pinned(reference))

    @cached_property
    def _keeps_digests(self) -> bool:
        return keeps_digests(self.engine, Deadline.after(_QUERY_SECONDS))

    def _mirrored(self, reference: ImageReference) -> ImageReference:
        return reference.through(self.mirror) if self.mirror else reference

    def _exists(self, reference: ImageReference, deadline: Deadline) -> bool:
        """Whether the registry has the image; not queried if the engine has it by digest, or if no registry can have it."""
        if reference.registry == LOCAL_REGISTRY:
            return False
        name = reference.exact
        if reference.digest and image_id(self.engine, name, deadline):
            return True
        if self.engine.program == "podman":
            command = ["manifest", "inspect", f"docker://{name}"]
        else:
            command = ["manifest", "inspect", *(["--insecure"] if is_loopback(reference.registry) else []), name]
        result = self.engine.run(*command, deadline=deadline, check=False)
        if result.returncode == 0:
            return True
        failure = classify_failure(result.stderr)
        if failure is Failure.MISSING:
            return False
        raise registry_error(failure, name, result.stderr)

    def _pull(self, reference: ImageReference, progress: Progress, deadline: Deadline) -> str:
        """Pull an image and return its name in the engine, which verifies a digest itself."""
        name = reference.exact
        if reference.digest and image_id(self.engine, name, deadline):
            return name
        started = time.monotonic()
        progress(f"pulling {name}")
        try:
            self.engine.run("pull", "--quiet", name, deadline=deadline)
        except CommandFailed as error:
            raise registry_error(classify_failure(error.stderr), name, error.stderr) from error
        progress(f"pulled {name} in {time.monotonic() - started:.0f} s")
        return name

    def _digest(self, reference: ImageReference, progress: Progress, deadline: Deadline) -> str:
        name = self._pull(reference, progress, deadline)
        output = self.engine.run("image", "inspect", "--format", "{{json .RepoDigests}}", name, deadline=deadline).stdout
        repo_digests = [ImageReference.parse(entry) for entry in json.loads(output)]
        digest = next((entry.digest for entry in repo_digests if entry.name == reference.name), "")
        if not digest:
            raise ImageError(f"the engine reports no digest for {name}", last_state=output)
        return digest
