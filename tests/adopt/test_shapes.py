"""Repositories of many shapes adopt kindgate with one command, and are judged on one kept cluster. Run by `make adopt`.

`pytest tests/adopt/test_shapes.py -k collected` needs no cluster.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.adopt.adopted import static_server
from tests.adopt.commands import commit, run_kindgate, run_pytest
from tests.adopt.stand_in_bases import bases

SHAPES = Path(__file__).parent / "shapes"
CLUSTER = "kindgate-shapes"


@dataclass(frozen=True)
class Expected:
    """The choices of `kindgate init`, images to build, whether manifests are adapted, and base images of the Dockerfiles."""

    manifests: str
    builds: tuple[str, ...] = ()
    adapted: bool = False
    components: str = "ingress-traefik prometheus"
    bases: tuple[str, ...] = ()


EXPECTED = {
    "chart": Expected("charts/inbox"),
    "cloud-class": Expected("deploy", adapted=True),
    "cluster-ip": Expected("deployment.yaml, service.yaml", adapted=True),
    "compose": Expected("k8s", ("store-front:kindgate", "store-stock:kindgate")),
    "flask": Expected("k8s", ("greeter:kindgate",), adapted=True, bases=("python:3.11-slim",)),
    "go-module": Expected("deploy", ("clock:kindgate",), adapted=True, bases=("golang:1.19", "debian:bookworm-slim")),
    "http-route": Expected("k8s", components="gateway-api ingress-traefik prometheus"),
    "kustomize-helm": Expected("k8s"),
    "load-balancer": Expected("manifests", adapted=True),
    "missing-secrets": Expected("k8s", adapted=True),
    "monorepo": Expected("services", ("cart:kindgate", "payment:kindgate")),
    "nginx-tls": Expected("k8s"),
    "node-port": Expected("k8s", adapted=True),
    "overlays": Expected("deploy/overlays/dev"),
    "pipeline-image": Expected("k8s", ("poster:kindgate",), adapted=True),
    "plain": Expected("kubernetes"),
    "single-file": Expected("k8s.yaml"),
    "skaffold": Expected("deployment", ("notes:kindgate",), adapted=True),
    "static-site": Expected("k8s", ("leaflet:kindgate",), bases=("nginx:alpine",)),
    "stateful-set": Expected("k8s", adapted=True),
    "tilt": Expected("quiz/kube.yaml", ("quiz:kindgate",), adapted=True),
}


@pytest.fixture(name="adopted", scope="module")
def _adopted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder for each shape."""
    return {name: tmp_path_factory.mktemp("shapes") / name for name in EXPECTED}


def test_every_shape_is_expected() -> None:
    """Every shape has a row, and every row a shape."""
    assert {folder.name for folder in SHAPES.iterdir() if folder.is_dir()} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_shape_is_adopted_valid_and_collected(name: str, adopted: dict[str, Path]) -> None:
    """One command adopts the shape without touching its files; the suite is collected, but not by a plain run."""
    expected, folder = EXPECTED[name], adopted[name]
    shutil.copytree(SHAPES / name, folder)
    for dockerfile in [*folder.rglob("Dockerfile"), *folder.rglob("*.Dockerfile")]:
        if "http-echo" not in dockerfile.read_text():
            continue
        for context in {dockerfile.parent, folder}:
            shutil.copy2(static_server(), context / "http-echo")
    commit(folder, name)

    output = run_kindgate(folder, "init")
    second_output = run_kindgate(folder, "init")

    assert f"manifests: {expected.manifests}" in output.splitlines()[0] + "\n"
    assert "The manifests are valid" in output
    assert " e2e/slo.yaml" in output
    assert set(second_output.split()) >= {"unchanged"}
    assert not {"create", "update", "delete"} & {line.split()[0] for line in second_output.splitlines() if line.startswith("   ")}
    settings = (folder / "e2e/pytest.ini").read_text()
    assert f"app_component = {expected.components}\n" in settings
    assert all(f"{image}=" in settings for image in expected.builds)
    assert (folder / "e2e/overlay").exists() is expected.adapted
    changed = subprocess.run(["git", "status", "--porcelain"], cwd=folder, capture_output=True, text=True, check=True, timeout=60).stdout
    assert {line.split()[1] for line in changed.splitlines()} == {".github/", "e2e/"}
    assert "2 tests collected" in run_pytest(folder, "e2e", "--collect-only", "-q")
    assert "no tests collected" in run_pytest(folder, "--collect-only", "-q", code=5)


@pytest.fixture(name="cluster", scope="module")
def _cluster() -> Iterator[str]:
    """The name of a cluster that the first shape creates and all share; it is always deleted."""
    yield CLUSTER
    run_kindgate(Path.cwd(), "down", "--cluster-name", CLUSTER)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_shape_is_judged_on_a_real_cluster(name: str, adopted: dict[str, Path], cluster: str, tmp_path: Path) -> None:
    """The images are built from their own Dockerfiles, every ingress host responds, and the objectives are met."""
    folder = adopted[name]
    with bases(EXPECTED[name].bases, tmp_path):
        assert f"built: {', '.join(EXPECTED[name].builds) or 'nothing'}" in run_kindgate(folder, "build")
    assert "valid" in run_kindgate(folder, "validate").splitlines()

    options = (f"--cluster-name={cluster}", "--kind-reuse", "--kind-workers=0", "--slo-quick")
    assert "2 passed" in run_pytest(folder, "e2e", *options)
