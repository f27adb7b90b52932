"""`auto` uses the registry if one responds, and otherwise builds if the machine can."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kindgate.errors import ImageError, RegistryUnreachable
from kindgate.host.facts import HostFacts
from kindgate.images.image_lock import ImageLock
from kindgate.images.image_plan import ImagePlan, WantedImage
from kindgate.images.image_reference import ImageReference
from kindgate.images.source_choice import choose_source
from kindgate.settings import ImageSettings

FACTS = HostFacts("linux", "x86_64", "debian", "bookworm", 2, 1_048_576, cap_sys_resource=True, cpus=4, memory=2**34, root=True)
UNREACHABLE = "127.0.0.1:1"


@pytest.fixture
def mute_registry() -> Iterator[str]:
    """A host that closes every connection: not a registry, but an immediate response."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def choose(
    stand_in: Any, folder: Path, settings: ImageSettings, facts: HostFacts = FACTS, node: str = UNREACHABLE
) -> tuple[str, list[str]]:
    """Return the name of the chosen source, and the reported lines."""
    messages: list[str] = []
    lock = ImageLock.model_validate({"node": {"image": f"{node}/kindest/node:v1"}})
    chosen = choose_source(
        settings,
        ImagePlan(()),
        engine=stand_in.engine,
        facts=facts,
        lock=lock,
        catalogue=folder,
        cache=folder,
        folder=folder,
        progress=messages.append,
    )
    return chosen.name, messages


def test_without_a_registry_images_are_built_and_reported_first(stand_in: Any, tmp_path: Path) -> None:
    """Root on Debian can build, and the run reports that before it starts."""
    name, messages = choose(stand_in, tmp_path, ImageSettings())

    assert name == "build"
    assert len(messages) == 1
    assert "no container registry responds" in messages[0]


def test_a_fallback_build_reports_the_missing_registry(stand_in: Any, tmp_path: Path) -> None:
    """If the missing registry is why images are built, the error does not blame the image's name."""
    lock = ImageLock.model_validate({"node": {"image": f"{UNREACHABLE}/kindest/node:v1"}})
    arguments = {"engine": stand_in.engine, "facts": FACTS, "lock": lock, "catalogue": tmp_path, "cache": tmp_path, "folder": tmp_path}

    fallback, requested = (
        choose_source(ImageSettings(source=name), ImagePlan(()), **arguments, progress=print) for name in ("auto", "build")
    )

    assert fallback.missing_message("x") == "no container registry responds, but x cannot be built here"
    assert requested.missing_message("x") == "--image-source build: x cannot be built here"


@pytest.mark.parametrize("facts", [replace(FACTS, root=False), replace(FACTS, os_id="fedora"), replace(FACTS, system="darwin")])
def test_without_a_registry_a_machine_that_cannot_build_is_an_error(facts: HostFacts, stand_in: Any, tmp_path: Path) -> None:
    """A machine that cannot build is an error immediately, whether building is requested or chosen."""
    with pytest.raises(RegistryUnreachable, match="no container registry responds"):
        choose(stand_in, tmp_path, ImageSettings(), facts)
    with pytest.raises(ImageError, match="root on Debian or Ubuntu"):
        choose(stand_in, tmp_path, ImageSettings(source="build"), facts)


def test_an_unresponsive_mirror_is_an_error(stand_in: Any, tmp_path: Path) -> None:
    """A configured mirror that does not respond is an error, not a reason to build."""
    with pytest.raises(RegistryUnreachable, match=f"mirror {UNREACHABLE} does not respond"):
        choose(stand_in, tmp_path, ImageSettings(registry_mirror=UNREACHABLE))


def test_the_name_of_images_built_here_is_not_probed(stand_in: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Looking up a name below .local can take seconds."""
    caplog.set_level("DEBUG", "kindgate")
    wanted = WantedImage(ImageReference.parse("kindgate.local/shop:1"), ())
    lock = ImageLock.model_validate({"node": {"image": f"{UNREACHABLE}/kindest/node:v1"}})

    choose_source(
        ImageSettings(),
        ImagePlan((wanted,)),
        engine=stand_in.engine,
        facts=FACTS,
        lock=lock,
        catalogue=tmp_path,
        cache=tmp_path,
        folder=tmp_path,
        progress=print,
    )

    assert UNREACHABLE in caplog.text
    assert "kindgate.local" not in caplog.text


def test_a_requested_source_is_used_without_probing(stand_in: Any, tmp_path: Path) -> None:
    """An explicit source is used without probing a registry or reporting anything."""
    assert choose(stand_in, tmp_path, ImageSettings(source="registry")) == ("registry", [])
    assert choose(stand_in, tmp_path, ImageSettings(source="build")) == ("build", [])
