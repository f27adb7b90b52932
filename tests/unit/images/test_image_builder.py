"""Missing programs are compiled together."""

from __future__ import annotations

import json
import os
import signal
import tarfile
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from kindgate.errors import CommandFailed
from kindgate.host.zstd import ZstdFile
from kindgate.images.build import image_builder as module
from kindgate.images.build.catalogue import Catalogue
from kindgate.images.build.image_builder import ImageBuilder
from kindgate.waiting import Deadline
from tests.unit.images.catalogues import catalogue_document


def catalogue(**seconds: float) -> Catalogue:
    """A catalogue of Go programs with their usual build times."""
    programs = {
        name: {"module": f"example.org/{name}", "version": "v1", "main_module": name, "seconds": usual, "megabytes": 20}
        for name, usual in seconds.items()
    }
    return Catalogue.model_validate(catalogue_document(programs))


class BuildSetup:
    """A builder whose Go compiler is a script, in a folder that the script can write to."""

    def __init__(self, folder: Path, script: str, **seconds: float) -> None:
        self.folder = folder
        self.messages: list[str] = []
        for name in seconds:
            (folder / "catalogue" / name).mkdir(parents=True)
        go = folder / "bin" / "go"
        go.parent.mkdir()
        go.write_text(f'#!/bin/sh\nwhile [ $# -gt 0 ]; do [ "$1" = -o ] && out=$2; shift; done\nname=$(basename $PWD)\n{script}\n')
        go.chmod(0o755)
        self.builder = ImageBuilder(
            catalogue(**seconds), folder / "catalogue", folder / "cache", None, self.messages.append, Deadline.after(60)
        )

    @property
    def built(self) -> set[str]:
        """Return the programs in the cache."""
        return {path.name for path in (self.folder / "cache" / "binaries").glob("*/*") if path.suffix != ".sha256"}


@pytest.fixture(autouse=True)
def _paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The scripted compiler is first on PATH, and the root filesystem, which takes a minute to build, exists."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr(module, "root_filesystem", lambda *_arguments: tmp_path)


def test_two_programs_are_built_concurrently(tmp_path: Path) -> None:
    """Otherwise one core would idle while the other links."""
    meeting = (
        f'touch {tmp_path}/$name.here; until [ -e {tmp_path}/a.here -a -e {tmp_path}/b.here ]; do sleep 0.05; done; echo $name > "$out"'
    )
    setup = BuildSetup(tmp_path, meeting, a=10, b=20)

    setup.builder.make_programs(["a", "b"])

    assert setup.built == {"a", "b"}


def test_the_longest_build_starts_first(tmp_path: Path) -> None:
    """The longest build determines the total time."""
    both = f"until [ -e {tmp_path}/kube.here -a -e {tmp_path}/middle.here ]; do sleep 0.05; done"
    script = f'[ $name = short ] && ls {tmp_path} > {tmp_path}/seen; touch {tmp_path}/$name.here; {both}; echo > "$out"'
    setup = BuildSetup(tmp_path, script, short=1, kube=450, middle=30)

    setup.builder.make_programs(["short", "kube", "middle"])

    assert {"kube.here", "middle.here"} <= set((tmp_path / "seen").read_text().split())


def test_the_build_plan_is_reported_first(tmp_path: Path) -> None:
    """The plan lists the usual build time in total and for each program, the downloads, and the cache folder."""
    setup = BuildSetup(tmp_path, 'echo > "$out"', kube=450, etcd=30)

    setup.builder.make_programs(["kube", "etcd"])

    first_message = setup.messages[0]
    assert "kube@v1 (7 min 30 s), etcd@v1 (30 s)" in first_message
    assert "8 min" in first_message
    assert "40 MB" in first_message
    assert str(tmp_path / "cache" / "binaries") in first_message


def test_nothing_is_reported_for_available_programs(tmp_path: Path) -> None:
    """A second run has nothing to build."""
    setup = BuildSetup(tmp_path, 'echo > "$out"', kube=450)
    setup.builder.make_programs(["kube"])
    setup.messages.clear()

    setup.builder.make_programs(["kube"])

    assert setup.messages == []


