"""Registry cells: one that responds, one that requires a login, and one that refuses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from kindgate.errors import EngineError
from tests.matrix.cell import ROOT, SMOKE, Cell, Seen, State, pytest_seen, run, this_python
from tests.matrix.hosts import answering
from tests.matrix.registry import CannotProvide, clone_without_digests, engine_login, fill, serving


def cells() -> Iterator[Cell]:
    """A registry without login, one whose login the engine has, and one whose login it lacks."""
    yield Cell("Registry", "a registry that answers, pinned by `kindgate images pin`", partial(_from_registry, login=False))
    yield Cell("Registry", "a registry that wants a login, and the engine has it", partial(_from_registry, login=True))
    yield Cell("Registry", "a registry that wants a login, and the engine has none (401)", _refused)
    yield Cell("Registry", "a registry that refuses (403) or limits (429)", partial(_never, "distribution's registry gives neither answer"))
    yield Cell("Registry", "a proxy that must be used", partial(_never, "this machine reaches no registry, with a proxy or without"))


def _from_registry(folder: Path, *, login: bool) -> Seen:
    """Pin the lock from the registry, then judge using only its images."""
    engine = answering("docker")
    if isinstance(engine, EngineError):
        return Seen(State.NOT_SEEN, f"the images are pushed with Docker: {engine.message}")
    try:
        with serving(folder / "registry", login=login) as registry:
            logged_in = engine_login(registry, folder) if login else {}
            fill(registry, replace(engine, environment={**engine.environment, **logged_in}), folder)
            clone = clone_without_digests(ROOT, folder)
            known = {"PYTHONPATH": str(clone), "KINDGATE_ENGINE": "docker", "KINDGATE_IMAGE_SEED": "", **logged_in}
            mirror = ["--registry-mirror", registry.host]
            code, said = run([this_python().with_name("kindgate"), "images", "pin", *mirror], folder, known, clone)
            if code:
                return Seen(State.FAIL, f"kindgate images pin ended with {code}: {said[-400:]}")
            return pytest_seen([this_python(), *SMOKE, "--image-source", "registry", *mirror], folder, known, clone)
    except CannotProvide as error:
        return Seen(State.NOT_SEEN, str(error))


def _refused(folder: Path) -> Seen:
    """Without the login, the run must stop before a cluster exists and report the cause."""
    engine = answering("docker")
    if isinstance(engine, EngineError):
        return Seen(State.NOT_SEEN, f"the registry is asked with Docker: {engine.message}")
    try:
        with serving(folder / "registry", login=True) as registry:
            own = {"KINDGATE_ENGINE": "docker", "DOCKER_CONFIG": str(folder / "nobody")}
            arguments = ["--image-source", "registry", "--registry-mirror", registry.host]
            code, said = run([this_python(), *SMOKE, *arguments, "--artifacts", folder / "artifacts"], folder, own)
    except CannotProvide as error:
        return Seen(State.NOT_SEEN, str(error))
    line = next((line for line in said.splitlines() if "(401)" in line), "")
    if code and line and "create the cluster" not in said:
        return Seen(State.REFUSED, line.strip())
    return Seen(State.FAIL, f"exit code {code}: {said[-400:]}")


def _never(reason: str, folder: Path) -> Seen:
    del folder
    return Seen(State.NOT_SEEN, reason)
