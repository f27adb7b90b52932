"""`kindgate build`: build the application's own images, as listed in `app_build`."""

from __future__ import annotations

from kindgate.cli.command_options import with_settings
from kindgate.cli.console import stopwatch_progress
from kindgate.settings import Settings

BUILD_SECONDS = 3600.0


@with_settings("images")
def build(settings: Settings) -> None:
    """Build the application's own images (--app-build) with the engine that a run uses; do nothing if none are set.

    Example: `kindgate build`, before `pytest e2e`
    """
    from kindgate.host.container_engine import find_engine  # noqa: PLC0415  # keeps --help quick
    from kindgate.images.app_images import AppImage, build_app_images  # noqa: PLC0415  # the same
    from kindgate.waiting import Deadline  # noqa: PLC0415  # the same

    images = [AppImage.of(build, settings.root) for build in settings.images.builds]
    if images:
        deadline = Deadline.after(BUILD_SECONDS)
        build_app_images(images, find_engine(deadline), deadline, stopwatch_progress())
    print(f"built: {', '.join(image.image for image in images) or 'nothing, because app_build is not set'}")
