"""Values of the options about images: `NAME=IMAGE`, and `IMAGE=FOLDER[,file=FILE][,target=STAGE]`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kindgate.errors import SettingsError

BUILD_FILES = ("Dockerfile", "Containerfile")
"""Names of the file that an image is built from; the first one that exists is used."""

_BUILD = re.compile(r"[^=,\s]+=[^=,]+(,(file|target)=[^=,]+){0,2}")


@dataclass(frozen=True)
class AppBuild:
    """One `--app-build`: build `image` in `folder` from one of its `files`, up to the stage `target` (empty: the last)."""

    image: str
    folder: str
    files: tuple[str, ...] = BUILD_FILES
    target: str = ""

    @classmethod
    def parse(cls, text: str) -> AppBuild:
        """Parse IMAGE=FOLDER[,file=FILE][,target=STAGE]; raises `SettingsError` for another form."""
        if not _BUILD.fullmatch(text):
            raise SettingsError(f"--app-build: {text!r} is not of the form IMAGE=FOLDER[,file=FILE][,target=STAGE]")
        image, _, rest = text.partition("=")
        folder, *more = rest.split(",")
        options = dict(item.split("=", 1) for item in more)
        return cls(image, folder, (options["file"],) if "file" in options else BUILD_FILES, options.get("target", ""))


def images_by_name(flag: str, items: tuple[str, ...]) -> dict[str, str]:
    """Parse the NAME=IMAGE items of an option into a mapping; raises `SettingsError` for one of another form."""
    images: dict[str, str] = {}
    for item in items:
        name, _, image = item.partition("=")
        if not (name and image):
            raise SettingsError(f"{flag}: {item!r} is not of the form NAME=IMAGE")
        images[name] = image
    return images
