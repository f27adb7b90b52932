"""Pin the application's images: look up the digests of all images in its manifests that the user does not build."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from kindgate import assets
from kindgate.host.container_engine import find_engine
from kindgate.images.digest_pinning import pin_missing
from kindgate.images.image_lock import read_lock
from kindgate.images.image_plan import plan_images
from kindgate.images.local_images import find_local
from kindgate.images.registry import RegistrySource
from kindgate.pipeline.inputs import read_application
from kindgate.pipeline.run_tools import find_tools
from kindgate.progress import Progress
from kindgate.settings import Settings
from kindgate.waiting import Deadline

PIN_SECONDS = 3600.0
"""Every image is pulled, which takes time on a slow connection."""


def pin_images(settings: Settings, folder: Path, progress: Progress) -> Iterator[str]:
    """Complete the bundled `images.lock`, and yield a line for each new digest.

    Raises a `KindgateError` for problems with settings, engine, manifests, images or registry.
    """
    deadline = Deadline.after(PIN_SECONDS)
    file = assets.manifests() / "images" / "images.lock"
    engine = find_engine(deadline)
    application = read_application(settings, find_tools(settings, deadline, progress), deadline)
    local = find_local(settings.images, settings.root, engine, folder, deadline)
    plan = plan_images((*application.prerequisites, application.rendered), local=local.loaded, archives=local.archives)
    registry = RegistrySource(engine, read_lock(file), folder, settings.images.registry_mirror)
    unpinned = (image.reference.tagged for image in plan.wanted if not image.reference.digest)
    yield from pin_missing(file, registry, unpinned, progress, deadline)
