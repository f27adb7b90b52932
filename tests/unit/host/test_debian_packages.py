"""Programs in Debian packages: taken from the pinned package, or skipped if apt does not have it."""

from __future__ import annotations

import pytest

from kindgate.errors import ToolError
from kindgate.host.binaries import SourceAbsent
from kindgate.host.debian_packages import DebianRecipe
from tests.unit.host.apt_machine import PROGRAM, Machine


def test_a_program_is_extracted_from_its_package(machine: Machine) -> None:
    """The program is ready to run and comes from the pinned suite's index; the machine's own sources are not read."""
    program = machine.provide(machine.recipe())

    assert program.read_bytes() == PROGRAM
    assert program.stat().st_mode & 0o111
    assert (machine.folder / "called").read_text().count("Dir::Etc::sourceparts=-") == 2


def test_a_package_is_fetched_once(machine: Machine) -> None:
    """A second request uses the cache."""
    machine.provide(machine.recipe())
    called = (machine.folder / "called").read_text()
    machine.provide(machine.recipe())

    assert (machine.folder / "called").read_text() == called


def test_a_missing_version_counts_as_absent(machine: Machine) -> None:
    """Debian's unstable suite drops old versions, so another source is tried."""
    with pytest.raises(SourceAbsent, match="Debian sid hello 9"):
        machine.provide(machine.recipe(version="9"))


@pytest.mark.parametrize("obstacle", ["no mirror", "no network", "no checksum"])
def test_an_unavailable_source_counts_as_absent(machine: Machine, obstacle: str) -> None:
    """An apt without Debian, a missing network and an unpinned platform all count as absent."""
    recipe = machine.recipe()
    if obstacle == "no mirror":
        machine.answers(mirror="http://mirror.example/ubuntu Ubuntu Ubuntu")
    elif obstacle == "no network":
        machine.answers(update='echo "E: Failed to fetch" >&2; exit 100')
    else:
        recipe = DebianRecipe("hello", "hello", "1.2.3-4", "sid", "usr/bin/hello", {"plan9-mips": "0" * 64})

    with pytest.raises(SourceAbsent):
        machine.provide(recipe)


def test_a_changed_package_under_the_pinned_version_is_an_error(machine: Machine) -> None:
    """A changed package is not an absent one: no other source is tried, and nothing is kept."""
    with pytest.raises(ToolError, match="SHA-256") as refused:
        machine.provide(machine.recipe(checksum="0" * 64))

    assert not isinstance(refused.value, SourceAbsent)
    assert not list((machine.folder / "cache").glob("hello*/*"))


def test_a_package_rejected_by_apt_is_an_error(machine: Machine) -> None:
    """A package that apt itself rejects is an error too."""
    machine.answers(update='echo "E: Failed to fetch x  Hash Sum mismatch" >&2; exit 100')

    with pytest.raises(ToolError) as refused:
        machine.provide(machine.recipe())

    assert not isinstance(refused.value, SourceAbsent)


def test_a_package_without_the_program_is_an_error(machine: Machine) -> None:
    """A wrong path inside the package is an error."""
    with pytest.raises(ToolError, match="usr/bin/bonjour"):
        machine.provide(machine.recipe(inside="usr/bin/bonjour"))
