"""An iptables and an ip6tables that keep their FORWARD chain in a file, so no test needs root or changes the host.

Called as `firewall_stand_in.py FILE ARGUMENTS...`; a chain with the line `refused` takes no rules, and one with the line
`unreadable` cannot even be listed.
"""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

DROPS = "-P FORWARD DROP"


@dataclass(frozen=True)
class Firewall:
    """The chains of both programs, in the format of `iptables -S`."""

    folder: Path

    def rules(self, program: str = "iptables") -> list[str]:
        """Return the chain's lines except its policy."""
        return [line for line in self._file(program).read_text(encoding="utf-8").splitlines() if line.startswith("-A")]

    def write(self, *lines: str) -> None:
        """Set this chain for both programs."""
        for program in ("iptables", "ip6tables"):
            self._file(program).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def _file(self, program: str) -> Path:
        return self.folder / f"{program}.rules"


def install_firewall(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Firewall:
    """Put both programs first on PATH; their policy is DROP."""
    folder.mkdir()
    firewall = Firewall(folder)
    firewall.write(DROPS)
    for program in ("iptables", "ip6tables"):
        script = folder / program
        script.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S {__file__} {folder}/{program}.rules "$@"\n', encoding="utf-8")
        script.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    return firewall


def main(file: Path, arguments: list[str]) -> int:
    """Run one iptables command."""
    chain = file.read_text(encoding="utf-8").splitlines()
    match arguments:
        case ["-w", _, "-S", "FORWARD"] if chain != ["unreadable"]:
            sys.stdout.write("".join(f"{line}\n" for line in chain if line != "refused"))
            return 0
        case ["-w", _, "-C", "FORWARD", *rule]:
            return 0 if _line(rule) in chain else 1
        case ["-w", _, "-I", "FORWARD", *rule] if "refused" not in chain:
            chain.insert(1, _line(rule))
        case ["-w", _, "-D", "FORWARD", *rule] if "refused" not in chain and _line(rule) in chain:
            chain.remove(_line(rule))
        case _:
            sys.stderr.write("iptables: Permission denied (you must be root)\n")
            return 4
    file.write_text("".join(f"{line}\n" for line in chain), encoding="utf-8")
    return 0


def _line(rule: list[str]) -> str:
    return f"-A FORWARD {shlex.join(rule)}"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
