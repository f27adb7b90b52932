"""The baseline from another overlay, a git ref or other images, and cases without a possible comparison."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from kindgate.deploy.adapted_overlays import ANNOTATION
from kindgate.deploy.baseline import Baseline
from kindgate.deploy.secrets import RequestedSecret
from kindgate.errors import ManifestError, SettingsError
from kindgate.model import Rendered
from kindgate.pipeline.app_secrets import AppSecrets
from kindgate.pipeline.baseline_source import checked_out, read_baseline
from kindgate.pipeline.run_tools import Tools
from kindgate.settings import DeploySettings, ImageSettings, Settings, SloSettings
from kindgate.waiting import Deadline
from tests.unit.deploy.objects import deployment, ingress, manifest, rendered, service
from tests.unit.kubectl import write_kubectl

OVERLAY = Path("k8s/ci")
KUBECTL = """
import pathlib, re, sys
wrapper = pathlib.Path(sys.argv[2])
overlay = re.search(r"resources:\\n- (.+)", (wrapper / "kustomization.yaml").read_text())[1]
print((wrapper / overlay / "objects.yaml").read_text())
"""


def git(root: Path, *arguments: str) -> str:
    """Run git in `root` and return its output."""
    identity = ("-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "init.defaultBranch=main")
    return subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True, text=True).stdout.strip()


def version(image: str, host: str = "shop.localhost") -> Rendered:
    """Render an application with one Deployment that runs `image`."""
    return rendered(manifest("Namespace", "shop", namespace=""), deployment(container={"image": image}), service(), ingress(host))


def write(overlay: Path, rendered: Rendered) -> None:
    """Write an overlay from which the kubectl stand-in builds `rendered`."""
    overlay.mkdir(parents=True, exist_ok=True)
    (overlay / "kustomization.yaml").write_text("resources: [objects.yaml]\n")
    (overlay / "objects.yaml").write_text(yaml.safe_dump_all([dict(item) for item in rendered.objects]))


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Path:
    """A project in a subfolder of its repository, with version 1 on `main` and version 2 in the work tree."""
    root = tmp_path / "repository" / "project"
    write(root / OVERLAY, version("example/web:1"))
    git(root, "init", "--quiet")
    git(root, "add", "-A")
    git(root, "commit", "--quiet", "-m", "one")
    write(root / OVERLAY, version("example/web:2"))
    return root


@pytest.fixture(name="kubectl")
def _kubectl(tmp_path: Path) -> Path:
    path = tmp_path / "kubectl"
    path.write_text(f"#!{sys.executable} -IS{KUBECTL}")
    path.chmod(0o755)
    return path


def read(project: Path, kubectl: Path, slo: SloSettings, *, app_image: tuple[str, ...] = (), overlay: Path = OVERLAY) -> Baseline:
    """Read the baseline to deploy next to version 2."""
    settings = Settings(project, deploy=DeploySettings(overlay=overlay), slo=slo, images=ImageSettings(app_image=app_image))
    folder = project.parent / "run"
    return read_baseline(
        settings, version("example/web:2"), (), Tools(kubectl, None), AppSecrets(), folder=folder, deadline=Deadline.after(30)
    )


def images(baseline: Baseline) -> list[str]:
    """Return the images of the baseline's Deployments."""
    return [item["spec"]["template"]["spec"]["containers"][0]["image"] for item in baseline.rendered.of_kind("Deployment")]


@pytest.mark.parametrize("ref", ["main", "HEAD", "HEAD~0"])
def test_a_git_ref_renders_the_overlay_as_of_that_commit(project: Path, kubectl: Path, ref: str) -> None:
    """Work tree changes are ignored, the baseline gets its own namespace, and the checkout is deleted."""
    baseline = read(project, kubectl, SloSettings(base=ref))

    assert images(baseline) == ["example/web:1"]
    assert baseline.namespaces == {"shop": "shop-base"}
    assert not (project.parent / "run" / "base").exists()
    assert len(git(project, "worktree", "list").splitlines()) == 1


def test_a_folder_takes_precedence_over_a_branch_of_the_same_name(project: Path, kubectl: Path) -> None:
    """An existing folder takes precedence over a branch."""
    git(project, "branch", "other")
    write(project / "other", version("example/web:3"))

    assert images(read(project, kubectl, SloSettings(base="other"))) == ["example/web:3"]


def test_a_baseline_can_differ_in_its_image_only(project: Path, kubectl: Path) -> None:
    """The baseline has the same manifests, with IMAGE replacing NAME."""
    baseline = read(project, kubectl, SloSettings(base_image=("example/web=example/web:0",)))

    assert images(baseline) == ["example/web:0"]


def test_an_unknown_ref_is_refused(project: Path, kubectl: Path) -> None:
    """The error explains how to fetch the ref in a shallow checkout."""
    with pytest.raises(SettingsError, match="neither an overlay's folder nor a commit") as raised:
        read(project, kubectl, SloSettings(base="nowhere"))

    assert "git fetch origin nowhere" in raised.value.next_step


