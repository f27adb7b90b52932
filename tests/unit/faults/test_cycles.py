"""Growth over many cycles, as distinct from normal variation."""

from __future__ import annotations

from dataclasses import replace

from tests.faults.cycles import Cycle, growth, summary

CYCLE = Cycle(exit_code=0, seconds=20.0, containers=1, networks=3, volumes=0, files=0, memory=200.0, descriptors=80)


def test_a_steady_machine_shows_no_growth() -> None:
    """Memory that varies by a tenth is the garbage collector's."""
    assert growth([replace(CYCLE, memory=200 + 20 * (number % 2)) for number in range(50)]) == []


def test_each_kind_of_growth_is_reported() -> None:
    """Containers and other objects may not grow by even one; memory and descriptors may vary."""
    cycles = [replace(CYCLE, memory=200 + 2 * number, descriptors=80 + number) for number in range(50)]
    cycles[-1] = replace(cycles[-1], volumes=1)

    text = "\n".join(growth(cycles))
    assert "volumes: 0 after the first cycle, 1 after the last" in text
    assert "memory: from 214 to 294 MiB" in text
    assert "descriptors: from 87 to 127" in text


def test_a_failed_cycle_is_reported_by_number() -> None:
    """All fifty must pass."""
    assert growth([CYCLE, replace(CYCLE, exit_code=16)]) == ["cycle 2 ended with 16"]


def test_the_summary_lists_every_time() -> None:
    """It also has the first and last value of everything that must not grow."""
    lines = summary([CYCLE, replace(CYCLE, seconds=31.0)])

    assert lines[0] == "2 cycles, 2 passed"
    assert "seconds: 20 31" in lines
    assert "volumes: 0 after the first cycle, 0 after the last" in lines
