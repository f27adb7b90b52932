"""Images pinned by digest in the manifests, on nodes that query no registry for them."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kindgate import Deadline, assets
from kindgate.errors import ImageError
from kindgate.host.container_engine import find_engine
from kindgate.image_arguments import AppBuild
from kindgate.images.app_images import AppImage, build_app_images
from kindgate.images.archive import read_archive
from kindgate.images.image_lock import read_lock
from kindgate.images.image_reference import ImageReference
from kindgate.images.node_import import load_archive, loaded_names
from kindgate.images.oci_layout import write_layout

if TYPE_CHECKING:
    from kindgate import Cluster

ECHO = Path(__file__).parents[3] / "k8s" / "base"
IMAGE = "docker.io/hashicorp/http-echo:1.0"

pytestmark = pytest.mark.e2e


def test_a_pod_with_a_pinned_digest_runs_the_loaded_image(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    """The kubelet finds the image by `name@sha256:...`, although no registry of that name exists."""
    deadline = Deadline.after(120)
    engine, nodes = find_engine(deadline), cluster.address.nodes
    engine.run("exec", nodes[0], "ctr", "--namespace", "k8s.io", "images", "export", "/kind/echo.tar", IMAGE, deadline=deadline)
    engine.run("cp", f"{nodes[0]}:/kind/echo.tar", str(tmp_path / "echo.tar"), deadline=deadline)
    (image,) = read_archive(tmp_path / "echo.tar")
    pinned = ImageReference.parse(f"registry.invalid/shop/echo:2@{image.manifest.digest}")
    write_layout(tmp_path / "pinned.tar", [image.named(pinned)])

    load_archive(engine, nodes, tmp_path / "pinned.tar", [pinned.exact], deadline)
    cluster.kubectl("apply", "--namespace", namespace, "--filename", "-", stdin=json.dumps(pod(str(pinned))))
    cluster.kubectl("wait", "--for=condition=Ready", "pod/pinned", "--namespace", namespace, "--timeout=60s", timeout=90)

    assert pinned.exact in loaded_names(engine, nodes[-1], deadline)


def test_a_pinned_digest_is_accepted_and_its_handling_reported(tmp_path: Path) -> None:
    """The overlay is valid as written, with or without a registry."""
    overlay = Path(shutil.copytree(ECHO, tmp_path / "overlay"))
    digest = read_lock(assets.manifests() / "images" / "images.lock").of(ImageReference.parse(IMAGE)).digest
    for name in ("foo.yaml", "bar.yaml"):
        file = overlay / name
        file.write_text(file.read_text().replace("hashicorp/http-echo:1.0", f"hashicorp/http-echo:1.0@{digest}"))
    (overlay / "foo.yaml").write_text((overlay / "foo.yaml").read_text().replace("IfNotPresent", "Always"))

    command = [str(Path(sys.executable).parent / "kindgate"), "validate", "--app-overlay", str(overlay)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)

    assert result.returncode == 0, result.stdout + result.stderr
    notes = [line for line in result.stdout.splitlines() if line.startswith("note: ")]
    assert sum(f"image hashicorp/http-echo:1.0@{digest}" in note for note in notes) == 2
    assert sum("imagePullPolicy changed from Always to IfNotPresent" in note for note in notes) == 1


def test_a_failed_build_leaves_no_container(cluster: Cluster, tmp_path: Path) -> None:
    """A failed build step leaves no container, although engines keep it by default."""
    deadline = Deadline.after(120)
    engine = find_engine(deadline)
    base = engine.run("inspect", "--format", "{{.Config.Image}}", cluster.address.nodes[0], deadline=deadline).stdout.strip()
    label = f"kindgate-test={secrets.token_hex(4)}"
    (tmp_path / "Dockerfile").write_text(f"FROM {base}\nLABEL {label}\nRUN exit 7\n")

    with pytest.raises(ImageError, match="cannot build shop:broken"):
        build_app_images([AppImage.of(AppBuild.parse("shop:broken=."), tmp_path)], engine, deadline, lambda _line: None)

    assert engine.run("ps", "--all", "--quiet", "--filter", f"label={label}", deadline=deadline).stdout == ""


def pod(image: str) -> dict[str, object]:
    """A pod that Pod Security's restricted profile admits."""
    security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {"name": "echo", "image": image, "args": ["-text=pinned"], "securityContext": security}
    spec = {
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "terminationGracePeriodSeconds": 1,
        "containers": [container],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pinned"}, "spec": spec}
