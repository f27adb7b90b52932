"""Commands for images: list, pin, pull or build the images that a run needs."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from kindgate.cli.command_options import with_settings
from kindgate.cli.console import stopwatch_progress, untrusted
from kindgate.settings import Settings

images = typer.Typer(name="images", help="The images that a run needs and their sources.", no_args_is_help=True)

IMAGE_SECONDS = 3600.0


@images.command("list")
@untrusted
@with_settings("cluster", "images", "deploy")
def list_images(settings: Settings) -> None:
    """List every image with its digest, its source, and its name in the nodes if different; pull and build nothing.

    For built images, also list the program's source, its packager and its license.

    Example: `kindgate images list --app-overlay k8s/overlays/production`
    """
    from kindgate.pipeline.inputs import prepare  # noqa: PLC0415  # keeps --help quick
    from kindgate.pipeline.run_objectives import SloFile  # noqa: PLC0415  # the same

    with TemporaryDirectory(prefix="kindgate-") as folder:
        supply = prepare(settings, SloFile(), Path(folder), stopwatch_progress(), fetch=False).supply
    if supply is not None:
        for line in supply.lines:
            print(line)
        for image in supply.missing:
            print(f"{image}  not found")


@images.command()
@untrusted
@with_settings("cluster", "images", "deploy")
def pin(settings: Settings) -> None:
    """Add missing digests to images.lock, as the registries report them now; existing ones are not changed.

    Covers the images of the manifests and of the lock; needs an engine and access to their registries.

    Example: `kindgate images pin --registry-mirror mirror.example.com`
    """
    from kindgate.pipeline.app_image_pinning import pin_images  # noqa: PLC0415  # keeps --help quick

    written = 0
    with TemporaryDirectory(prefix="kindgate-") as folder:
        for line in pin_images(settings, Path(folder), stopwatch_progress()):
            print(line, flush=True)
            written += 1
    print(f"{written} digests written" if written else "every image already has a digest")


@images.command()
@untrusted
@with_settings("cluster", "images", "deploy")
def warm(settings: Settings) -> None:
    """Pull or build every image that a run needs, so the run itself does not wait.

    Example: `kindgate images warm --image-source build`
    """
    from kindgate.pipeline.inputs import prepare  # noqa: PLC0415  # keeps --help quick
    from kindgate.pipeline.run_objectives import SloFile  # noqa: PLC0415  # the same
    from kindgate.waiting import Deadline  # noqa: PLC0415  # the same

    progress = stopwatch_progress()
    with TemporaryDirectory(prefix="kindgate-") as folder:
        supply = prepare(settings, SloFile(), Path(folder), progress).supply
        if supply is not None:
            deadline = Deadline.after(IMAGE_SECONDS)
            print(f"node image {supply.source.provide_node(supply.plan, progress, deadline)}")
            supply.archive(deadline, progress)
            print(f"{len(supply.names)} workload images are available")


@images.command()
@untrusted
@with_settings("images")
def build(
    settings: Settings,
    name: Annotated[str, typer.Argument(help="Image of the catalogue, with its tag: kindgate.local/load-generator:0.1.0", metavar="IMAGE")],
    archive: Annotated[Path, typer.Argument(help="File to write the OCI archive to: load-generator.tar", metavar="ARCHIVE")],
) -> None:
    """Build one image of the catalogue into an archive (an OCI layout), to be loaded or pushed to a registry.

    Example: `kindgate images build kindgate.local/load-generator:0.1.0 load-generator.tar`, then
    `skopeo copy oci-archive:load-generator.tar docker://registry.example/load-generator:0.1.0`
    """
    import shutil  # noqa: PLC0415  # keeps --help quick

    from kindgate.pipeline.image_supply import build_image  # noqa: PLC0415  # the same
    from kindgate.waiting import Deadline  # noqa: PLC0415  # the same

    built = build_image(settings, name, Deadline.after(IMAGE_SECONDS), stopwatch_progress())
    shutil.copyfile(built, archive)
    print(f"wrote {name} to {archive}")
