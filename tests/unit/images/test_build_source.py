"""The build source builds the images in the manifests, once, from programs with verified checksums."""

from __future__ import annotations

import copy
import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from kindgate.errors import ImageError, ToolError
from kindgate.host import zstd
from kindgate.host.binaries import host_platform
from kindgate.host.facts import HostFacts
from kindgate.images.archive import read_archive
from kindgate.images.build.build_source import BuildSource, can_build
from kindgate.images.build.node_image import node_image_name
from kindgate.images.image_lock import ImageLock, LockedImage
from kindgate.images.image_plan import ImagePlan, ImageUse, LoadedImage, WantedImage
from kindgate.images.image_reference import ImageReference
from kindgate.images.image_source import check_available, provide
from kindgate.model import ObjectRef
from kindgate.waiting import Deadline
from tests.unit.images.catalogues import catalogue_document

LOCKED, UNKNOWN = "sha256:" + "1" * 64, "sha256:" + "2" * 64
LOCK = ImageLock.model_validate(
    {
        "node": {"image": "kindest/node:v1"},
        "images": {"docker.io/me/echo:1": {"build": "echo", "digest": LOCKED}, "docker.io/me/again:2": {"build": "echo"}},
    }
)
CATALOGUE = catalogue_document(
    {"echo": {"module": "example.org/echo", "version": "v1.0.0"}}, {"echo": {"program": "echo", "path": "/echo", "user": "65532"}}
)


def plan(*names: str, **more: Any) -> ImagePlan:
    """A plan with images used by one object."""
    use = (ImageUse("k8s/foo.yaml", ObjectRef("Deployment", "echo", "foo"), "main"),)
    return ImagePlan(tuple(WantedImage(ImageReference.parse(name), use) for name in names), **more)


@pytest.fixture
def source(tmp_path: Path, stand_in: Any) -> BuildSource:
    """A catalogue with one program, which is in the seed folder; the engine has the user's own node image."""
    folder, seed = tmp_path / "catalogue", tmp_path / "seed" / host_platform()
    folder.mkdir()
    seed.mkdir(parents=True)
    (folder / "catalogue.yaml").write_text(yaml.safe_dump(CATALOGUE))
    (folder / "cni.yaml").write_text("kind: DaemonSet\n")
    program = b"a program"
    (seed / "echo@v1.0.0.zst").write_bytes(zstd.compress(program))
    (seed / "SHA256SUMS").write_text(f"{hashlib.sha256(program).hexdigest()}  echo@v1.0.0\n")
    stand_in.holds("my/node:1")
    return BuildSource(stand_in.engine, LOCK, folder, tmp_path / "cache", seed)


def test_the_manifests_images_come_in_one_archive(source: BuildSource, deadline: Deadline) -> None:
    """Two names for one catalogue entry are one image."""
    provided = provide(source, plan("me/echo:1", "me/again:2", node_image="my/node:1"), print, deadline)

    assert provided.node_image == "my/node:1"
    assert provided.archive is not None
    echo, second_image = read_archive(provided.archive)
    assert [str(image.names[0]) for image in (echo, second_image)] == ["docker.io/me/echo:1", "docker.io/me/again:2"]
    assert echo.manifest.digest == second_image.manifest.digest


def test_a_second_run_builds_nothing(source: BuildSource, deadline: Deadline) -> None:
    """A second run reports nothing and needs no seed folder."""
    messages: list[str] = []
    first_archive = source.provide_workloads(plan("me/echo:1"), messages.append, deadline)
    assert any(line.startswith("echo@v1.0.0: unpacked") for line in messages)
    messages.clear()

    second_archive = BuildSource(source.engine, LOCK, source.folder, source.cache).provide_workloads(
        plan("me/echo:1"), messages.append, deadline
    )

    assert second_archive == first_archive
    assert messages == []


def test_a_changed_catalogue_is_rebuilt(source: BuildSource, deadline: Deadline) -> None:
    """The archive is cached under a key of everything it is built from."""
    first_archive = source.provide_workloads(plan("me/echo:1"), print, deadline)
    changed = {**CATALOGUE, "images": {"echo": {"program": "echo", "path": "/echo", "user": "1000"}}}
    (source.folder / "catalogue.yaml").write_text(yaml.safe_dump(changed))

    second_archive = BuildSource(source.engine, LOCK, source.folder, source.cache).provide_workloads(plan("me/echo:1"), print, deadline)

    assert second_archive != first_archive


