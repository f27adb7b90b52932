"""The bundled catalogue is complete, and an invalid one is rejected."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from kindgate.assets import manifests
from kindgate.errors import ImageError
from kindgate.host.binaries import GoRecipe
from kindgate.images.build.catalogue import Base, DebianProgram, WheelProgram, read_catalogue
from kindgate.images.image_lock import read_lock

FOLDER = manifests() / "images"


def test_every_buildable_image_of_the_lock_is_in_the_catalogue() -> None:
    """Every image that the lock marks as buildable is in the catalogue."""
    catalogue = read_catalogue(FOLDER / "catalogue.yaml")
    built = {entry.build for entry in read_lock(FOLDER / "images.lock").images.values() if entry.build}

    assert built <= catalogue.buildable


def test_every_program_is_verified_by_a_hash() -> None:
    """A program is verified by its module's hash, the go.sum of the project's own module, or a package's SHA-256 per node platform."""
    catalogue = read_catalogue(FOLDER / "catalogue.yaml")

    for name, program in ((name, source) for name, sources in catalogue.programs.items() for source in sources):
        if isinstance(program, WheelProgram | DebianProgram):
            assert {"linux-amd64", "linux-arm64"} <= program.sha256.keys(), name
            assert all(re.fullmatch("[0-9a-f]{64}", sum_) for sum_ in program.sha256.values()), name
            assert program.packer, name
            assert program.license, name
        else:
            assert program.sum.startswith("h1:") or (FOLDER / program.main_module / "go.sum").stat().st_size, name
    assert catalogue.node.kind.sum.startswith("h1:")


def test_the_nodes_network_images_match_the_manifest() -> None:
    """The images in the network plugin's manifest are all in the node."""
    catalogue = read_catalogue(FOLDER / "catalogue.yaml")
    documents = yaml.safe_load_all((FOLDER / catalogue.node.network).read_text())
    pods = [document["spec"]["template"]["spec"] for document in documents if document["kind"] == "DaemonSet"]
    named = {container["image"] for pod in pods for container in (*pod["initContainers"], *pod["containers"])}

    assert named
    assert named | {catalogue.node.storage.provisioner, catalogue.node.storage.helper} <= set(catalogue.node.images)


def test_a_recipe_has_every_field_of_the_catalogue() -> None:
    """Build tags and linker flags are in the form `go build` expects."""
    recipe = read_catalogue(FOLDER / "catalogue.yaml").recipe("kube", FOLDER)

    assert isinstance(recipe, GoRecipe)
    assert recipe.title == "kube@v1.37.2"
    assert recipe.main_module == FOLDER / "cluster"
    assert recipe.tags == "providerless"
    assert "-X k8s.io/component-base/version.gitVersion=v1.37.2" in recipe.ldflags


def test_a_field_that_an_entry_does_not_set_leaves_its_key_unchanged() -> None:
    """Otherwise a new field in the catalogue's format would rebuild every image."""
    assert Base(shared=("/tmp",)).key == Base(shared=("/tmp",), programs=(), debian=None).key
    assert Base(shared=("/tmp",)).key != Base(directories=("/tmp",)).key


def _no_program(catalogue: dict[str, Any]) -> None:
    catalogue["images"]["etcd"]["program"] = "etcdd"


def _no_base(catalogue: dict[str, Any]) -> None:
    catalogue["images"]["traefik"]["base"] = "gone"


def _no_python_base(catalogue: dict[str, Any]) -> None:
    catalogue["python_images"]["load-generator"]["base"] = "gone"


def _no_image(catalogue: dict[str, Any]) -> None:
    catalogue["node"]["images"]["registry.k8s.io/etcd:3.7.0-0"] = "gone"


def _no_release(catalogue: dict[str, Any]) -> None:
    del catalogue["programs"]["prometheus"][0]["release"]


def _no_source(catalogue: dict[str, Any]) -> None:
    catalogue["programs"]["prometheus"] = []


def _no_such_field(catalogue: dict[str, Any]) -> None:
    catalogue["images"]["etcd"]["colour"] = "red"


@pytest.mark.parametrize("break_it", [_no_program, _no_base, _no_python_base, _no_image, _no_release, _no_source, _no_such_field])
def test_an_inconsistent_catalogue_is_refused(break_it: Callable[[dict[str, Any]], None], tmp_path: Path) -> None:
    """An inconsistent catalogue is an error with its file name before anything is built."""
    catalogue = copy.deepcopy(yaml.safe_load((FOLDER / "catalogue.yaml").read_text()))
    break_it(catalogue)
    path = tmp_path / "catalogue.yaml"
    path.write_text(yaml.safe_dump(catalogue))

    with pytest.raises(ImageError, match=r"cannot use .*catalogue\.yaml"):
        read_catalogue(path)
