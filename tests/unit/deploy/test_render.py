"""Rendering with a stand-in for kubectl that prints what the real one does."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pytest
import yaml

from kindgate import assets
from kindgate.deploy.plain_manifests import read_plain
from kindgate.deploy.render import ORIGIN, dump, render, with_components
from kindgate.errors import CommandTimeout, ManifestError
from kindgate.model import ObjectRef, Rendered
from kindgate.waiting import Deadline
from tests.unit.deploy.objects import deployment, manifest, service, stream


@pytest.fixture
def overlay(tmp_path: Path) -> Path:
    """A folder with the layout of an overlay."""
    folder = tmp_path / "overlays" / "ci"
    folder.mkdir(parents=True)
    (folder / "kustomization.yaml").write_text("resources: [web.yaml]\n")
    return folder


def kubectl(folder: Path, *, output: str = "", error: str = "", code: int = 0, seconds: float = 0) -> Path:
    """Write a kubectl that records the kustomization it builds and prints `output` or `error`."""
    path = folder / "kubectl"
    path.write_text(
        f"#!{sys.executable} -IS\n"
        "import pathlib, sys, time\n"
        f"time.sleep({seconds})\n"
        "assert sys.argv[1] == 'kustomize'\n"
        f"log = pathlib.Path({str(folder / 'asked')!r})\n"
        "log.open('a').write(pathlib.Path(sys.argv[2], 'kustomization.yaml').read_text() + '---\\n')\n"
        f"print({output!r}.replace('WRAPPER', sys.argv[2]))\n"
        f"print({error!r}.replace('WRAPPER', sys.argv[2]), file=sys.stderr)\n"
        f"sys.exit({code})\n"
    )
    path.chmod(0o755)
    return path


def from_file(item: dict[str, object], origin: dict[str, str]) -> dict[str, object]:
    """Return the object with Kustomize's origin annotation."""
    metadata = item["metadata"]
    assert isinstance(metadata, dict)
    return {**item, "metadata": {**metadata, "annotations": {**metadata.get("annotations", {}), ORIGIN: yaml.safe_dump(origin)}}}


def kubectl_that_finds_cycles(folder: Path, *roots: Path) -> Path:
    """Write a kubectl that rejects a kustomization inside one of its own `roots`, with Kustomize's message."""
    path = folder / "kubectl"
    path.write_text(
        f"#!{sys.executable} -IS\n"
        "import pathlib, sys\n"
        f"for root in {[str(root) for root in roots]!r}:\n"
        "    if pathlib.Path(sys.argv[2]).is_relative_to(root):\n"
        "        sys.exit(f\"error: cycle detected: candidate root '{root}' contains visited root '{sys.argv[2]}'\")\n"
        f"print({stream(service())!r})\n"
    )
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("place", ["overlays/ci/tmp", "base/tmp"])
def test_the_temporary_folder_can_be_inside_the_overlay(overlay: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """Kustomize takes a temporary folder inside the overlay or its base for a cycle, so another place is used; nothing is left behind."""
    (tmp_path / place).mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / place))
    program = kubectl_that_finds_cycles(tmp_path, overlay, tmp_path / "base")

    built = render(overlay, kubectl=program, deadline=Deadline.after(30))

    assert len(built.objects) == 1
    assert list((tmp_path / place).iterdir()) == []


def test_a_cycle_of_the_manifests_is_reported(overlay: Path, tmp_path: Path) -> None:
    """A cycle error about a folder of the manifests is reported as is."""
    program = kubectl(tmp_path, error=f"error: cycle detected: candidate root '{overlay}' contains visited root '{overlay}/x'", code=1)

    with pytest.raises(ManifestError, match="cycle detected"):
        render(overlay, kubectl=program, deadline=Deadline.after(30))

    assert (tmp_path / "asked").read_text().count("---") == 1


