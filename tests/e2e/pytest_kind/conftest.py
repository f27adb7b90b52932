"""The environment of the README's examples: an image `myapp`, and the folder with `deployment.yaml`."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from kindgate.host.command import run
from kindgate.host.container_engine import find_engine
from kindgate.waiting import Deadline

FOLDER = Path(__file__).parent


@pytest.fixture(autouse=True)
def _folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)


@pytest.fixture(autouse=True)
def _myapp(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[None]:
    """The user's own image, in the engine during the example that uses it; applied objects are deleted afterwards."""
    if request.node.name != "test_myapp":
        yield
        return
    deadline = Deadline.after(300)
    program = tmp_path / "myapp"
    run(["go", "build", "-o", program, FOLDER / "main.go"], deadline=deadline, env={"CGO_ENABLED": "0", "GOFLAGS": "-trimpath"})
    with tarfile.open(tmp_path / "myapp.tar", "w") as tar:
        tar.add(program, "myapp")
    engine = find_engine(deadline)
    engine.run("import", "--change", 'ENTRYPOINT ["/myapp"]', str(tmp_path / "myapp.tar"), "myapp", deadline=deadline)
    yield
    engine.run("image", "rm", "--force", "myapp", deadline=Deadline.after(60))
    cluster = request.getfixturevalue("kind_cluster")
    cluster.kubectl("delete", "--ignore-not-found", "--wait=false", "-f", str(FOLDER / "deployment.yaml"))
    assert os.fspath(FOLDER / ".pytest-kind") not in [os.fspath(path) for path in FOLDER.iterdir()], "pytest-kind's own folder was made"