def test_a_program_with_a_wrong_checksum_is_refused(source: BuildSource, deadline: Deadline) -> None:
    """The error leaves no archive behind."""
    assert source.seed is not None
    (source.seed / "SHA256SUMS").write_text(f"{'0' * 64}  echo@v1.0.0\n")

    with pytest.raises(ToolError, match="wrong SHA-256"):
        source.provide_workloads(plan("me/echo:1"), print, deadline)
    assert not list((source.cache / "archives").glob("*.tar"))


def test_an_image_without_an_entry_is_an_error_before_building(source: BuildSource, deadline: Deadline) -> None:
    """The error names the image, the file and the object."""
    messages: list[str] = []

    with pytest.raises(ImageError) as caught:
        provide(source, plan("me/ecko:1", node_image="my/node:1"), messages.append, deadline)
    use = "docker.io/me/ecko:1 (k8s/foo.yaml: Deployment echo/foo, container main)"
    assert caught.value.message == f"--image-source build: {use} cannot be built here"
    for hint in ("docker build", "--app-image me/ecko=IMAGE", "--kind-load", "--images-allow-missing"):
        assert hint in caught.value.next_step
    assert messages == []


def test_the_error_reports_that_no_registry_responds(source: BuildSource, deadline: Deadline) -> None:
    """The image might exist, so the error names the missing registry."""
    with pytest.raises(
        ImageError, match=r"^no container registry responds, but docker.io/me/ecko:1 \(k8s/foo.yaml: .*\) cannot be built here\n"
    ):
        check_available(replace(source, no_registry=True), plan("me/ecko:1"), deadline)


@pytest.mark.parametrize(
    ("image", "built_name", "reason"),
    [
        (f"me/echo:1@{LOCKED}", "me/echo:1", "is built here, without that digest"),
        (f"me/echo:1@{UNKNOWN}", "me/echo:1", "is built here, without that digest"),
        (f"me/echo@{LOCKED}", "me/echo:1", "is built here, without that digest"),
        (f"me/again@{UNKNOWN}", "me/again:2", "names no version: the one version available here is built, without that digest"),
    ],
)
def test_a_digest_is_built_by_its_tag_and_reported(
    image: str, built_name: str, reason: str, source: BuildSource, deadline: Deadline
) -> None:
    """A local build never has the registry's digest; the lock maps a digest to its version."""
    assert source.missing(plan(image), deadline) == ()
    loaded = source.loaded_as(ImageReference.parse(image))
    assert (loaded.name.familiar, loaded.reason) == (built_name, reason)

    archive = source.provide_workloads(plan(image, built_name), print, deadline)

    assert archive is not None
    assert [image.names[0].familiar for image in read_archive(archive)] == [built_name]


@pytest.mark.parametrize("image", [f"me/echo@{UNKNOWN}", f"me/echo:2@{LOCKED}", f"me/ecko@{LOCKED}"])
def test_a_digest_of_an_unknown_version_is_missing(image: str, source: BuildSource, deadline: Deadline) -> None:
    """Of two versions in the catalogue none is guessed, and an explicit tag must match the digest."""
    lock = source.lock.model_copy(update={"images": {**source.lock.images, "docker.io/me/echo:0": LockedImage(build="echo")}})

    assert len(replace(source, lock=lock).missing(plan(image), deadline)) == 1


def test_a_missing_node_image_is_an_error(source: BuildSource, deadline: Deadline) -> None:
    """The user's own node image is not looked up in a registry."""
    with pytest.raises(ImageError, match="no node image my/node:2"):
        source.provide_node(plan(node_image="my/node:2"), print, deadline)


def test_the_node_images_name_depends_on_its_inputs(source: BuildSource, stand_in: Any, deadline: Deadline) -> None:
    """An image in the engine is not rebuilt; another network manifest results in another name."""
    builder = source._builder(print, deadline)
    name = node_image_name(builder)
    stand_in.holds(name)
    assert source.provide_node(plan(), print, deadline) == name

    (source.folder / "cni.yaml").write_text("kind: Deployment\n")

    assert name.startswith("kindgate.local/node:v1.2.3-")
    assert node_image_name(builder) != name


