"""The overlay to judge is found where only one can be meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindgate.adoption.overlays import choose_overlay, find_kustomizations
from kindgate.errors import ManifestError


def kustomization(folder: Path, *resources: str, kind: str = "Kustomization") -> None:
    """Write one that builds upon `resources`."""
    folder.mkdir(parents=True, exist_ok=True)
    listed = "".join(f"  - {resource}\n" for resource in resources)
    (folder / "kustomization.yaml").write_text(f"kind: {kind}\nresources:\n{listed}")


def test_what_nothing_builds_upon_is_the_overlay(tmp_path: Path) -> None:
    """A base is no overlay, and a component is none either."""
    kustomization(tmp_path / "k8s/base")
    kustomization(tmp_path / "k8s/component", kind="Component")
    kustomization(tmp_path / "k8s/overlays/live", "../../base")

    assert choose_overlay(tmp_path, tmp_path) == tmp_path / "k8s/overlays/live"


@pytest.mark.parametrize("name", ["ci", "e2e", "kind", "dev"])
def test_an_overlay_that_is_named_for_tests_is_preferred(tmp_path: Path, name: str) -> None:
    """Among several finished ones."""
    kustomization(tmp_path / "base")
    for overlay in ("production", "live", name):
        kustomization(tmp_path / "overlays" / overlay, "../../base")

    assert choose_overlay(tmp_path, tmp_path).name == name


def test_a_base_alone_is_judged_as_it_is(tmp_path: Path) -> None:
    """A repository with one kustomization has no other."""
    kustomization(tmp_path / "deploy")

    assert choose_overlay(tmp_path, tmp_path) == tmp_path / "deploy"


def test_where_several_could_be_meant_a_person_chooses(tmp_path: Path) -> None:
    """The error lists them."""
    for overlay in ("blue", "green"):
        kustomization(tmp_path / overlay)

    with pytest.raises(ManifestError, match="several overlays: blue, green") as caught:
        choose_overlay(tmp_path, tmp_path)

    assert "--overlay" in caught.value.next_step


def test_where_there_is_none_the_error_says_what_one_is(tmp_path: Path) -> None:
    """Plain manifests are one line away from an overlay."""
    with pytest.raises(ManifestError, match=r"no kustomization\.yaml"):
        choose_overlay(tmp_path, tmp_path)


def test_what_others_brought_is_not_looked_at(tmp_path: Path) -> None:
    """Dependencies, environments and hidden folders hold kustomizations of their own."""
    for folder in ("node_modules/x", ".venv/lib/x", "vendor/y"):
        kustomization(tmp_path / folder)

    assert find_kustomizations(tmp_path) == ()


def test_a_broken_kustomization_is_found_all_the_same(tmp_path: Path) -> None:
    """Kustomize says what is wrong with it, better than we could."""
    (tmp_path / "kustomization.yaml").write_text("resources: [")

    assert choose_overlay(tmp_path, tmp_path) == tmp_path