def test_a_failure_keeps_the_other_programs(tmp_path: Path) -> None:
    """The next run continues from the completed programs."""
    setup = BuildSetup(
        tmp_path, '[ $name = broken ] && { echo "cannot be compiled" >&2; exit 1; }; echo > "$out"', broken=100, kube=50, etcd=10
    )

    with pytest.raises(CommandFailed):
        setup.builder.make_programs(["broken", "kube", "etcd"])

    assert setup.built == {"kube", "etcd"}


def one_module(**seconds: float) -> Catalogue:
    """A catalogue of programs compiled in one module."""
    programs = {
        name: {"module": f"example.org/{name}", "version": "v1", "main_module": "kube", "package": name, "seconds": usual}
        for name, usual in seconds.items()
    }
    return Catalogue.model_validate(catalogue_document(programs))


def test_an_interrupt_terminates_every_compiler(tmp_path: Path) -> None:
    """No compiler is left running or started, and no partial result is used."""
    marker = tmp_path / "started"
    setup = BuildSetup(tmp_path, f"touch {marker}; sleep 600", kube=450, etcd=15)
    builder = replace(setup.builder, deadline=Deadline.after(120), catalogue=one_module(kube=450, etcd=15))

    def interrupt() -> None:
        while not marker.exists():
            threading.Event().wait(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        builder.make_programs(["kube", "etcd"])

    assert setup.built == set()
    assert not any(line.startswith("etcd@v1: compiling") for line in setup.messages)


def of_files(folder: Path) -> ImageBuilder:
    """A builder of an image that has two files of the catalogue's folder."""
    (folder / "start.sh").write_text("#!/bin/sh\n")
    (folder / "start.sh").chmod(0o700)
    (folder / "passwd").write_text("root:x:0:0::/:/bin/sh\n")
    image = {"files": {"/start.sh": "start.sh", "/etc/passwd": "passwd"}, "env": {"LANG": "C.UTF-8"}, "stop_signal": "SIGINT"}
    document = catalogue_document({}, {"database": image})
    return ImageBuilder(Catalogue.model_validate(document), folder, folder / "cache", None, print, Deadline.after(60))


def test_an_image_has_the_catalogues_files_and_settings(tmp_path: Path) -> None:
    """A file that can be run can be run in the image, by every user."""
    (image,) = of_files(tmp_path).images({"database:1": "database"})

    configuration, layer = image.blobs
    with configuration.opened() as file:
        config = json.load(file)["config"]
    assert (config["StopSignal"], min(config["Env"])) == ("SIGINT", "LANG=C.UTF-8")
    with (
        layer.opened() as packed,
        ZstdFile(packed) as plain,
        tarfile.open(fileobj=plain, mode="r|") as tar,
    ):
        modes = {member.name: member.mode for member in tar if member.isfile()}
    assert modes == {"start.sh": 0o755, "etc/passwd": 0o644}


def test_a_changed_file_makes_another_image(tmp_path: Path) -> None:
    """The cached archive has the old one."""
    builder = of_files(tmp_path)
    before = builder.images_key({"database:1": "database"})

    (tmp_path / "passwd").write_text("root:x:0:0::/root:/bin/sh\n")

    assert builder.images_key({"database:1": "database"}) != before


def test_programs_of_one_module_are_built_in_sequence(tmp_path: Path) -> None:
    """The second build reuses the shared packages; in parallel, it would compile them again."""
    setup = BuildSetup(tmp_path, "true", kube=450, etcd=15)
    go = tmp_path / "bin" / "go"
    alone = f"mkdir {tmp_path}/alone || exit 3; sleep 0.2; rmdir {tmp_path}/alone"
    go.write_text(f'#!/bin/sh\nwhile [ $# -gt 0 ]; do [ "$1" = -o ] && out=$2; shift; done\n{alone}; echo > "$out"\n')
    shared = replace(setup.builder, catalogue=one_module(kube=450, etcd=15))

    shared.make_programs(["kube", "etcd"])

    assert setup.built == {"kube", "etcd"}
