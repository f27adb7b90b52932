"""Registry cells: one that responds, one that requires a login, and one that refuses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from kindgate.errors import EngineError
from tests.matrix.cell import ROOT, SMOKE, Cell, Result, State, current_python, run, run_pytest
from tests.matrix.hosts import responding_engine
from tests.matrix.registry import RegistryUnavailable, clone_without_digests, engine_login, push_images, run_registry


def cells() -> Iterator[Cell]:
    """A registry without login, one whose login the engine has, and one whose login it lacks."""
    yield Cell("Registry", "a registry that answers, pinned by `kindgate images pin`", partial(_from_registry, login=False))
    yield Cell("Registry", "a registry that wants a login, and the engine has it", partial(_from_registry, login=True))
    yield Cell("Registry", "a registry that wants a login, and the engine has none (401)", _without_login)
    yield Cell(
        "Registry", "a registry that refuses (403) or limits (429)", partial(_untestable, "distribution's registry gives neither answer")
    )
    yield Cell("Registry", "a proxy that must be used", partial(_untestable, "this machine reaches no registry, with a proxy or without"))


def _from_registry(folder: Path, *, login: bool) -> Result:
    """Pin the lock from the registry, then judge using only its images."""
    engine = responding_engine("docker")
    if isinstance(engine, EngineError):
        return Result(State.NOT_TESTED, f"the images are pushed with Docker: {engine.message}")
    try:
        with run_registry(folder / "registry", login=login) as registry:
            login_environment = engine_login(registry, folder) if login else {}
            push_images(registry, replace(engine, environment={**engine.environment, **login_environment}), folder)
            clone = clone_without_digests(ROOT, folder)
            environment = {"PYTHONPATH": str(clone), "KINDGATE_ENGINE": "docker", "KINDGATE_IMAGE_SEED": "", **login_environment}
            mirror = ["--registry-mirror", registry.host]
            code, output = run([current_python().with_name("kindgate"), "images", "pin", *mirror], folder, environment, clone)
            if code:
                return Result(State.FAIL, f"kindgate images pin ended with {code}: {output[-400:]}")
            return run_pytest([current_python(), *SMOKE, "--image-source", "registry", *mirror], folder, environment, clone)
    except RegistryUnavailable as error:
        return Result(State.NOT_TESTED, str(error))


def _without_login(folder: Path) -> Result:
    """Without the login, the run must stop before a cluster exists and report the cause."""
    engine = responding_engine("docker")
    if isinstance(engine, EngineError):
        return Result(State.NOT_TESTED, f"the registry is asked with Docker: {engine.message}")
    try:
        with run_registry(folder / "registry", login=True) as registry:
            environment = {"KINDGATE_ENGINE": "docker", "DOCKER_CONFIG": str(folder / "nobody")}
            arguments = ["--image-source", "registry", "--registry-mirror", registry.host]
            code, output = run([current_python(), *SMOKE, *arguments, "--artifacts", folder / "artifacts"], folder, environment)
    except RegistryUnavailable as error:
        return Result(State.NOT_TESTED, str(error))
    line = next((line for line in output.splitlines() if "(401)" in line), "")
    if code and line and "create the cluster" not in output:
        return Result(State.REFUSED, line.strip())
    return Result(State.FAIL, f"exit code {code}: {output[-400:]}")


def _untestable(reason: str, folder: Path) -> Result:
    del folder
    return Result(State.NOT_TESTED, reason)
