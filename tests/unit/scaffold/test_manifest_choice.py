"""The manifests are chosen as a person would, with the reason; if the choice is ambiguous, they are listed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from pathlib import Path

import pytest

from kindgate.errors import ManifestError
from kindgate.scaffold.manifest_choice import Choice, choose_manifests, choose_values
from kindgate.scaffold.repository_tree import scan_tree
from tests.unit.deploy.objects import deployment, service, stream

POD = stream(deployment(), service())


def write(root: Path, *names: str) -> None:
    """Write the files of a repository: kustomizations (with their bases after a `<`), charts, manifests and others."""
    for name in names:
        path, _, uses = name.partition(" < ")
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        listed = "".join(f"  - {one}\n" for one in uses.split())
        texts = {"kustomization.yaml": f"resources:\n{listed}", "Chart.yaml": "name: x\nversion: 1.0.0\n", "values.yaml": "a: b\n"}
        file.write_text(texts.get(file.name, POD))


def choose(root: Path, named: Sequence[Path] = ()) -> Choice:
    """Return the chosen manifests."""
    return choose_manifests(root, scan_tree(root), root, named)


BASE = ("k8s/base/kustomization.yaml < web.yaml", "k8s/base/web.yaml")


def overlays(*names: str) -> tuple[str, ...]:
    """A base and overlays with these names."""
    return (*BASE, *(f"k8s/overlays/{name}/kustomization.yaml < ../../base" for name in names))


@pytest.mark.parametrize(
    ("files", "chosen"),
    [
        (overlays("minikube", "prod"), "k8s/overlays/minikube"),
        (overlays("live", "ci", "dev"), "k8s/overlays/ci"),
        (overlays("production", "staging"), "k8s/overlays/staging"),
        (overlays("production", "blue"), "k8s/overlays/blue"),
        (overlays("prod"), "k8s/overlays/prod"),
        (overlays("prod", "local-dev"), "k8s/overlays/local-dev"),
        (overlays("eu-prod", "us-prod", "e2e"), "k8s/overlays/e2e"),
        (BASE, "k8s/base"),
        (("kustomization.yaml < web.yaml", "web.yaml"), "."),
        ((*overlays("dev"), "charts/x/Chart.yaml", "old/k8s/web.yaml"), "k8s/overlays/dev"),
        (("k8s/web.yaml", "k8s/db/db.yaml", "docs/examples/x.yaml"), "k8s"),
        (("deploy/k8s/web.yaml",), "deploy/k8s"),
        (("manifests/dev/web.yaml", "manifests/prod/web.yaml"), "manifests/dev"),
        (("kubernetes/api/web.yaml", "kubernetes/web/web.yaml"), "kubernetes"),
        (("services/a/k8s/web.yaml", "services/b/k8s/web.yaml"), "services"),
        (("k8s/web.yaml", "monitoring/grafana.yaml"), "k8s"),
        (("k8s.yaml",), "k8s.yaml"),
        (("charts/shop/Chart.yaml", "charts/shop/charts/db/Chart.yaml"), "charts/shop"),
        (("k8s/web.yaml", "chart/Chart.yaml"), "k8s"),
        (("k8s/web.yaml", "node_modules/x/k8s/web.yaml", "vendor/y/kustomization.yaml", "testdata/web.yaml"), "k8s"),
        (("a/web.yaml", "a/sub/db.yaml", "k8s/web.yaml", "k8s/db/db.yaml"), "k8s"),
        (("kubernetes-manifests/web.yaml", "src/a/k8s/kustomization.yaml", "src/b/k8s/kustomization.yaml"), "kubernetes-manifests"),
    ],
    ids=count(),
)
def test_the_most_likely_manifests_are_chosen(tmp_path: Path, files: tuple[str, ...], chosen: str) -> None:
    """Production is chosen only if nothing else exists, and third-party manifests never are."""
    write(tmp_path, *files)

    assert choose(tmp_path).paths == (tmp_path / chosen,)


def test_the_reason_lists_the_alternatives(tmp_path: Path) -> None:
    """The reason lists the other candidates, so a wrong choice is visible."""
    write(tmp_path, *overlays("minikube", "prod"))

    assert choose(tmp_path).reason == "minikube is named for tests; not k8s/overlays/prod"


def test_several_files_in_the_root_belong_together(tmp_path: Path) -> None:
    """As with `kubectl apply -f .`, files in subfolders are not included."""
    write(tmp_path, "deployment.yaml", "service.yaml", "values.yaml")

    assert choose(tmp_path).paths == (tmp_path / "deployment.yaml", tmp_path / "service.yaml")


def test_files_in_the_root_belong_to_a_folder_of_manifests(tmp_path: Path) -> None:
    """Root files and a manifest folder are both used unless they define the same objects; an unrelated folder is another application's."""
    write(tmp_path, "k8s/web.yaml", "monitoring/grafana.yaml")
    root, folder = tmp_path / "app.yaml", tmp_path / "k8s"
    root.write_text(stream(deployment("app")))

    assert choose(tmp_path).paths == (root, folder)
    root.write_text(POD)
    assert choose(tmp_path).paths == (folder,)
    (folder / "web.yaml").unlink()
    assert choose(tmp_path).paths == (root,)