def test_objects_have_their_source_file_and_original_content(overlay: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The origin annotation is read and removed; other annotations are kept."""
    monkeypatch.chdir(tmp_path)
    with_annotation = service()
    with_annotation["metadata"]["annotations"] = {"a": "b"}
    settings = manifest("ConfigMap", "settings")
    up = "../" * 8
    output = stream(
        from_file(deployment(), {"path": f"{up}{overlay}/web.yaml"}),
        from_file(with_annotation, {"path": "deploy/web.yaml", "repo": "https://example.dev/shop"}),
        from_file(settings, {"configuredIn": f"{up}{overlay}/kustomization.yaml"}),
    )
    result = render(overlay, kubectl=kubectl(tmp_path, output=output), deadline=Deadline.after(20))
    assert result.objects == (deployment(), with_annotation, settings)
    assert result.origins == {
        ObjectRef("Deployment", "shop", "web"): "overlays/ci/web.yaml",
        ObjectRef("Service", "shop", "web"): "https://example.dev/shop/deploy/web.yaml",
        ObjectRef("ConfigMap", "shop", "settings"): "overlays/ci/kustomization.yaml",
    }


def test_kustomize_builds_the_overlay_with_origins(overlay: Path, tmp_path: Path) -> None:
    """The overlay is built with origin annotations; its own kustomization is unchanged."""
    render(overlay, kubectl=kubectl(tmp_path, output=stream(deployment())), deadline=Deadline.after(20))
    (kustomization,) = [part for part in yaml.safe_load_all((tmp_path / "asked").read_text()) if part]
    assert kustomization["buildMetadata"] == ["originAnnotations"]
    assert kustomization["resources"][0].endswith("overlays/ci")


def test_a_component_already_in_the_overlay_is_not_duplicated(overlay: Path, tmp_path: Path) -> None:
    """--app-component prometheus with an overlay that already includes Prometheus is not a conflict."""
    tool = kubectl(tmp_path, output=stream(deployment(), service()))
    built = render(overlay, kubectl=tool, deadline=Deadline.after(20))
    result = with_components(built, ["prometheus"], kubectl=tool, deadline=Deadline.after(20))
    assert result.objects == (deployment(), service())
    assert [part["components"][0].endswith("k8s/components/prometheus") for part in _asked(tmp_path)[1:]] == [True]


def _asked(folder: Path) -> list[dict[str, list[str]]]:
    return [part for part in yaml.safe_load_all((folder / "asked").read_text()) if part]


def test_an_unknown_overlay_lists_its_siblings(overlay: Path, tmp_path: Path) -> None:
    """The error for a misspelled overlay lists the existing ones."""
    with pytest.raises(ManifestError, match="overlay not found") as caught:
        render(overlay.parent / "cii", kubectl=tmp_path / "none", deadline=Deadline.after(5))
    assert "ci" in caught.value.next_step


def test_a_folder_without_a_kustomization_is_an_error(tmp_path: Path) -> None:
    """A folder of plain YAML belongs in --app-apply."""
    with pytest.raises(ManifestError, match=r"no kustomization\.yaml"):
        render(tmp_path, kubectl=tmp_path / "none", deadline=Deadline.after(5))


def test_an_unknown_component_lists_the_known_ones(overlay: Path, tmp_path: Path) -> None:
    """The error lists the bundled components."""
    with pytest.raises(ManifestError, match="--app-component promtheus") as caught:
        with_components(Rendered(overlay, ()), ["promtheus"], kubectl=tmp_path / "none", deadline=Deadline.after(5))
    assert "prometheus" in caught.value.next_step


MALFORMED = (
    "error: accumulating resources: accumulation err='accumulating resources from '../../base': '/p/k8s/base' must resolve to a file': "
    "recursed accumulation of path '/p/k8s/base': accumulating resources: accumulating resources from 'foo.yaml': "
    "MalformedYAMLError: yaml: line 8: mapping values are not allowed in this context in File: foo.yaml"
)
MISSING = (
    "error: accumulating resources: accumulation err='accumulating resources from '../../base': '/p/k8s/base' must resolve to a file': "
    "recursed accumulation of path '/p/k8s/base': accumulating resources: accumulation err='accumulating resources from 'nope.yaml': "
    "open /p/k8s/base/nope.yaml: no such file or directory': must build at directory: not a valid directory"
)
NO_FILE = (
    "error: accumulating resources: accumulation err='accumulating resources from '../app': '/p/app' must resolve to a file': "
    "recursed accumulation of path '/p/app': evalsymlink failure on '/p/app/mine.yaml' : lstat /p/app/mine.yaml: no such file or directory"
)


@pytest.mark.parametrize(
    ("error", "fragments"),
    [
        (MALFORMED, ["malformed YAML in /p/k8s/base/foo.yaml: yaml: line 8"]),
        (MISSING, ["nope.yaml", "no such file or directory", "/p/k8s/base"]),
        (NO_FILE, ["failed to build it: evalsymlink failure on '/p/app/mine.yaml'", "no such file or directory"]),
        ('error: invalid Kustomization: json: unknown field "resource"', ['unknown field "resource"']),
    ],
    ids=["malformed", "missing", "missing-configuration", "unknown-field"],
)
def test_a_kustomize_error_becomes_one_line(overlay: Path, tmp_path: Path, error: str, fragments: list[str]) -> None:
    """The error starts with the innermost cause and its file; Kustomize's full message follows."""
    with pytest.raises(ManifestError) as caught:
        render(overlay, kubectl=kubectl(tmp_path, error=error, code=1), deadline=Deadline.after(20))
    assert all(fragment in caught.value.message for fragment in fragments)
    assert "\n" not in caught.value.message
    assert "kindgate-render-" not in str(caught.value)


def test_an_empty_overlay_is_an_error(overlay: Path, tmp_path: Path) -> None:
    """An overlay without objects is an error, because the run would have nothing to test."""
    with pytest.raises(ManifestError, match="built no objects"):
        render(overlay, kubectl=kubectl(tmp_path), deadline=Deadline.after(20))


def test_a_kustomize_that_hangs_ends_at_the_deadline(overlay: Path, tmp_path: Path) -> None:
    """A remote resource might never respond."""
    with pytest.raises(CommandTimeout):
        render(overlay, kubectl=kubectl(tmp_path, seconds=30), deadline=Deadline.after(0.3))


def test_dumped_objects_read_back_the_same(tmp_path: Path) -> None:
    """The failure bundle's copy of the manifests equals what was applied."""
    file = tmp_path / "all.yaml"
    file.write_text(stream(deployment(), service()))
    read = read_plain(file)
    assert list(yaml.safe_load_all(dump(read))) == [deployment(), service()]


def test_every_bundled_manifest_is_a_valid_object() -> None:
    """Every bundled manifest file parses."""
    files = [
        file
        for file in assets.manifests().rglob("*.yaml")
        if file.parent.parent.name in {"k8s", "components"} and file.parent.name != "kind"
    ]
    objects = [file for file in files if file.name != "kustomization.yaml" and "images" not in file.relative_to(assets.manifests()).parts]
    assert len(objects) > 10
    for file in objects:
        assert read_plain(file).objects
