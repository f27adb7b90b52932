"""The node image: assembled in a folder, imported into the engine in one step."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from kindgate.host.binaries import download_module
from kindgate.host.command import pipe
from kindgate.host.container_engine import Engine
from kindgate.host.go_caches import kept_while_compiling
from kindgate.images.build import preload, rootfs
from kindgate.images.build.image_builder import ImageBuilder
from kindgate.images.build.store import key_of
from kindgate.images.image_reference import OWN_REGISTRY
from kindgate.images.oci_layout import write_layout

REPOSITORY = f"{OWN_REGISTRY}/node"
"""A distinct name in the engine, so other projects do not mistake the image for kind's."""

# as in kind's Dockerfile; systemd shuts down on SIGRTMIN+3
_CHANGES = ("ENV container=docker", "STOPSIGNAL SIGRTMIN+3", 'ENTRYPOINT [ "/usr/local/bin/entrypoint", "/sbin/init" ]')


def node_image_name(workshop: ImageBuilder) -> str:
    """The node image's name in the engine, derived from all of the image's inputs."""
    catalogue, node = workshop.catalogue, workshop.catalogue.node
    programs = [workshop.recipe(program).key for program in node.programs.values()]
    network = (workshop.folder / node.network).read_text()
    key = key_of(node.key, catalogue.debian.key, *programs, network, workshop.images_key(node.images), rootfs, preload, *_CHANGES)
    return f"{REPOSITORY}:{catalogue.kubernetes}-{key[:12]}"


def make_node_image(workshop: ImageBuilder, engine: Engine, name: str) -> None:
    """Make the node image and import it into the engine as `name`."""
    catalogue, node, deadline = workshop.catalogue, workshop.catalogue.node, workshop.deadline
    images = workshop.images(node.images)
    programs = {path: workshop.program(program) for path, program in node.programs.items()}
    started = time.monotonic()
    workshop.progress("node image: assembling")
    with kept_while_compiling(), tempfile.TemporaryDirectory(dir=workshop.cache, prefix=".node-") as work:
        kind = download_module(node.kind.module, node.kind.version, node.kind.sum, deadline)
        root, archive = Path(work) / "root", Path(work) / "images.tar"
        debian = workshop.root_filesystem()
        rootfs.make_root(root, debian=debian, kind=kind, programs=programs, links=node.links, deadline=deadline)
        rootfs.write_manifests(root, catalogue.kubernetes, workshop.folder / node.network, kind, node.storage)
        write_layout(archive, images)
        preload.preload(root, archive, deadline)
        changes = [argument for change in _CHANGES for argument in ("--change", change)]
        pipe(["tar", "-C", root, "-c", "."], [engine.command, "import", *changes, "-", name], deadline=deadline, env=engine.environment)
    workshop.progress(f"node image: {name} built in {time.monotonic() - started:.0f} s")
