"""`kindgate validate` reports all problems in one run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from kindgate.deploy.baseline import Baseline
from kindgate.deploy.validate import raise_for_errors
from kindgate.errors import ManifestError, SecretsMissing, SettingsError, SloError
from kindgate.pipeline.inputs import CheckResult, Inputs, check_application, check_inputs, prepare
from kindgate.pipeline.run_objectives import read_slo_file
from kindgate.pipeline.run_tools import Tools
from kindgate.settings import ClusterSettings, DeploySettings, ImageSettings, Settings, SloSettings
from kindgate.slo.objectives import Objectives
from kindgate.waiting import Deadline
from tests.unit.deploy.objects import deployment, rendered

KUBECONFIG = """\
apiVersion: v1
kind: Config
contexts: [{name: stage, context: {cluster: stage, namespace: team}}]
clusters: []
users: []
"""
APP = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicass: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: web}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: worker}
spec:
  selector: {matchLabels: {app: worker}}
  template:
    metadata: {labels: {app: worker}}
    spec: {containers: [{name: worker, image: worker}]}
"""


KUBECTL = """
import os, pathlib, sys
if sys.argv[1] == "version":
    sys.exit(print("v1.37.2"))
file = pathlib.Path("k8s/app.yaml")
origin = os.path.relpath(file.resolve(), sys.argv[2])
mark = "metadata: {annotations: {config.kubernetes.io/origin: 'path: " + origin + "'}, name: w"
print(file.read_text().replace("metadata: {name: w", mark))
"""
"""A stand-in for kubectl that builds these tests' only overlay, with origin annotations."""


@pytest.fixture(name="project")
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project for an existing cluster, which needs no container engine."""
    (tmp_path / "kubeconfig").write_text(KUBECONFIG)
    (tmp_path / "k8s").mkdir()
    (tmp_path / "k8s" / "app.yaml").write_text(APP)
    (tmp_path / "k8s" / "kustomization.yaml").write_text("resources: [app.yaml]\n")
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(f"#!{sys.executable} -IS{KUBECTL}")
    kubectl.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def existing_cluster(project: Path, deploy: DeploySettings) -> Settings:
    """The project's settings."""
    cluster = ClusterSettings(
        existing=project / "kubeconfig", context="stage", ingress_url="http://127.0.0.1:1", kubectl_bin=str(project / "kubectl")
    )
    return Settings(root=project, cluster=cluster, deploy=deploy, slo=SloSettings(file=Path("slo.yaml")))


def checked(project: Path, deploy: DeploySettings | None = None, slo: str = "") -> CheckResult:
    """Validate the project and return the findings."""
    (project / "slo.yaml").write_text(slo or "thresholds: {http_req_failed: ['rate<0.01']}\n")
    return check_inputs(existing_cluster(project, deploy or DeploySettings(overlay=Path("k8s"))), project / "run", lambda _: None)


def test_all_findings_are_reported_together_errors_first(project: Path) -> None:
    """Objectives, secrets, schema and policy are checked together."""
    result = checked(project, DeploySettings(overlay=Path("k8s")), slo="thresholds: {http_req_failed: ['rate<<0.01']}\n")

    assert [type(error) for error in result.errors] == [SloError]
    levels = [finding.level for finding in result.findings]
    assert levels == ["error", *["warning"] * (len(levels) - 1)]
    assert str(result.findings[0]).startswith("k8s/app.yaml:5: Deployment team/web: spec: unknown field")
    assert {finding.object.name for finding in result.findings if finding.line > 10} == {"worker"}
    assert isinstance(result.first_error, ManifestError)
    assert "replicass" in str(result.first_error)


def test_a_workload_for_other_hosts_is_reported(project: Path) -> None:
    """A typo in a host must not cost a cluster."""
    (project / "k8s" / "app.yaml").write_text(APP.replace("  replicass: 2\n", ""))
    workload = "workload: {host: wbe.localhost, routes: [{name: a, path: /}]}\n"

    error = checked(project, slo=workload).first_error

    assert isinstance(error, SloError)
    assert error.message.startswith("slo.yaml:1:18: the application's manifests do not route 'wbe.localhost'")
    settings = existing_cluster(project, DeploySettings(overlay=Path("k8s")))
    with pytest.raises(SloError, match="do not route 'wbe"):
        prepare(settings, read_slo_file(settings), project / "run", lambda _: None)


def test_strict_turns_policy_findings_into_errors(project: Path) -> None:
    """With `--strict`, policy findings are errors."""
    (project / "k8s" / "app.yaml").write_text(APP.replace("  replicass: 2\n", ""))
    assert checked(project).first_error is None

    strict = checked(project, DeploySettings(overlay=Path("k8s"), strict=True))

    assert isinstance(strict.first_error, ManifestError)
    assert "CPU request" in str(strict.first_error)


