"""The nodes' images, their names, and the list shown to the user."""

from __future__ import annotations

from pathlib import Path

from kindgate.deploy.manifest_images import with_loaded_images
from kindgate.host.container_engine import Engine
from kindgate.images.image_lock import ImageLock
from kindgate.images.image_plan import LocalArchive, LocalImage, plan_images
from kindgate.images.image_reference import ImageReference
from kindgate.images.registry import RegistrySource
from kindgate.pipeline.image_supply import ImageSupply
from tests.unit.deploy.objects import deployment, rendered

ONE, TWO = "sha256:" + "1" * 64, "sha256:" + "2" * 64
LOCK = ImageLock.model_validate({"node": {"image": "kindest/node:v1"}, "images": {"docker.io/library/traefik:v3": {"digest": TWO}}})


def supply(folder: Path, *images: str) -> ImageSupply:
    """Plan the images of one workload each, from a registry and the user; the engine is Podman, which keeps no digests."""
    overlay = rendered(*(deployment(f"web-{number}", container={"image": image}) for number, image in enumerate(images)))
    local = [LocalImage(ImageReference.parse("shop:dev"), "shop:dev")]
    archives = [LocalArchive(Path("db.tar"), {ImageReference.parse("db:1"): ONE})]
    engine = Engine("podman", Path("podman"), "5.4.2")
    plan = plan_images([overlay], local=local, archives=archives)
    return ImageSupply(engine, plan, RegistrySource(engine, LOCK, folder), (), folder)


def test_images_are_listed_with_digest_source_and_node_name(tmp_path: Path) -> None:
    """The list has pulled images, the user's own and renamed ones."""
    image_supply = supply(tmp_path, "traefik:v3", f"app:1@{TWO}", f"db@{ONE}", f"shop:dev@{ONE}")

    assert image_supply.lines == (
        f"docker.io/library/app:1@{TWO}  registry, loaded as docker.io/library/app:1-222222222222",
        "docker.io/library/db:1  local",
        f"docker.io/library/db@{ONE}  local",
        f"docker.io/library/shop:dev@{ONE}  local, loaded as docker.io/library/shop:dev",
        f"docker.io/library/traefik:v3@{TWO}  registry",
    )


def test_the_nodes_know_every_image_name_of_the_adapted_manifests(tmp_path: Path) -> None:
    """The nodes would try to pull a missing name."""
    images = ("traefik:v3", f"app:1@{TWO}", f"app:1@{ONE}", f"db@{ONE}", f"shop:dev@{ONE}")
    image_supply = supply(tmp_path, *images)
    overlay = rendered(*(deployment(f"web-{number}", container={"image": image}) for number, image in enumerate(images)))

    adapted = with_loaded_images(overlay, image_supply.loaded)

    named = [item["spec"]["template"]["spec"]["containers"][0]["image"] for item in adapted.objects]
    assert {ImageReference.parse(image).exact for image in named} <= set(image_supply.names)
    assert len(set(named)) == len(images)
    assert len(adapted.notes) == 4
