"""Programs from a Debian release's packages: fetched by apt and verified against their package's SHA-256."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kindgate.errors import CommandError, ToolError
from kindgate.host.binaries import SourceAbsent, check_sum, host_platform
from kindgate.host.command import run
from kindgate.host.packed import PackedProgram
from kindgate.waiting import Deadline

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
"""Debian's release signing keys, from the package debian-archive-keyring."""

_ALTERED = "Hash Sum mismatch"
"""apt's output if a package does not match the signed index."""

_NEXT_STEP = "check the Debian mirror: the files of a released version never change"


@dataclass(frozen=True)
class DebianRecipe(PackedProgram):
    """A program inside a Debian package; `host.binaries.provide_binary` fetches and keeps it.

    `inside` is the program's path in the package; `sums` has the package's SHA-256 for each platform. The suite's index
    is read with a separate apt configuration: the machine's sources and packages stay untouched.
    """

    name: str
    package: str
    version: str
    suite: str
    inside: str
    sums: Mapping[str, str]
    action: str = "fetching"
    seconds: float = 0.0

    @property
    def key(self) -> str:
        """Distinguishes the package of this platform, and the file in it."""
        parts = [self.name, self.package, self.version, self.inside, host_platform(), self.sums.get(host_platform(), "")]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]

    @property
    def origin(self) -> str:
        """The package, its version and the Debian release."""
        return f"Debian {self.suite} {self.package} {self.version}"

    def make(self, target: Path, work: Path, deadline: Deadline) -> None:
        """Write the program to `target`.

        Raises `SourceAbsent` naming the package if it is unavailable, and `ToolError` if it is not the pinned one.
        """
        work.mkdir()
        expected = self.pinned_sum()
        package = self._downloaded(work, deadline)
        check_sum(package, expected, _NEXT_STEP)
        run(["dpkg-deb", "--extract", package, work / "files"], deadline=deadline)
        program = work / "files" / self.inside
        if not program.is_file():
            raise ToolError(f"{self.origin} has no file {self.inside}", next_step="correct the path inside the package")
        program.replace(target)

    def _downloaded(self, work: Path, deadline: Deadline) -> Path:
        """The package file according to the suite's signed index."""
        if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
            raise SourceAbsent(f"cannot fetch {self.origin}: this machine has no apt")
        mirror = configured_mirror(deadline)
        if not mirror:
            raise SourceAbsent(f"cannot fetch {self.origin}: this machine's apt has no Debian mirror")
        apt = ["apt-get", *_private_configuration(work, mirror, self.suite)]
        try:
            run([*apt, "update", "-qq"], deadline=deadline)
            run([*apt, "download", "-qq", f"{self.package}={self.version}"], cwd=work, deadline=deadline)
        except CommandError as error:
            if _ALTERED in error.last_state:
                raise ToolError(
                    f"{self.origin} does not match Debian's signed index", last_state=error.last_state, next_step=_NEXT_STEP
                ) from error
            raise SourceAbsent(f"apt cannot fetch {self.origin}", last_state=error.last_state) from error
        (package,) = work.glob("*.deb")
        return package


def configured_mirror(deadline: Deadline) -> str:
    """The Debian mirror in this machine's apt sources; empty on Ubuntu, which has none."""
    listing = run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(ORIGIN) $(LABEL)"], deadline=deadline, check=False).stdout
    rows = (line.split() for line in listing.splitlines())
    return next((row[0] for row in rows if len(row) >= 3 and row[1:3] == ["Debian", "Debian"]), "")


def _private_configuration(folder: Path, mirror: str, suite: str) -> list[str]:
    """Options that make apt keep everything in `folder` and use only this suite."""
    for name in ("state/lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    (folder / "state" / "status").touch()
    signed = f"[signed-by={KEYRING}] " if Path(KEYRING).exists() else ""
    (folder / "sources.list").write_text(f"deb {signed}{mirror} {suite} main\n")
    options = {
        "Dir::Etc::sourcelist": folder / "sources.list",
        "Dir::Etc::sourceparts": "-",
        "Dir::State": folder / "state",
        "Dir::State::status": folder / "state" / "status",
        "Dir::Cache": folder / "cache",
        "Acquire::Languages": "none",
        "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
        "APT::Sandbox::User": "root",
    }
    return [argument for name, value in options.items() for argument in ("-o", f"{name}={value}")]
