"""Trust in cached programs: the checksums of `outputs.lock`, and whether the cache is trusted for programs without one."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import yaml

from kindgate.errors import ToolError

LOCK = Path(__file__).with_name("outputs.lock")

TRUSTED = "KINDGATE_CACHE_TRUSTED"
"""Variable that, set to `1` in GitHub Actions, marks the restored cache as writable only by runs of the default branch."""

PACKAGE = "package"
"""What made a program that was not compiled here but taken from a wheel or a Debian package."""

_RECORD_NAME = "kindgate-made"
"""File in the job's temporary folder that lists what this job has made."""


def locked_sums(name: str, file: Path = LOCK) -> Mapping[str, str]:
    """The checksums of the program `name` (`TITLE-KEY`), by what made it; raises `ToolError` for an invalid lock."""
    try:
        locked = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        sums: dict[str, str] = dict(locked.get(name, {}))
    except (OSError, yaml.YAMLError, AttributeError, TypeError, ValueError) as error:
        raise ToolError(f"{file} is not a valid program lock", last_state=str(error), next_step="restore it from the repository") from error
    return sums


def is_trusted(path: Path, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether a cached file without a checksum may be used: in GitHub Actions only if this job made it, or the cache is trusted.

    A runner's cache may have been written by another pull request's code.
    """
    if environment.get("GITHUB_ACTIONS") != "true" or environment.get(TRUSTED) == "1":
        return True
    record = _record(environment)
    return record is not None and record.exists() and str(path.absolute()) in record.read_text(encoding="utf-8").splitlines()


def record_built(path: Path, environment: Mapping[str, str] = os.environ) -> None:
    """Record that this job made it."""
    record = _record(environment) if environment.get("GITHUB_ACTIONS") == "true" else None
    if record is not None:
        with record.open("a", encoding="utf-8") as file:
            file.write(f"{path.absolute()}\n")


def _record(environment: Mapping[str, str]) -> Path | None:
    """The record file, in the folder that the runner empties before each job."""
    folder = environment.get("RUNNER_TEMP")
    return Path(folder) / _RECORD_NAME if folder else None


def _main(folder: Path) -> None:
    from kindgate.host.binaries import go_version_of, sum_of  # noqa: PLC0415 - that module imports this one
    from kindgate.waiting import Deadline  # noqa: PLC0415 - only needed to write the lock

    for program in sorted(folder.glob("*@*-*/*")):
        if program.suffix != ".sha256" and not program.is_symlink():
            is_compiled = "@v" in program.parent.name  # the version of a Go module, unlike that of a package, starts with a v
            maker = go_version_of(program, Deadline.after(60)) if is_compiled else PACKAGE
            print(f"{program.parent.name}: {{{maker}: {sum_of(program)}}}")  # noqa: T201 - the output


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
