"""The shop's files agree: manifests with the image lock, and the workload with the API's document."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kindgate.assets import manifests
from kindgate.images.build.catalogue import read_catalogue
from kindgate.images.image_lock import read_lock
from kindgate.pipeline.run_objectives import read_slo_file, refuse_too_small_plan
from kindgate.settings import Settings, SloSettings
from kindgate.workload.workload_file import read_workload

ROOT = Path(__file__).parents[3]
SHOP = manifests() / "apps" / "shop"
IMAGES = manifests() / "images"
DOCUMENT = json.loads((SHOP / "server" / "openapi.json").read_text())


def operations() -> Iterator[tuple[str, tuple[str, re.Pattern[str]]]]:
    """The method and the pattern of the path of each operation, by its name."""
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield operation["operationId"], (method.upper(), re.compile(re.sub(r"\{\w+\}", "[^/?]+", path) + r"(\?.*)?"))


def test_every_image_of_the_manifests_can_be_built() -> None:
    """Both are in the lock, and the server's tag is the version that is compiled."""
    catalogue, lock = read_catalogue(IMAGES / "catalogue.yaml"), read_lock(IMAGES / "images.lock")
    named = {image for file in (SHOP / "base").glob("*.yaml") for image in re.findall(r"image: (\S+)", file.read_text())}

    assert len(named) == 2
    assert {lock.images[image].build for image in named} <= catalogue.buildable
    assert f"kindgate.local/shop:{catalogue.recipe('shop', IMAGES).version.removeprefix('v')}" in named
    assert DOCUMENT["info"]["version"] == catalogue.recipe("shop", IMAGES).version.removeprefix("v")


def test_the_workload_sends_what_the_document_describes() -> None:
    """Each route has the name, the method and the path of an operation."""
    described = dict(operations())
    workload = read_workload(SHOP / "slo.yaml", "slo.yaml")
    assert workload is not None

    sent = {route.name: (route.method, str(route.path)) for route in workload.routes}

    assert {"login", "list", "search", "detail", "checkout"} <= set(sent)
    unknown = [name for name, (method, path) in sent.items() if method != described[name][0] or not described[name][1].fullmatch(path)]
    assert unknown == []


def test_the_workload_decides_every_objective() -> None:
    """A misspelled route would have no data, and a route with too few requests could not be compared with a baseline."""
    settings = Settings(root=SHOP, slo=SloSettings(file=Path("slo.yaml"), base="main"))
    slo_file = read_slo_file(settings)

    refuse_too_small_plan(slo_file, settings)

    assert slo_file.objectives.thresholds
    assert slo_file.objectives.compare


@pytest.mark.parametrize(("arguments", "judged", "other"), [((), "echo", "shop"), (("--app-overlay", "k8s/apps/shop"), "shop", "echo")])
def test_only_the_judged_applications_own_tests_are_collected(arguments: tuple[str, ...], judged: str, other: str) -> None:
    """The others would fail; tests of any application are collected for both."""
    command = [sys.executable, "-m", "pytest", "-m", "e2e", "tests/e2e", "--collect-only", "-q", "-p", "no:cacheprovider", *arguments]

    collected = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True).stdout

    assert f"tests/e2e/{judged}/" in collected
    assert f"tests/e2e/{other}/" not in collected
    assert "tests/e2e/test_slo.py::" in collected
