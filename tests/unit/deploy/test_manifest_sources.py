"""Kinds of manifest sources, and how each is turned into objects."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import yaml

from kindgate.deploy.helm_charts import Helm, release_name
from kindgate.deploy.manifest_sources import Renderer, SourceKind, source_kind
from kindgate.errors import ManifestError, SettingsError
from kindgate.model import ObjectRef
from kindgate.waiting import Deadline
from tests.unit.deploy.objects import deployment, manifest, service, stream
from tests.unit.kubectl import write_kubectl

HELM = """
import json, pathlib, sys
folder = pathlib.Path(__file__).parent
(folder / "asked").write_text(json.dumps(sys.argv[1:]))
if (folder / "error").exists():
    sys.exit((folder / "error").read_text())
print((folder / "output").read_text())
"""
CHART = "apiVersion: v2\nname: Shop_Front\nversion: 0.1.0\n"


def program(folder: Path, name: str, text: str) -> Path:
    """A stand-in for helm."""
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture(name="renderer")
def _renderer(tmp_path: Path) -> Renderer:
    """A renderer with stand-ins for both programs; each records its arguments."""
    return Renderer(write_kubectl(tmp_path), Deadline.after(30), lambda: program(tmp_path, "helm", f"#!{sys.executable} -IS{HELM}"))


@pytest.fixture(name="chart")
def _chart(tmp_path: Path) -> Path:
    """A chart rendered by helm: a Deployment without a namespace, a test hook and a migration hook."""
    folder = tmp_path / "chart"
    folder.mkdir()
    (folder / "Chart.yaml").write_text(CHART)
    (folder / "values-ci.yaml").write_text("a: b\n")
    web = deployment()
    del web["metadata"]["namespace"]
    hooks = [manifest("ConfigMap", name) for name in ("undo", "migrate")]
    for item, hook in zip(hooks, ("pre-delete", "pre-install,pre-upgrade"), strict=True):
        item["metadata"]["annotations"] = {"helm.sh/hook": hook}
    parts = [f"# Source: shop/templates/{item['metadata']['name']}.yaml\n{stream(item)}" for item in (web, *hooks)]
    (tmp_path / "output").write_text("---\n" + "---\n".join(parts))
    return folder


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("kustomization.yaml", SourceKind.KUSTOMIZE),
        ("kustomization.yml", SourceKind.KUSTOMIZE),
        ("Chart.yaml", SourceKind.CHART),
        ("web.yaml", SourceKind.PLAIN),
    ],
)
def test_the_source_kind_is_detected_from_the_files(tmp_path: Path, name: str, kind: SourceKind) -> None:
    """A folder is classified by its content, and a file is plain YAML."""
    (tmp_path / name).write_text("")

    assert source_kind(tmp_path) is kind
    assert source_kind(tmp_path / name) is SourceKind.PLAIN


def test_a_chart_is_rendered_like_an_installation(renderer: Renderer, chart: Path, tmp_path: Path) -> None:
    """Each object has its origin; hooks not run at installation are dropped and noted."""
    rendered = renderer.render(chart)

    arguments = json.loads((tmp_path / "asked").read_text())
    assert arguments[:3] == ["template", "shop-front", str(chart)]
    assert [item["metadata"]["name"] for item in rendered.objects] == ["web", "migrate"]
    assert rendered.origins[ObjectRef("ConfigMap", "shop", "migrate")] == str(chart / "templates/migrate.yaml")
    assert "undo" in rendered.notes[0]


def test_a_charts_options_reach_helm(renderer: Renderer, chart: Path, tmp_path: Path) -> None:
    """As with `helm install --namespace`, the namespace also applies to objects whose template has none."""
    values = chart / "values-ci.yaml"
    renderer_with_options = Renderer(renderer.kubectl, renderer.deadline, renderer.find_helm, Helm((values, values), "front", "team"))

    rendered = renderer_with_options.render(chart)

    arguments = json.loads((tmp_path / "asked").read_text())
    assert arguments[1] == "front"
    assert arguments[-6:] == ["--namespace", "team", "--values", str(values), "--values", str(values)]
    assert [item["metadata"]["namespace"] for item in rendered.objects] == ["team", "shop"]


@pytest.mark.parametrize(
    ("stderr", "advice"),
    [
        ("Error: found in Chart.yaml, but missing in charts/ directory: postgresql", "helm dependency build"),
        ("WARNING: x\nError: execution error at (shop/templates/web.yaml:3:4): image is required", "--app-values"),
    ],
)
def test_a_helm_error_is_reported_verbatim(renderer: Renderer, chart: Path, tmp_path: Path, stderr: str, advice: str) -> None:
    """The error is one line of helm's own message and a next step."""
    (tmp_path / "error").write_text(stderr)

    with pytest.raises(ManifestError, match=r"helm failed to render it: (found in|execution error)") as caught:
        renderer.render(chart)

    assert advice in caught.value.next_step


