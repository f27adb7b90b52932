"""Hints from Skaffold, Tilt and Compose files."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindgate.scaffold.hints import read_hints

SKAFFOLD = """
apiVersion: skaffold/v4beta11
kind: Config
build:
  artifacts:
    - {image: gcr.io/acme/web, context: src/web}
    - {image: api, docker: {dockerfile: docker/api.Dockerfile, target: run}}
    - {image: jibbed, context: java, jib: {}}
manifests:
  rawYaml: ["k8s/*.yaml"]
---
apiVersion: skaffold/v4beta11
kind: Config
manifests: {kustomize: {paths: [over]}}
"""
OLD_SKAFFOLD = "apiVersion: skaffold/v2beta29\nkind: Config\ndeploy: {kubectl: {manifests: [k8s/**.yaml]}}\n"
HELM_SKAFFOLD = "apiVersion: skaffold/v4beta11\nkind: Config\nmanifests: {helm: {releases: [{name: x, chartPath: chart}]}}\n"
TILT = """
docker_build('acme/web', './src/web', live_update=[sync('a', 'b')])
docker_build("api", ".", dockerfile="docker/api.Dockerfile", target='run')
k8s_yaml(['k8s/web.yaml', 'over'])
k8s_yaml(kustomize('over'))
docker_build(name, where)
"""
COMPOSE = """
services:
  web: {build: ./src/web}
  api: {image: acme/api, build: {context: ., dockerfile: docker/api.Dockerfile, target: run}}
  db: {image: postgres:16}
"""


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Path:
    """A folder with the files the hints refer to."""
    for name in ("src/web/Dockerfile", "docker/api.Dockerfile", "k8s/web.yaml", "over/kustomization.yaml", "chart/Chart.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("name", "text", "images", "manifests"),
    [
        ("skaffold.yaml", SKAFFOLD, ["gcr.io/acme/web", "api"], ["k8s", "over"]),
        ("skaffold.yaml", OLD_SKAFFOLD, [], ["k8s"]),
        ("skaffold.yaml", HELM_SKAFFOLD, [], ["chart"]),
        ("Tiltfile", TILT, ["acme/web", "api"], ["k8s/web.yaml", "over"]),
        ("docker-compose.yml", COMPOSE, ["web", "acme/api"], []),
        ("compose.yaml", COMPOSE, ["web", "acme/api"], []),
        ("compose.yaml", "services: [", [], []),
        ("skaffold.yaml", "build: {artifacts: 3}\nmanifests: [a]\n", [], []),
    ],
)
def test_images_and_manifests_are_read(project: Path, name: str, text: str, images: list[str], manifests: list[str]) -> None:
    """Each image has its context; an unreadable file yields no hint."""
    (project / name).write_text(text)

    hints = read_hints(project)

    assert [hint.image for hint in hints.images] == images
    assert [path.relative_to(project).as_posix() for path in hints.manifests] == manifests
    for hint in hints.images:
        web = hint.image.endswith("web")
        assert hint.context == (project / "src/web" if web else project)
        assert (hint.dockerfile, hint.target) == (("Dockerfile", "") if web else ("docker/api.Dockerfile", "run"))