@pytest.mark.parametrize(
    ("system", "os_id", "root", "can"),
    [("linux", "debian", True, True), ("linux", "ubuntu", True, True), ("linux", "debian", False, False), ("darwin", "", True, False)],
)
def test_only_root_on_debian_or_ubuntu_can_build(system: str, os_id: str, *, root: bool, can: bool) -> None:
    """Building requires root on Debian or Ubuntu."""
    facts = HostFacts(system, "x86_64", os_id, "", 2, 1024, cap_sys_resource=True, cpus=1, memory=1, root=root)

    assert can_build(facts) is can


def two_sources(source: BuildSource, monkeypatch: pytest.MonkeyPatch, *, from_source: bool = False) -> BuildSource:
    """The source with a wheel of release 2, missing from every index, ahead of the module of release 1, which is in the seed."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    document = copy.deepcopy(CATALOGUE)
    wheel = {"wheel": "echo-bin", "version": "2", "inside": ["echo"], "sha256": {host_platform(): "0" * 64}, "release": "2"}
    document["programs"]["echo"] = [wheel, {**document["programs"]["echo"], "release": "1"}]
    (source.folder / "catalogue.yaml").write_text(yaml.safe_dump(document))
    return BuildSource(source.engine, source.lock, source.folder, source.cache, source.seed, from_source=from_source)


def test_an_image_is_tagged_with_its_release(source: BuildSource, monkeypatch: pytest.MonkeyPatch, deadline: Deadline) -> None:
    """The actual release replaces the manifests' tag in archive and nodes, and the reason names the source."""
    images = plan("me/again:2")
    resolved = two_sources(source, monkeypatch).resolved(images, print, deadline)

    loaded = resolved.loaded_as(ImageReference.parse("me/again:2"))
    assert loaded.name == ImageReference.parse("me/again:1")
    assert "Go module example.org/echo v1.0.0" in loaded.reason
    archive = resolved.provide_workloads(images, print, deadline)
    assert archive is not None
    assert [str(image.names[0]) for image in read_archive(archive)] == ["docker.io/me/again:1"]


def test_an_image_of_the_requested_release_keeps_its_name(source: BuildSource, monkeypatch: pytest.MonkeyPatch, deadline: Deadline) -> None:
    """If the release matches the manifests, nothing is reported."""
    resolved = two_sources(source, monkeypatch).resolved(plan("me/echo:1"), print, deadline)

    assert resolved.loaded_as(ImageReference.parse("me/echo:1")) == LoadedImage(ImageReference.parse("me/echo:1"))


def test_no_packaged_program_is_used_with_from_source(source: BuildSource, monkeypatch: pytest.MonkeyPatch, deadline: Deadline) -> None:
    """With --from-source, a program that cannot be compiled is an error before anything is built."""
    compiling = two_sources(replace(source, seed=None), monkeypatch, from_source=True)
    assert compiling.resolved(plan("me/echo:1"), print, deadline).chosen == {"echo": 1}

    document = yaml.safe_load((source.folder / "catalogue.yaml").read_text())
    document["programs"]["echo"] = document["programs"]["echo"][:1]
    (source.folder / "catalogue.yaml").write_text(yaml.safe_dump(document))
    wheels_only = BuildSource(source.engine, source.lock, source.folder, source.cache, from_source=True)
    with pytest.raises(ImageError, match="--from-source: echo cannot be compiled"):
        wheels_only.resolved(plan("me/echo:1"), print, deadline)


def test_the_list_names_a_programs_source(source: BuildSource) -> None:
    """The list has each program's source, packager and license."""
    document = copy.deepcopy(CATALOGUE)
    document["programs"]["echo"] |= {"license": "MIT", "packer": "a stranger"}
    (source.folder / "catalogue.yaml").write_text(yaml.safe_dump(document))
    origin_of = source.origin_of(ImageReference.parse("me/echo:1"))

    assert origin_of == "build (Go module example.org/echo v1.0.0, packaged by a stranger, MIT)"