def test_chart_options_are_rejected_for_other_sources(renderer: Renderer, tmp_path: Path) -> None:
    """Chart options for a source other than a chart are an error; they would have no effect."""
    (tmp_path / "web.yaml").write_text(stream(deployment()))
    renderer_with_options = Renderer(renderer.kubectl, renderer.deadline, renderer.find_helm, Helm((tmp_path / "v.yaml",)))

    with pytest.raises(SettingsError, match="--app-values applies only to Helm charts"):
        renderer_with_options.render(tmp_path / "web.yaml")
    assert renderer_with_options.prerequisite(tmp_path / "web.yaml").objects


@pytest.mark.parametrize(("text", "name"), [(CHART, "shop-front"), ("name: '!!'\n", "app"), ("", "chart")])
def test_a_release_name_is_valid_in_kubernetes(tmp_path: Path, text: str, name: str) -> None:
    """The release name is derived from the chart's and valid in Kubernetes."""
    folder = tmp_path / "chart"
    folder.mkdir()
    (folder / "Chart.yaml").write_text(text)

    assert release_name(folder) == name


def overlay(folder: Path, *resources: str, generated: bool) -> Path:
    """An overlay, with or without the mark of `kindgate init`."""
    folder.mkdir(parents=True)
    metadata = {"annotations": {"kindgate.dev/adapted-overlay": "true"}} if generated else {}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump({"metadata": metadata, "resources": list(resources)}))
    return folder


@pytest.mark.parametrize("base", ["plain folder", "single file", "chart", "overlay"])
def test_an_adapted_overlay_builds_on_any_source(renderer: Renderer, tmp_path: Path, chart: Path, base: str) -> None:
    """A base that Kustomize cannot read is rendered first; each object keeps its source file."""
    plain = tmp_path / "k8s"
    plain.mkdir()
    (plain / "web.yaml").write_text(stream(deployment()))
    overlay(tmp_path / "over", "../k8s/web.yaml", generated=False)
    entry = {"plain folder": "../../k8s", "single file": "../../k8s/web.yaml", "chart": "../../chart", "overlay": "../../over"}[base]
    adapted = overlay(tmp_path / "e2e/overlay", entry, "more.yaml", generated=True)
    (adapted / "more.yaml").write_text(stream(service()))

    rendered = renderer.render(adapted)

    assert [item["kind"] for item in rendered.objects if item["metadata"]["name"] == "web"] == ["Deployment", "Service"]
    assert "LoadRestrictionsNone" in json.loads((tmp_path / "kubectl-asked").read_text())
    assert rendered.overlay == adapted
    origin = next(file for ref, file in rendered.origins.items() if ref.kind == "Deployment")
    assert Path(origin) == (chart / "templates/web.yaml" if base == "chart" else plain / "web.yaml")
    assert Path(rendered.origins[ObjectRef("Service", "shop", "web")]) == adapted / "more.yaml"


def test_other_overlays_keep_kustomizes_restrictions(renderer: Renderer, tmp_path: Path) -> None:
    """An overlay that builds here must also build where it is deployed."""
    (tmp_path / "web.yaml").write_text(stream(deployment()))
    folder = overlay(tmp_path / "over", "../web.yaml", generated=False)

    renderer.render(folder)

    assert len(json.loads((tmp_path / "kubectl-asked").read_text())) == 2


def test_a_kustomizations_charts_require_the_option(renderer: Renderer, tmp_path: Path) -> None:
    """Without the option, the error names it; with it, helm is passed to Kustomize."""
    folder = overlay(tmp_path / "over", "web.yaml", generated=False)
    (folder / "web.yaml").write_text(stream(deployment()))
    (tmp_path / "kubectl-error").write_text("error: trouble configuring builtin HelmChartInflationGenerator: must specify --enable-helm")

    with pytest.raises(ManifestError, match="helmCharts") as caught:
        renderer.render(folder)
    (tmp_path / "kubectl-error").unlink()
    Renderer(renderer.kubectl, renderer.deadline, renderer.find_helm, Helm(enabled=True)).render(folder)

    assert "--app-enable-helm" in caught.value.next_step
    assert json.loads((tmp_path / "kubectl-asked").read_text())[2:4] == ["--enable-helm", "--helm-command"]


def test_a_missing_path_is_an_error(renderer: Renderer, tmp_path: Path) -> None:
    """A misspelled --app-apply path is an error."""
    with pytest.raises(ManifestError, match="file or folder not found"):
        renderer.prerequisite(tmp_path / "nope")
