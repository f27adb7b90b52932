"""Choice of a run's image source."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from kindgate.errors import ImageError, RegistryUnreachable
from kindgate.host.container_engine import Engine
from kindgate.host.facts import HostFacts
from kindgate.images.build.build_source import BuildSource, can_build
from kindgate.images.image_lock import ImageLock
from kindgate.images.image_plan import ImagePlan
from kindgate.images.image_reference import LOCAL_REGISTRY
from kindgate.images.image_source import ImageSource
from kindgate.images.registry import RegistrySource
from kindgate.images.registry_answers import any_reachable
from kindgate.progress import Progress
from kindgate.settings import ImageSettings


def choose_source(
    settings: ImageSettings,
    plan: ImagePlan,
    *,
    engine: Engine,
    facts: HostFacts,
    lock: ImageLock,
    catalogue: Path,
    cache: Path,
    folder: Path,
    progress: Progress,
) -> ImageSource:
    """The source selected by `--image-source`.

    `auto` is the registry if one responds; otherwise building, on a machine that can, which is reported first. If a
    registry refuses (403, 429) or a mirror does not respond, this is an error, not a reason to build. `catalogue` is
    the folder of catalogue.yaml, `cache` is kept between runs, and `folder` is the run's own.
    """
    registry = RegistrySource(engine, lock, folder, settings.registry_mirror)
    build = BuildSource(engine, lock, catalogue, cache, settings.seed, from_source=settings.from_source)
    if settings.source == "build":
        if not can_build(facts):
            raise ImageError(
                "images can be built only as root on Debian or Ubuntu", next_step="use --image-source registry on this machine"
            )
        return build
    if settings.source == "registry" or any_reachable(_hosts(registry, plan)):
        return registry
    if settings.registry_mirror or not can_build(facts):
        message = (
            f"the registry mirror {settings.registry_mirror} does not respond"
            if settings.registry_mirror
            else "no container registry responds"
        )
        raise RegistryUnreachable(
            message, next_step="check network and proxy, or set --registry-mirror HOST to a cache that this machine can reach"
        )
    progress("no container registry responds: building images from modules, wheels and packages, which takes minutes the first time")
    return replace(build, no_registry=True)


def _hosts(registry: RegistrySource, plan: ImagePlan) -> Iterable[str]:
    """The registries that the run would use."""
    references = (image.reference for image in plan.wanted)
    hosts = {registry.pulled_as(reference).registry for reference in (*references, registry.lock.node.reference)}
    return sorted(hosts - {LOCAL_REGISTRY})
