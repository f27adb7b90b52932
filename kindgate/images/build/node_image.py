"""The node image: assembled in a folder, imported into the engine in one step."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from kindgate.host.binaries import download_module
from kindgate.host.command import pipe
from kindgate.host.container_engine import Engine
from kindgate.host.go_caches import shared_go_caches
from kindgate.images.build import rootfs
from kindgate.images.build.image_builder import ImageBuilder
from kindgate.images.build.store import key_of
from kindgate.images.image_reference import LOCAL_REGISTRY
from kindgate.images.oci_layout import write_layout

REPOSITORY = f"{LOCAL_REGISTRY}/node"
"""A distinct name in the engine, so other projects do not mistake the image for kind's."""

# as in kind's Dockerfile; systemd shuts down on SIGRTMIN+3
_CHANGES = ("ENV container=docker", "STOPSIGNAL SIGRTMIN+3", 'ENTRYPOINT [ "/usr/local/bin/entrypoint", "/sbin/init" ]')


def node_image_name(builder: ImageBuilder) -> str:
    """The node image's name in the engine, derived from all of the image's inputs."""
    catalogue, node = builder.catalogue, builder.catalogue.node
    programs = [builder.recipe(program).key for program in node.programs.values()]
    network = (builder.folder / node.network).read_text()
    key = key_of(node.key, catalogue.debian.key, *programs, network, builder.images_key(node.images), rootfs, *_CHANGES)
    return f"{REPOSITORY}:{catalogue.kubernetes}-{key[:12]}"


def make_node_image(builder: ImageBuilder, engine: Engine, name: str) -> None:
    """Make the node image and import it into the engine as `name`."""
    catalogue, node, deadline = builder.catalogue, builder.catalogue.node, builder.deadline
    images = builder.images(node.images)
    programs = {path: builder.program(program) for path, program in node.programs.items()}
    started = time.monotonic()
    builder.progress("node image: assembling")
    with shared_go_caches(), tempfile.TemporaryDirectory(dir=builder.cache, prefix=".node-") as work:
        kind = download_module(node.kind.module, node.kind.version, node.kind.sum, deadline)
        root, archive = Path(work) / "root", Path(work) / "images.tar"
        debian = builder.root_filesystem()
        rootfs.make_root(root, debian=debian, kind=kind, programs=programs, links=node.links, deadline=deadline)
        rootfs.write_manifests(root, catalogue.kubernetes, builder.folder / node.network, kind, node.storage)
        write_layout(archive, images)
        rootfs.import_images(root, archive, deadline)
        changes = [argument for change in _CHANGES for argument in ("--change", change)]
        pipe(["tar", "-C", root, "-c", "."], [engine.command, "import", *changes, "-", name], deadline=deadline, env=engine.environment)
    builder.progress(f"node image: {name} built in {time.monotonic() - started:.0f} s")
