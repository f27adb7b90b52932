"""`--app-build`, and the engine's command line for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindgate.errors import ImageError, SettingsError
from kindgate.host.container_engine import Engine
from kindgate.image_arguments import AppBuild
from kindgate.images.app_images import AppImage, build_app_images
from kindgate.settings import ImageSettings
from kindgate.waiting import Deadline

PROGRAM = (
    '#!/bin/sh\nprintf "%s " "$@" >> "$(dirname "$0")/asked"\n[ ! -f "$(dirname "$0")/fails" ] || { echo no space left >&2; exit 1; }\n'
)


@pytest.fixture(name="engine")
def _engine(tmp_path: Path) -> Engine:
    """An engine that records its arguments."""
    program = tmp_path / "docker"
    program.write_text(PROGRAM)
    program.chmod(0o755)
    (tmp_path / "web").mkdir()
    (tmp_path / "web/Dockerfile").touch()
    (tmp_path / "web/api.Dockerfile").touch()
    return Engine("docker", program, "29.0.0")


@pytest.mark.parametrize(
    ("text", "file", "target"),
    [
        ("web:dev=../web", "Dockerfile", ""),
        ("web:dev=../web,file=api.Dockerfile", "api.Dockerfile", ""),
        ("web:dev=../web,file=api.Dockerfile,target=run", "api.Dockerfile", "run"),
    ],
)
def test_a_build_is_one_engine_call(engine: Engine, tmp_path: Path, text: str, file: str, target: str) -> None:
    """The folder is relative to the settings' folder, the file to the build's."""
    image = AppImage.of(AppBuild.parse(text), tmp_path / "e2e")

    build_app_images([image], engine, Deadline.after(20), lambda _line: None)

    stage = f"--target {target} " if target else ""
    assert (tmp_path / "asked").read_text() == f"build --force-rm --tag web:dev --file {tmp_path}/web/{file} {stage}{tmp_path}/web "


def test_a_failed_build_quotes_the_engine(engine: Engine, tmp_path: Path) -> None:
    """The error has the engine's message and the command to reproduce it."""
    (tmp_path / "fails").touch()

    with pytest.raises(ImageError, match="cannot build web:dev") as caught:
        build_app_images([AppImage.of(AppBuild.parse("web:dev=web"), tmp_path)], engine, Deadline.after(20), lambda _line: None)

    assert "no space left" in caught.value.last_state
    assert "docker build --force-rm --tag web:dev" in caught.value.next_step


def test_a_missing_file_is_named_before_building(engine: Engine, tmp_path: Path) -> None:
    """A misspelled path is an error before anything is built."""
    images = [AppImage.of(AppBuild.parse(text), tmp_path) for text in ("web:dev=web", "x=web,file=Nope")]

    with pytest.raises(ImageError, match="Nope was not found"):
        build_app_images(images, engine, Deadline.after(20), lambda _line: None)

    assert not (tmp_path / "asked").exists()


@pytest.mark.parametrize("text", ["web", "=web", "web=", "web=a,file=", "web=a,stage=b", "web=a,file=b,target=c,file=d"])
def test_an_invalid_build_option_is_refused(text: str) -> None:
    """The error shows the expected form."""
    with pytest.raises(SettingsError, match="--app-build"):
        ImageSettings(build=(text,))
