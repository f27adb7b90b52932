"""A machine whose apt is a script that serves one real package."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from kindgate.host.binaries import host_platform, provide_binary
from kindgate.host.debian_packages import DebianRecipe
from kindgate.waiting import Deadline

PROGRAM = b"#!/bin/sh\necho hello\n"

APT = """#!/bin/sh
echo "$@" >> {folder}/called
case "$*" in
  indextargets*) echo "{mirror}" ;;
  *update*) {update} ;;
  *hello=1.2.3-4) cp {folder}/hello.deb . ;;
  *) echo "E: Version '9' for 'hello' was not found" >&2; exit 100 ;;
esac
"""


class Machine:
    """A machine whose apt is a script that serves one real package."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        (folder / "bin").mkdir()
        monkeypatch.setenv("PATH", f"{folder / 'bin'}:/usr/bin:/bin")
        tree = folder / "tree"
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "DEBIAN" / "control").write_text(
            "Package: hello\nVersion: 1.2.3-4\nArchitecture: all\nMaintainer: me\nDescription: hello\n"
        )
        (tree / "usr" / "bin").mkdir(parents=True)
        (tree / "usr" / "bin" / "hello").write_bytes(PROGRAM)
        subprocess.run(["dpkg-deb", "--build", tree, folder / "hello.deb"], check=True, capture_output=True)
        self.answers()

    def answers(self, *, mirror: str = "http://mirror.example/debian Debian Debian", update: str = ":") -> None:
        """Make apt list this mirror and run `update` when its index is updated."""
        apt = self.folder / "bin" / "apt-get"
        apt.write_text(APT.format(folder=self.folder, mirror=mirror, update=update))
        apt.chmod(0o755)

    def recipe(self, version: str = "1.2.3-4", inside: str = "usr/bin/hello", checksum: str = "") -> DebianRecipe:
        """Return the recipe that pins the package."""
        real = hashlib.sha256((self.folder / "hello.deb").read_bytes()).hexdigest()
        return DebianRecipe("hello", "hello", version, "sid", inside, {host_platform(): checksum or real})

    def provide(self, recipe: DebianRecipe) -> Path:
        """Provide the program from a separate cache."""
        return provide_binary(recipe, cache=self.folder / "cache", seed=None, deadline=Deadline.after(60), progress=print)
