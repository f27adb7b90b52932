"""The build source makes what the manifests name, once, from programs whose checksums are right."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import yaml
import zstandard

from kindgate.errors import ImageError, ToolError
from kindgate.host.binaries import host_platform
from kindgate.host.facts import HostFacts
from kindgate.images.archive import read_archive
from kindgate.images.build.node import node_image_name
from kindgate.images.build.source import BuildSource, can_build
from kindgate.images.lock import ImageLock
from kindgate.images.plan import ImagePlan, ImageUse, WantedImage
from kindgate.images.reference import ImageReference
from kindgate.images.source import provide
from kindgate.model import ObjectRef
from kindgate.waiting import Deadline

LOCK = ImageLock.model_validate(
    {"node": {"image": "kindest/node:v1"}, "images": {"docker.io/me/echo:1": {"build": "echo"}, "docker.io/me/again:2": {"build": "echo"}}}
)
CATALOGUE = {
    "kubernetes": "v1.2.3",
    "programs": {"echo": {"module": "example.org/echo", "version": "v1.0.0"}},
    "debian": {"suite": "bookworm", "packages": ["systemd"]},
    "bases": {},
    "images": {"echo": {"program": "echo", "path": "/echo", "user": "65532"}},
    "node": {
        "kind": {"module": "sigs.k8s.io/kind", "version": "v0.1.0"},
        "programs": {},
        "links": {},
        "network": "cni.yaml",
        "storage": {"provisioner": "a", "helper": "b"},
        "images": {},
    },
}


def plan(*names: str, policy: str = "IfNotPresent", **more: Any) -> ImagePlan:
    """A plan of images that one object names."""
    use = (ImageUse("k8s/foo.yaml", ObjectRef("Deployment", "echo", "foo"), "main", policy),)
    return ImagePlan(tuple(WantedImage(ImageReference.parse(name), use) for name in names), **more)


@pytest.fixture
def source(tmp_path: Path, stand_in: Any) -> BuildSource:
    """A catalogue of one program, which the seed folder holds; the engine holds a node image of the user's."""
    folder, seed = tmp_path / "catalogue", tmp_path / "seed" / host_platform()
    folder.mkdir()
    seed.mkdir(parents=True)
    (folder / "catalogue.yaml").write_text(yaml.safe_dump(CATALOGUE))
    (folder / "cni.yaml").write_text("kind: DaemonSet\n")
    program = b"a program"
    (seed / "echo@v1.0.0.zst").write_bytes(zstandard.compress(program))
    (seed / "SHA256SUMS").write_text(f"{hashlib.sha256(program).hexdigest()}  echo@v1.0.0\n")
    stand_in.holds("my/node:1")
    return BuildSource(stand_in.engine, LOCK, folder, tmp_path / "cache", seed)


def test_what_the_manifests_name_comes_in_one_archive(source: BuildSource, deadline: Deadline) -> None:
    """Two names of one catalogue entry are one image."""
    provided = provide(source, plan("me/echo:1", "me/again:2", node_image="my/node:1"), print, deadline)

    assert provided.node_image == "my/node:1"
    assert provided.archive is not None
    echo, again = read_archive(provided.archive)
    assert [str(image.names[0]) for image in (echo, again)] == ["docker.io/me/echo:1", "docker.io/me/again:2"]
    assert echo.manifest.digest == again.manifest.digest


def test_a_second_run_builds_nothing(source: BuildSource, deadline: Deadline) -> None:
    """It says nothing either, and needs no seed."""
    said: list[str] = []
    first = source.provide_workloads(plan("me/echo:1"), said.append, deadline)
    assert any(line.startswith("echo@v1.0.0: unpacked") for line in said)
    said.clear()

    again = BuildSource(source.engine, LOCK, source.folder, source.cache).provide_workloads(plan("me/echo:1"), said.append, deadline)

    assert again == first
    assert said == []


def test_another_catalogue_builds_anew(source: BuildSource, deadline: Deadline) -> None:
    """What is kept is named by all that it is made from."""
    first = source.provide_workloads(plan("me/echo:1"), print, deadline)
    changed = {**CATALOGUE, "images": {"echo": {"program": "echo", "path": "/echo", "user": "1000"}}}
    (source.folder / "catalogue.yaml").write_text(yaml.safe_dump(changed))

    again = BuildSource(source.engine, LOCK, source.folder, source.cache).provide_workloads(plan("me/echo:1"), print, deadline)

    assert again != first


def test_a_program_with_a_wrong_checksum_is_refused(source: BuildSource, deadline: Deadline) -> None:
    """And no archive appears."""
    assert source.seed is not None
    (source.seed / "SHA256SUMS").write_text(f"{'0' * 64}  echo@v1.0.0\n")

    with pytest.raises(ToolError, match="SHA-256 is wrong"):
        source.provide_workloads(plan("me/echo:1"), print, deadline)
    assert not list((source.cache / "archives").glob("*.tar"))


def test_an_image_without_an_entry_is_an_error_before_anything_is_built(source: BuildSource, deadline: Deadline) -> None:
    """It names image, file and object."""
    said: list[str] = []

    with pytest.raises(ImageError, match=r"docker.io/me/ecko:1 \(k8s/foo.yaml: Deployment echo/foo, container main\)"):
        provide(source, plan("me/ecko:1", node_image="my/node:1"), said.append, deadline)
    assert said == []


def test_an_image_that_the_nodes_would_pull_is_refused_before_a_cluster_exists(source: BuildSource, deadline: Deadline) -> None:
    """No registry has what is built here."""
    with pytest.raises(ImageError, match="imagePullPolicy is Always"):
        source.missing(plan("me/echo:1", policy="Always"), deadline)


def test_a_node_image_that_the_engine_lacks_is_an_error(source: BuildSource, deadline: Deadline) -> None:
    """The user's own is not looked for in a registry."""
    with pytest.raises(ImageError, match="no node image my/node:2"):
        source.provide_node(plan(node_image="my/node:2"), print, deadline)


def test_the_node_images_name_says_what_it_is_made_from(source: BuildSource, stand_in: Any, deadline: Deadline) -> None:
    """An engine that holds it is not asked to make it; another network manifest is another name."""
    workshop = source._workshop(print, deadline)
    name = node_image_name(workshop)
    stand_in.holds(name)
    assert source.provide_node(plan(), print, deadline) == name

    (source.folder / "cni.yaml").write_text("kind: Deployment\n")

    assert name.startswith("kindgate.local/node:v1.2.3-")
    assert node_image_name(workshop) != name


@pytest.mark.parametrize(
    ("system", "os_id", "root", "can"),
    [("linux", "debian", True, True), ("linux", "ubuntu", True, True), ("linux", "debian", False, False), ("darwin", "", True, False)],
)
def test_who_can_build(system: str, os_id: str, *, root: bool, can: bool) -> None:
    """Root on Debian or Ubuntu."""
    facts = HostFacts(system, "x86_64", os_id, "", 2, 1024, cap_sys_resource=True, cpus=1, memory=1, root=root)

    assert can_build(facts) is can