def test_objects_without_a_namespace_use_the_contexts(project: Path) -> None:
    """As with kubectl, the context supplies the namespace; none is created on an existing cluster."""
    result = checked(project)
    assert result.rendered is not None
    assert result.rendered.namespaces == ("team",)
    assert [item["kind"] for item in result.rendered.objects] == ["Deployment", "Deployment"]
    assert SecretsMissing not in map(type, result.errors)


def test_manifests_are_not_adapted_to_images_on_an_existing_cluster(project: Path) -> None:
    """Its nodes pull images themselves, so digests and pull policies stay unchanged."""
    image = "web@sha256:" + "a" * 64
    text = APP.replace("  replicass: 2\n", "").replace("image: web}", f"image: '{image}', imagePullPolicy: Always}}")
    (project / "k8s" / "app.yaml").write_text(text)
    (project / "slo.yaml").write_text("thresholds: {http_req_failed: ['rate<0.01']}\n")
    settings = existing_cluster(project, DeploySettings(overlay=Path("k8s")))

    inputs = prepare(settings, read_slo_file(settings), project / "run", lambda _: None)

    (container,) = inputs.rendered.objects[0]["spec"]["template"]["spec"]["containers"]
    assert container == {"name": "web", "image": image, "imagePullPolicy": "Always"}
    assert inputs.supply is None


def test_tls_on_an_existing_cluster_needs_its_url_before_anything_is_applied(project: Path) -> None:
    """Only the cluster's owner knows the URL; the error names the Ingress entry and the option."""
    ingress = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "web"}}
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    rule = {"host": "shop.example", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    spec = {"tls": [{"hosts": ["shop.example"]}], "rules": [rule]}
    (project / "k8s" / "app.yaml").write_text(yaml.safe_dump({**ingress, "spec": spec}))

    (error,) = checked(project).errors

    assert "shop.example uses TLS, but no TLS URL is known" in error.message
    assert "--ingress-tls-url" in error.next_step


def test_a_host_path_volume_is_refused_under_pod_security_baseline(project: Path) -> None:
    """It fails before anything is created; otherwise the namespace gets the label by which the API server enforces the level."""
    sound = APP.replace("  replicass: 2\n", "")
    kubectl = Tools(project / "kubectl", None)
    settings = Settings(root=project, deploy=DeploySettings(overlay=Path("k8s"), pod_security="baseline"))

    (project / "k8s" / "app.yaml").write_text(sound)
    allowed = check_application(settings, kubectl, Deadline.after(30))
    (project / "k8s" / "app.yaml").write_text(sound.replace("image: web}", "image: web}], volumes: [{name: node, hostPath: {path: /}}"))
    refused = check_application(settings, kubectl, Deadline.after(30))

    raise_for_errors(allowed.findings)
    (namespace,) = allowed.rendered.of_kind("Namespace")
    assert namespace["metadata"] == {"name": "default", "labels": {"pod-security.kubernetes.io/enforce": "baseline"}}
    with pytest.raises(ManifestError, match="hostPath"):
        raise_for_errors(refused.findings)


def test_local_plugins_are_refused_under_pod_security_baseline(project: Path) -> None:
    """A kustomization can name Helm plugins, and a kubeconfig can name credential plugins."""
    with pytest.raises(SettingsError, match="--app-enable-helm"):
        DeploySettings(pod_security="baseline", enable_helm=True)
    existing = ClusterSettings(existing=project / "kubeconfig", context="stage", ingress_url="http://127.0.0.1:1")
    with pytest.raises(SettingsError, match="existing cluster"):
        Settings(cluster=existing, deploy=DeploySettings(pod_security="baseline"))


def test_an_image_archive_is_refused_under_pod_security_baseline(project: Path) -> None:
    """An archive could replace the ingress controller's image; an image from the engine keeps its given name."""
    (project / "k8s" / "app.yaml").write_text(APP.replace("  replicass: 2\n", ""))
    (project / "images.tar").write_bytes(b"")
    deploy = DeploySettings(overlay=Path("k8s"), pod_security="baseline")
    kubectl = Tools(project / "kubectl", None)

    check_application(Settings(root=project, deploy=deploy, images=ImageSettings(load=("web:dev",))), kubectl, Deadline.after(30))
    with pytest.raises(SettingsError, match=r"images\.tar"):
        check_application(Settings(root=project, deploy=deploy, images=ImageSettings(load=("images.tar",))), kubectl, Deadline.after(30))


def test_the_namespaces_are_those_of_all_parts() -> None:
    """A failure can be explained by a database that is applied before, or by the baseline."""
    before, head, base = (rendered(deployment(namespace=name)) for name in ("database", "shop", "shop-base"))
    inputs = Inputs(Objectives(), Tools(Path("kubectl"), None), head, (before, head), None, base=Baseline(base, {}, {}))
    assert inputs.namespaces == ("database", "shop", "shop-base")
