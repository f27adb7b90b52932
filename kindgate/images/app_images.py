"""The application's own images, built from the repository's Dockerfiles by kindgate's engine."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kindgate.errors import CommandFailed, ImageError
from kindgate.host.container_engine import Engine
from kindgate.image_arguments import AppBuild
from kindgate.progress import Progress
from kindgate.waiting import Deadline


@dataclass(frozen=True)
class AppImage:
    """One `--app-build`: build `image` in the folder `context` from its `file`, up to stage `target` (empty: the last)."""

    image: str
    context: Path
    file: Path
    target: str

    @classmethod
    def of(cls, build: AppBuild, root: Path) -> AppImage:
        """Locate a build's files; its folder is relative to `root`, its file to the folder."""
        context = (root / build.folder).resolve()
        candidates = [context / name for name in build.files]
        return cls(build.image, context, next(filter(Path.is_file, candidates), candidates[0]), build.target)

    @property
    def arguments(self) -> Sequence[str]:
        """The engine's arguments."""
        stage = ("--target", self.target) if self.target else ()
        # Docker's own builder leaves behind the container of a failed step
        return ("build", "--force-rm", "--tag", self.image, "--file", str(self.file), *stage, str(self.context))


def build_app_images(images: Sequence[AppImage], engine: Engine, deadline: Deadline, progress: Progress) -> None:
    """Build every image; raises `ImageError` with the engine's output for the first one that fails."""
    for image in images:
        if not image.file.is_file():
            raise ImageError(f"--app-build {image.image}: {image.file} was not found", next_step="correct its path in the settings")
    for image in images:
        progress(f"{engine.program} {shlex.join(image.arguments)}")
        try:
            engine.run(*image.arguments, deadline=deadline)
        except CommandFailed as error:
            raise ImageError(
                f"cannot build {image.image} from {image.file}",
                last_state=error.stderr,
                next_step=f"reproduce it with `{engine.program} {shlex.join(image.arguments)}`",
            ) from error
