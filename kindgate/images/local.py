"""Images that the user built: of the local engine, or in archive files. The pull request's own image comes this way."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from kindgate.errors import ImageError
from kindgate.host.engine import Engine
from kindgate.images.archive import plain_archive, read_archive
from kindgate.images.engine_store import image_id, save_image
from kindgate.images.layout import LayoutImage, write_layout
from kindgate.images.plan import ImagePlan, LocalArchive
from kindgate.settings import ImageSettings
from kindgate.waiting import Deadline


@dataclass(frozen=True)
class LocalImages:
    """What `--app-image` and `--kind-load` give, looked at: images of the engine, and archives."""

    loaded: tuple[str, ...]
    archives: tuple[LocalArchive, ...]


def find_local(settings: ImageSettings, root: Path, engine: Engine, folder: Path, deadline: Deadline) -> LocalImages:
    """Look at what the user gives; files are counted from `root`, and a packed archive is unpacked into `folder`.

    Raises `ImageError` for what neither the engine nor the disk holds.
    """
    app = tuple(item.split("=", 1)[1] for item in settings.app_image)
    files = [item for item in settings.load if (root / item).is_file()]
    loaded = tuple(item for item in settings.load if item not in files)
    for option, name in [*(("--app-image", name) for name in app), *(("--kind-load", name) for name in loaded)]:
        if not image_id(engine, name, deadline):
            raise ImageError(
                f"{option}: the engine holds no image {name}" + (", and there is no such file" if option == "--kind-load" else ""),
                next_step=f"build it first, or correct the name; `{engine.program} images` lists what there is",
            )
    return LocalImages((*app, *loaded), tuple(_archive(root / item, folder) for item in files))


def with_local(archive: Path | None, plan: ImagePlan, engine: Engine, folder: Path, deadline: Deadline) -> Path | None:
    """One archive of what an image source gave (`archive`) and what the user gave; it is written into `folder`.

    An image of the engine gets its asked name in the archive: the engine's own names stay as they are. The user's
    images win over a source's of the same name.
    """
    if not plan.local and not plan.archives:
        return archive
    with ThreadPoolExecutor(max_workers=2) as pool:
        saved = list(pool.map(lambda image: save_image(engine, image.engine_image, folder, deadline).named(image.name), plan.local))
    files = [file.path for file in plan.archives] + ([archive] if archive else [])
    images: dict[str, LayoutImage] = {}
    for image in [*saved, *(image for file in files for image in _named(file))]:
        images.setdefault(image.name.tagged, image)
    merged = folder / "images.tar"
    write_layout(merged, images.values())
    return merged


def _archive(path: Path, folder: Path) -> LocalArchive:
    plain = plain_archive(path, folder)
    names = tuple(name for image in read_archive(plain) for name in image.names)
    if not names:
        raise ImageError(f"{path}: its images have no names", next_step="save them by name: `docker save NAME:TAG`")
    return LocalArchive(plain, names)


def _named(path: Path) -> list[LayoutImage]:
    return [image.named(name) for image in read_archive(path) for name in image.names]
