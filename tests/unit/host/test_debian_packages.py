"""Programs in Debian packages: taken from the pinned package, or passed over where apt does not have it."""

from __future__ import annotations

import pytest

from kindgate.errors import ToolError
from kindgate.host.binaries import SourceAbsent
from kindgate.host.debian_packages import DebianRecipe
from tests.unit.host.apt_machine import PROGRAM, Machine


def test_a_program_is_taken_from_its_package(machine: Machine) -> None:
    """Ready to run, from the suite's own index alone: the machine's sources are not read."""
    program = machine.provide(machine.recipe())

    assert program.read_bytes() == PROGRAM
    assert program.stat().st_mode & 0o111
    assert (machine.folder / "called").read_text().count("Dir::Etc::sourceparts=-") == 2


def test_a_package_is_fetched_once(machine: Machine) -> None:
    """The cache is asked first."""
    machine.provide(machine.recipe())
    called = (machine.folder / "called").read_text()
    machine.provide(machine.recipe())

    assert (machine.folder / "called").read_text() == called


def test_another_version_is_absence(machine: Machine) -> None:
    """Releases in development drop old versions; another source may have the program."""
    with pytest.raises(SourceAbsent, match="Debian sid hello 9"):
        machine.provide(machine.recipe(version="9"))


@pytest.mark.parametrize("what", ["no mirror", "no network", "no checksum"])
def test_what_cannot_be_asked_is_absent(machine: Machine, what: str) -> None:
    """A machine whose apt knows no Debian, one without a network, and a platform that nobody has pinned."""
    recipe = machine.recipe()
    if what == "no mirror":
        machine.answers(mirror="http://mirror.example/ubuntu Ubuntu Ubuntu")
    elif what == "no network":
        machine.answers(update='echo "E: Failed to fetch" >&2; exit 100')
    else:
        recipe = DebianRecipe("hello", "hello", "1.2.3-4", "sid", "usr/bin/hello", {"plan9-mips": "0" * 64})

    with pytest.raises(SourceAbsent):
        machine.provide(recipe)


def test_another_package_under_the_pinned_version_is_an_error(machine: Machine) -> None:
    """It is no absence: no other source is tried, and nothing is kept."""
    with pytest.raises(ToolError, match="SHA-256") as refused:
        machine.provide(machine.recipe(checksum="0" * 64))

    assert not isinstance(refused.value, SourceAbsent)
    assert not list((machine.folder / "cache").glob("hello*/*"))


def test_a_package_that_is_not_the_signed_one_is_an_error(machine: Machine) -> None:
    """What apt itself refuses is no absence either."""
    machine.answers(update='echo "E: Failed to fetch x  Hash Sum mismatch" >&2; exit 100')

    with pytest.raises(ToolError) as refused:
        machine.provide(machine.recipe())

    assert not isinstance(refused.value, SourceAbsent)


def test_a_package_without_the_program_is_an_error(machine: Machine) -> None:
    """The path inside it is wrong."""
    with pytest.raises(ToolError, match="usr/bin/bonjour"):
        machine.provide(machine.recipe(inside="usr/bin/bonjour"))