def test_manifests_of_skaffold_take_precedence_over_folders(tmp_path: Path) -> None:
    """Developers use the Skaffold manifests, so they come before folders; an overlay for tests takes precedence."""
    write(tmp_path, "k8s/web.yaml", "kubernetes/web.yaml")
    assert choose(tmp_path, [tmp_path / "kubernetes"]).paths == (tmp_path / "kubernetes",)

    write(tmp_path, *overlays("ci"))
    assert choose(tmp_path, [tmp_path / "kubernetes"]).paths == (tmp_path / "k8s/overlays/ci",)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (overlays("blue", "green"), "several manifests are possible: k8s/overlays/blue, k8s/overlays/green"),
        (("charts/a/Chart.yaml", "charts/b/Chart.yaml"), "several manifests are possible: charts/a, charts/b"),
        (("README.md/values.yaml",), "no Kubernetes manifests found"),
    ],
    ids=["overlays", "charts", "none"],
)
def test_an_ambiguous_choice_names_the_option(tmp_path: Path, files: tuple[str, ...], words: str) -> None:
    """The error names the argument and lists the candidates."""
    write(tmp_path, *files)

    with pytest.raises(ManifestError, match=words) as caught:
        choose(tmp_path)

    assert "--overlay PATH" in caught.value.next_step


@pytest.mark.parametrize("text", ["resources: [", "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n"])
def test_an_invalid_kustomization_is_found_and_a_flux_one_ignored(tmp_path: Path, text: str) -> None:
    """Kustomize reports the error in a broken kustomization; a Flux Kustomization is an ordinary object."""
    (tmp_path / "kustomization.yaml").write_text(text)

    assert bool(scan_tree(tmp_path).kustomizations) is ("[" in text)


@pytest.mark.parametrize(
    ("files", "chosen"),
    [
        (("values.yaml", "values-prod.yaml", "values-ci.yaml", "values-dev.yaml"), "values-ci.yaml"),
        (("values.yaml", "values.dev.yaml"), "values.dev.yaml"),
        (("values.yaml", "ci/default-values.yaml"), "ci/default-values.yaml"),
        (("values.yaml", "values-prod.yaml"), ""),
    ],
)
def test_values_for_tests_are_chosen(tmp_path: Path, files: tuple[str, ...], chosen: str) -> None:
    """Values for tests are used in addition to the chart's defaults."""
    write(tmp_path, "Chart.yaml", *files)

    assert choose_values(tmp_path) == ((tmp_path / chosen,) if chosen else ())