@pytest.mark.parametrize("ref", ["--output=/tmp/x", "-h", ""])
def test_a_ref_is_never_read_as_a_git_option(project: Path, ref: str) -> None:
    """Any value of --slo-base is treated as a ref."""
    with pytest.raises(SettingsError), checked_out(ref, project, project.parent / "out", Deadline.after(30)):
        pass

    assert not (project.parent / "out").exists()


def test_a_ref_outside_a_repository_is_refused(tmp_path: Path) -> None:
    """Outside a repository no other version exists."""
    with pytest.raises(SettingsError, match="neither"), checked_out("main", tmp_path, tmp_path / "out", Deadline.after(30)):
        pass


def test_an_overlay_may_be_outside_the_suite(project: Path, kubectl: Path) -> None:
    """A generated suite has its own folder, which the baseline may lack."""
    suite = project / "e2e"
    suite.mkdir()
    overlay = Path("..") / OVERLAY
    settings = Settings(suite, deploy=DeploySettings(overlay=overlay), slo=SloSettings(base="main"))

    baseline = read_baseline(
        settings,
        version("example/web:2"),
        (),
        Tools(kubectl, None),
        AppSecrets(),
        folder=project.parent / "run",
        deadline=Deadline.after(30),
    )

    assert images(baseline) == ["example/web:1"]


def test_an_adapted_overlay_also_adapts_an_older_baseline(project: Path, tmp_path: Path) -> None:
    """The suite's added Ingress also applies to the baseline's manifests."""
    overlay = project / "e2e/overlay"
    overlay.mkdir(parents=True)
    base = f"../../{OVERLAY.as_posix()}/objects.yaml"
    metadata = {"annotations": {ANNOTATION: "true"}}
    (overlay / "kustomization.yaml").write_text(yaml.safe_dump({"metadata": metadata, "resources": [base, "more.yaml"]}))
    (overlay / "more.yaml").write_text(yaml.safe_dump(manifest("ConfigMap", "more")))
    settings = Settings(project / "e2e", deploy=DeploySettings(overlay=Path("overlay")), slo=SloSettings(base="main"))
    tools = Tools(write_kubectl(tmp_path), None)

    baseline = read_baseline(
        settings, version("example/web:2"), (), tools, AppSecrets(), folder=project.parent / "run", deadline=Deadline.after(60)
    )

    assert images(baseline) == ["example/web:1"]
    assert [item["metadata"]["name"] for item in baseline.rendered.of_kind("ConfigMap")] == ["more"]


def test_an_overlay_outside_the_repository_has_no_baseline(project: Path, kubectl: Path, tmp_path: Path) -> None:
    """Git has no history of a folder outside the project."""
    write(tmp_path / "elsewhere", version("example/web:2"))

    with pytest.raises(SettingsError, match="which is outside"):
        read(project, kubectl, SloSettings(base="main"), overlay=tmp_path / "elsewhere")


def test_a_failure_while_reading_leaves_no_checkout(project: Path, kubectl: Path) -> None:
    """The temporary work tree is removed even if the baseline's manifests are invalid."""
    (project / OVERLAY / "objects.yaml").write_text("kind: [\n")
    git(project, "commit", "--quiet", "-am", "broken")

    with pytest.raises(ManifestError):
        read(project, kubectl, SloSettings(base="main"))

    assert len(git(project, "worktree", "list").splitlines()) == 1


def test_an_overridden_image_applies_only_to_the_head(project: Path, kubectl: Path) -> None:
    """--app-image replaces the image in the pull request's version only; the baseline keeps its manifests' image."""
    baseline = read(project, kubectl, SloSettings(base="main"), app_image=("example/web=web:dev",))

    assert images(baseline) == ["example/web:1"]


def test_the_baseline_also_gets_its_secrets(project: Path, kubectl: Path) -> None:
    """They are created in the baseline's own namespace with the same values."""
    needs = {"image": "example/web:1", "envFrom": [{"secretRef": {"name": "credentials"}}]}
    complete = rendered(manifest("Namespace", "shop", namespace=""), deployment(container=needs), service(), ingress())
    write(project / "other", complete)
    settings = Settings(project, deploy=DeploySettings(overlay=OVERLAY), slo=SloSettings(base="other"))
    secrets = AppSecrets((RequestedSecret.parse("credentials=API_TOKEN"),), {"API_TOKEN": "t0ken"})

    baseline = read_baseline(
        settings, version("example/web:2"), (), Tools(kubectl, None), secrets, folder=project.parent / "run", deadline=Deadline.after(30)
    )

    (secret,) = baseline.rendered.of_kind("Secret")
    assert (secret["metadata"]["namespace"], secret["data"]) == ("shop-base", {"API_TOKEN": "dDBrZW4="})
