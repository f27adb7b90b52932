"""Images built by the user, in the local engine or in archive files, such as the pull request's own image."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from kindgate.errors import ImageError
from kindgate.host.container_engine import Engine
from kindgate.images.archive import plain_archive, read_archive
from kindgate.images.engine_store import image_id, keeps_digests, save_image
from kindgate.images.image_plan import ImagePlan, LocalArchive, LocalImage
from kindgate.images.image_reference import ImageReference
from kindgate.images.oci_layout import LayoutImage, write_layout
from kindgate.settings import ImageSettings
from kindgate.waiting import Deadline


@dataclass(frozen=True)
class LocalImages:
    """The images given by `--app-image` and `--kind-load`, found in the engine or in archives."""

    loaded: tuple[LocalImage, ...]
    archives: tuple[LocalArchive, ...]


def find_local(settings: ImageSettings, root: Path, engine: Engine, folder: Path, deadline: Deadline) -> LocalImages:
    """Find the user's images; files are relative to `root`, and a compressed archive is unpacked into `folder`.

    Raises `ImageError` for images found neither in the engine nor on disk. With --images-allow-missing, images missing
    in the engine are left for the cluster to report.
    """
    app = tuple(settings.app_images.values())
    files = [item for item in settings.load if (root / item).is_file()]
    loaded = tuple(item for item in settings.load if item not in files)
    ids: dict[str, str] = {}
    for option, name in [*(("--app-image", name) for name in app), *(("--kind-load", name) for name in loaded)]:
        identity = image_id(engine, name, deadline)
        if identity:
            ids[name] = identity
        elif not settings.allow_missing:
            raise ImageError(
                f"{option}: image {name} was not found in the engine" + (", and no such file exists" if option == "--kind-load" else ""),
                next_step=f"build it first (`kindgate build`), or correct the name; list images with `{engine.program} images`",
            )
    # in Docker's containerd store, an image's ID is the digest of its manifest
    digests = ids if ids and keeps_digests(engine, deadline) else {}
    images = (LocalImage(ImageReference.parse(name).loadable(digests.get(name, "")), name, digests.get(name, "")) for name in ids)
    return LocalImages(tuple(images), tuple(_archive(root / item, folder) for item in files))


def with_local(archive: Path | None, plan: ImagePlan, engine: Engine, folder: Path, deadline: Deadline) -> Path | None:
    """Merge an image source's `archive` and the user's images into one archive in `folder`.

    An image of the engine gets its requested name in the archive; its names in the engine do not change. The user's
    images take precedence over a source's of the same name, and are also stored under the digests that the manifests
    name. Raises `ImageError` if an image of the plan turns out to have another digest.
    """
    if not plan.local and not plan.archives:
        return archive
    with ThreadPoolExecutor(max_workers=2) as pool:
        saved = list(pool.map(lambda image: save_image(engine, image.engine_image, folder, deadline).named(image.name), plan.local))
    user_images = [*saved, *(image for file in plan.archives for image in _named_images(file.path))]
    pinned = [loaded.name for loaded in plan.user_provided.values() if loaded.name.digest]
    images: dict[str, LayoutImage] = {}
    for image in [*user_images, *_by_digest(user_images, pinned), *(_named_images(archive) if archive else ())]:
        images.setdefault(image.name.exact, image)
    for name in pinned:
        if name.exact not in images:
            raise ImageError(
                f"{name.familiar} cannot be loaded because the engine saves it under another digest",
                next_step="refer to the image by its tag",
            )
    merged = folder / "images.tar"
    write_layout(merged, images.values())
    return merged


def _archive(path: Path, folder: Path) -> LocalArchive:
    decompressed = plain_archive(path, folder)
    digests = {image.name: image.manifest.digest for image in _named_images(decompressed)}
    if not digests:
        raise ImageError(f"{path}: its images have no names", next_step="save them by name: `docker save NAME:TAG`")
    return LocalArchive(decompressed, digests)


def _named_images(path: Path) -> list[LayoutImage]:
    return [image.named(name.loadable(image.manifest.digest)) for image in read_archive(path) for name in image.names]


def _by_digest(images: Iterable[LayoutImage], pinned: Iterable[ImageReference]) -> list[LayoutImage]:
    """The images that have one of the digests in `pinned`, under that name."""
    pinned_names = {(name.name, name.digest): name for name in pinned}
    renamed = ((pinned_names.get((image.name.name, image.manifest.digest)), image) for image in images)
    return [replace(image, name=name) for name, image in renamed if name is not None]
