"""The files between a step and the runner (GITHUB_OUTPUT, _ENV, _PATH, _STEP_SUMMARY), and `hashFiles`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

VARIABLES = ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY", "GITHUB_STATE")


@dataclass(frozen=True)
class CommandFiles:
    """One step's files, initially empty."""

    folder: Path

    @classmethod
    def create(cls, folder: Path) -> CommandFiles:
        """Create empty files in `folder`."""
        folder.mkdir(parents=True)
        for name in VARIABLES:
            (folder / name).touch()
        return cls(folder)

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables with their paths."""
        return {name: str(self.folder / name) for name in VARIABLES}

    def assignments(self, name: str) -> dict[str, str]:
        """The variables written to GITHUB_OUTPUT or GITHUB_ENV."""
        return parse_assignments((self.folder / name).read_text())

    def lines(self, name: str) -> list[str]:
        """The lines of GITHUB_PATH."""
        return (self.folder / name).read_text().splitlines()

    @property
    def summary(self) -> str:
        """The step's summary."""
        return (self.folder / "GITHUB_STEP_SUMMARY").read_text()


def parse_assignments(text: str) -> dict[str, str]:
    """Parse `name=value` lines and `name<<DELIMITER` blocks; raises `ValueError` for anything else, as the runner does."""
    assignments: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        if not line:
            continue
        equals, opening = line.find("="), line.find("<<")
        if opening >= 0 and (equals < 0 or opening < equals):
            name, _, delimiter = line.partition("<<")
            block: list[str] = []
            for inner in lines:
                if inner == delimiter:
                    break
                block.append(inner)
            else:
                raise ValueError(f"{name}: the delimiter {delimiter!r} is missing")
            assignments[name] = "\n".join(block)
        elif equals > 0:
            assignments[line[:equals]] = line[equals + 1 :]
        else:
            raise ValueError(f"not an assignment: {line!r}")
    return assignments


def hash_files(workspace: Path, *patterns: str) -> str:
    """`hashFiles`: SHA-256 over the SHA-256 of each matching file, in order of their paths; empty if none matches."""
    matches: set[Path] = set()
    for pattern in patterns:
        if pattern.startswith("!"):
            matches -= set(workspace.glob(pattern[1:]))
        else:
            matches |= set(workspace.glob(pattern + "/*" if pattern.endswith("**") else pattern))
    files = sorted(file for file in matches if file.is_file())
    return hashlib.sha256(b"".join(hashlib.sha256(file.read_bytes()).digest() for file in files)).hexdigest() if files else ""


def merged(*environments: Mapping[str, str]) -> dict[str, str]:
    """Merge environments; later ones take precedence."""
    merged_environment: dict[str, str] = {}
    for environment in environments:
        merged_environment |= environment
    return merged_environment
